"""Stored values: one frame as the file holds it, decoded by a named decoder, sign- and bit-correct."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import encaps, uid
from pydicom.pixels.decoders.base import get_decoder

from medxfer.data.dicom.header import DicomError, Header, refusing
from medxfer.data.dicom.read_header import PIXEL_ELEMENTS, read_header
from medxfer.data.dicom.silence import silence

# Decoders differ on lossy files, so each syntax has its own, whatever else is installed.
DECODERS: Final = {
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit), "pylibjpeg"),  # libjpeg
    **dict.fromkeys((uid.JPEGLossless, uid.JPEGLosslessSV1), "pylibjpeg"),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), "pyjpegls"),  # CharLS
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000), "pylibjpeg"),  # OpenJPEG
    **dict.fromkeys((uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K), "pylibjpeg"),
    uid.RLELossless: "pylibjpeg",
}
NATIVE: Final = uid.UncompressedTransferSyntaxes
_LOSSLESS_JPEG: Final = (uid.JPEGLossless, uid.JPEGLosslessSV1)
_PIXEL_GROUP: Final = 0x7FE0  # elements are in the order of their groups
_HASHED: Final = 2**16  # bytes, which are some tens of rows
_CODESTREAMS: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")  # JPEG and JPEG-LS, JPEG 2000, JP2
_RLE_HEADER_BYTES = 64  # PS3.5 G.5

MAX_FRAME_BYTES = 2**27  # decoded; 67 million pixels of 16 bits, more than any detector or stitched radiograph has

GRAY: Final = ("MONOCHROME1", "MONOCHROME2")
COLOR: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
_PRESENTATION_STATES: Final = "1.2.840.10008.5.1.4.1.1.11."  # how their SOP classes begin (PS3.4 B.5)


@dataclass(frozen=True)
class PixelFormat:
    """What the header claims about the pixel data, checked for sense (PS3.3 C.7.6.3); the names are pydicom's."""

    rows: int
    columns: int
    number_of_frames: int
    samples_per_pixel: int
    planar_configuration: int
    photometric_interpretation: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int

    @property
    def frame_bits(self) -> int:
        samples = 2 if self.photometric_interpretation == "YBR_FULL_422" else self.samples_per_pixel
        return self.rows * self.columns * samples * self.bits_allocated


def pixel_format(header: Header, element: str) -> PixelFormat:
    """Raises DicomError for claims that cannot be true or that would take too much memory."""
    rows = header.required_integer("Rows", 1, 0xFFFF)
    columns = header.required_integer("Columns", 1, 0xFFFF)
    photometric = (header.text("PhotometricInterpretation") or "").upper()
    expected = 3 if photometric in COLOR and photometric != "PALETTE COLOR" else 1
    samples = header.integer("SamplesPerPixel") or expected
    if not photometric:
        raise header.error("it has no PhotometricInterpretation")
    if photometric not in (*GRAY, *COLOR) or samples != expected:
        raise header.error(f"{samples} samples a pixel do not fit its photometric interpretation", "not grayscale")
    bits = header.required_integer("BitsAllocated", 1, 64)
    if bits not in (1, 8, 16, 32, 64):
        raise header.error(f"{bits} bits allocated are not supported")
    if rows * columns * samples * bits > MAX_FRAME_BYTES * 8:
        raise header.error(f"a frame of {rows} × {columns} pixels of {bits} bits is too large", "too large")
    is_float = element != "PixelData"
    stored = bits if is_float else header.required_integer("BitsStored", 1, bits)
    high_bit = stored - 1 if header.get("HighBit") is None else header.required_integer("HighBit", stored - 1, bits - 1)
    return PixelFormat(
        rows=rows,
        columns=columns,
        number_of_frames=max(header.integer("NumberOfFrames") or 1, 1),
        samples_per_pixel=samples,
        planar_configuration=1 if header.integer("PlanarConfiguration") else 0,
        photometric_interpretation=photometric,
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=high_bit,
        pixel_representation=0 if is_float else header.required_integer("PixelRepresentation", 0, 1),
    )


class DicomFile:
    """An open file whose header has been read and whose pixels have not (see `open_dicom`)."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self.header, syntax, self._stream = read_header(path, stream)
        self.syntax = uid.UID(syntax)

    def check(self) -> None:
        """Check the header's claims about the pixels, before which none can be read. Raises DicomError."""
        if self.syntax not in NATIVE and self.syntax not in DECODERS:
            raise self.header.error("its transfer syntax is not supported", "unsupported syntax")
        self.element, self._vr, length = self._pixel_element()
        self._start = self._stream.tell()
        self._available = self._stream.seek(0, 2) - self._start
        self.format = pixel_format(self.header, self.element)
        if self.syntax in NATIVE:
            self._check_length(length)
        else:
            self._check_fragments()

    def digest(self) -> str:
        """A hash of the pixel data's length and of the bytes in its middle, as the file has them; to be called first,
        before the pixels are checked. Raises DicomError if there is none.
        """
        _, _, length = self._pixel_element()
        start = self._stream.tell()
        length = min(length, self._stream.seek(0, 2) - start)
        self._stream.seek(start + max(length - _HASHED, 0) // 2)
        return hashlib.sha256(self._stream.read(min(length, _HASHED)) + str(length).encode()).hexdigest()

    def _pixel_element(self) -> tuple[str, str, int]:
        """Keyword, VR and length of the element at which the header ends; the stream is left at its value."""
        head = self._stream.read(8)
        order: Any = "big" if self.syntax == uid.ExplicitVRBigEndian else "little"
        tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
        if len(head) < 8 or tag not in PIXEL_ELEMENTS:
            if (self.header.text("SOPClassUID") or "").startswith(_PRESENTATION_STATES):
                raise self.header.error("it says how to show another image, and is not applied", "presentation state")
            raise self.header.error("it holds no image", "no pixel data")
        if head[4:6] in (b"OB", b"OW", b"OF", b"OD", b"UN"):
            return PIXEL_ELEMENTS[tag], head[4:6].decode(), int.from_bytes(self._stream.read(4), order)
        return PIXEL_ELEMENTS[tag], "OW", int.from_bytes(head[4:8], order)

    def _check_length(self, length: int) -> None:
        claimed = ceil(self.format.frame_bits * self.format.number_of_frames / 8)
        present = min(length, self._available)
        reason = f"its pixel data has {present} bytes, and its header claims {claimed}"
        if present < claimed:
            raise self.header.error(reason, "truncated" if present else "no pixel data")
        excess = length - claimed  # less than a frame of it is padding (PS3.5 8.1.1)
        if excess > 1 and excess >= self.format.frame_bits / 8:
            raise self.header.error(reason, "wrong length")
        if self._available > length and not self._may_follow(self._start + length):
            # Such as of a transfer as text, which adds bytes.
            raise self.header.error("what follows its pixel data is no part of a DICOM file", "wrong length")

    def _may_follow(self, place: int) -> bool:
        """Whether an element begins at `place`, as may follow the pixel data, or zeros that fill a medium's block."""
        self._stream.seek(place)
        head = self._stream.read(8)
        group = int.from_bytes(head[:2], "big" if self.syntax == uid.ExplicitVRBigEndian else "little")
        length = int.from_bytes(head[4:8], "little")
        stated = head[4:6].isalpha() and head[4:6].isupper()  # its VR
        return len(head) < 8 or not any(head) or (group >= _PIXEL_GROUP and (stated or length <= self._available))

    def _check_fragments(self) -> None:
        """Every fragment of the encapsulated pixel data (PS3.5 A.4) must lie within the file."""
        self._stream.seek(self._start)
        with refusing(self.path, "undecodable", "its compressed pixel data is not made of fragments"):
            offsets = encaps.parse_basic_offsets(self._stream)
            _, fragments = encaps.parse_fragments(self._stream)
        if not fragments:
            raise self.header.error("its compressed pixel data is empty", "no pixel data")
        self._stream.seek(fragments[-1] + 4)
        last = int.from_bytes(self._stream.read(4), "little")
        if fragments[-1] + 8 + last > self._start + self._available:
            raise self.header.error("its compressed pixel data ends before its last fragment does", "truncated")
        frames, claimed = len(offsets) or self._codestreams(fragments), self.format.number_of_frames
        if frames and frames != claimed:
            reason = f"its compressed pixel data has {frames} frames, and its header claims {claimed}"
            raise self.header.error(reason, "truncated" if frames < claimed else "wrong length")

    def _codestreams(self, fragments: list[int]) -> int:
        """How many frames begin with one of the `fragments` (where they lie); 0 if their beginnings do not tell."""
        if self.syntax == uid.RLELossless:  # a fragment is a frame (PS3.5 A.4.2)
            return len(fragments)
        found = 0
        for start in fragments:
            self._stream.seek(start + 8)
            found += self._stream.read(max(map(len, _CODESTREAMS))).startswith(_CODESTREAMS)
        return found

    def stored(self, frame: int) -> NDArray[Any]:
        """One frame's stored values, (rows, columns) of an integer or float type; colour is RGB, (…, 3).

        Raises DicomError ("no such frame", "truncated", "undecodable").
        """
        form = self.format
        if not 0 <= frame < form.number_of_frames:
            raise self.header.error(
                f"it has no frame {frame}: frames are 0 to {form.number_of_frames - 1}", "no such frame"
            )
        options = {**vars(form), "pixel_keyword": self.element, "pixel_vr": self._vr}
        del options["high_bit"]
        self._stream.seek(self._start)
        source: Any = self._stream
        if self.syntax in NATIVE:
            options |= {"view_only": True, "correct_unused_bits": False}
        else:
            source = encaps.encapsulate([self._codestream(frame)])
            frame = 0
            options |= {"number_of_frames": 1, "decoding_plugin": DECODERS[self.syntax]}
            options["correct_unused_bits"] = self.syntax in _LOSSLESS_JPEG
        with refusing(self.path, "undecodable", "its pixel data cannot be decoded"):
            stored, _ = get_decoder(self.syntax).as_array(source, index=frame, **options)
        whole_words = self.syntax in NATIVE or self.syntax == uid.RLELossless  # other codecs hold BitsStored alone
        integers = stored.dtype.kind in "iu" and form.bits_allocated > 1
        return used_bits(stored, form) if whole_words and integers else stored

    def _codestream(self, frame: int) -> bytes:
        """One frame's compressed bytes, which must claim the header's image size: decoders allocate by it."""
        form, header = self.format, self.header
        offsets, lengths = header.get("ExtendedOffsetTable"), header.get("ExtendedOffsetTableLengths")
        extended = (offsets, lengths) if offsets and lengths else None
        self._stream.seek(self._start)
        with refusing(self.path, "undecodable", f"frame {frame} is not in its compressed pixel data"):
            data = encaps.get_frame(
                self._stream, frame, number_of_frames=form.number_of_frames, extended_offsets=extended
            )
        if self.syntax == uid.RLELossless:
            if len(data) < _RLE_HEADER_BYTES:
                raise self.header.error(f"frame {frame} is shorter than the header of its compression", "undecodable")
            return data
        if codestream_size(data) != (form.rows, form.columns):
            raise self.header.error("its compressed image is not of the size that its header claims", "undecodable")
        if b"\xff\xd9" not in data[-16:]:  # EOI or EOC, and what pads it; decoders fill in for the rest silently
            raise self.header.error("its compressed image has no end", "truncated")
        return data


def used_bits(stored: NDArray[Any], form: PixelFormat) -> NDArray[Any]:
    """The BitsStored bits that end at HighBit, sign-extended if signed (PS3.5 8.1.1). Other bits may hold overlays."""
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if form.bits_stored == form.bits_allocated:
        return stored
    lowest = -(1 << form.bits_stored - 1) if form.pixel_representation else 0
    beyond = lowest + (1 << form.bits_stored)
    if form.high_bit == form.bits_stored - 1 and lowest <= stored.min() and stored.max() < beyond:
        return stored  # nothing stands in other bits, as in most files
    left = form.bits_allocated - 1 - form.high_bit
    shifted = np.left_shift(stored, left)
    return np.asarray(np.right_shift(shifted, form.bits_allocated - form.bits_stored, out=shifted))


def codestream_size(data: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a JPEG, JPEG-LS or JPEG 2000 codestream states (SOF or SIZ marker), or None."""
    siz = data.find(b"\xff\x4f\xff\x51")  # SOC and SIZ; a JP2 box may precede them
    if siz >= 0 and data[:2] != b"\xff\xd8":
        right, bottom, left, top = (int.from_bytes(data[siz + at : siz + at + 4], "big") for at in (8, 12, 16, 20))
        return bottom - top, right - left
    at = 2
    while data[:2] == b"\xff\xd8" and data[at : at + 1] == b"\xff" and at + 9 <= len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def pixel_digest(path: Path) -> str:
    """What tells the copies of an image from other images: a hash of its pixel data, as far as they differ between two
    images; "" if it has none."""
    with suppress(DicomError), silence(), open_dicom(path, checked=False) as file:
        return file.digest()
    return ""


@contextmanager
def open_dicom(path: Path | BinaryIO, checked: bool = True) -> Iterator[DicomFile]:
    """Open, read the header and check its claims; pixels and header values are to be read within `silence`.

    A file that is open already is read from where it stands. Without `checked`, the caller checks them.

    Raises DicomError.
    """
    name, stream = (path, _open(path)) if isinstance(path, Path) else (Path("an open file"), path)
    with stream:
        with silence():
            file = DicomFile(name, stream)
            if checked:
                file.check()
        yield file


def _open(path: Path) -> BinaryIO:
    try:
        if not path.is_file():
            raise DicomError(path, "unreadable", "it is not a file")
        return path.open("rb")
    except (OSError, ValueError):  # ValueError: a NUL in the path
        raise DicomError(path, "unreadable", "it cannot be opened") from None
