"""A DICOM file's header, read without trust: silently, and with one typed error for whatever is wrong."""

from __future__ import annotations

import logging
import math
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydicom import config, dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from medxfer.base.errors import ImageError

Kind = Literal[
    "unreadable",  # no such file, not a file, no permission
    "empty",
    "not DICOM",
    "no transfer syntax",
    "unsupported syntax",
    "no pixel data",  # reports, plans, waveforms, directories, headers alone
    "presentation state",  # how to show another image
    "bad header",  # a needed element is missing, damaged or contradicts another
    "not grayscale",
    "not in HU",
    "for processing",
    "too large",
    "truncated",
    "wrong length",  # more pixel data than the header accounts for
    "undecodable",  # a broken codestream, or one that contradicts the header
    "no such frame",
    "no such window",
]

DEFLATED = "1.2.840.10008.1.2.1.99"
MAX_INFLATED_BYTES = 2**29
_DEFERRED_BYTES = 2**24  # a larger element than this is no part of an image's description
_FIRST_GROUPS = (b"\x02\0", b"\x08\0", b"\0\x08")  # 0002 and 0008, in either byte order

_READ = """
    SOPClassUID SOPInstanceUID StudyInstanceUID AccessionNumber ImageType StudyDate StudyTime SeriesDescription
    BodyPartExamined Modality Manufacturer ManufacturerModelName
    PresentationIntentType ViewPosition BurnedInAnnotation
    PatientID PatientAge PatientSex SeriesInstanceUID ImagePositionPatient ImageOrientationPatient
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation
    PixelPaddingValue PixelPaddingRangeLimit FloatPixelPaddingValue FloatPixelPaddingRangeLimit
    DoubleFloatPixelPaddingValue DoubleFloatPixelPaddingRangeLimit
    ModalityLUTSequence RescaleSlope RescaleIntercept RescaleType PresentationLUTShape
    VOILUTSequence WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
    GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData
    ExtendedOffsetTable ExtendedOffsetTableLengths ShutterShape
"""
OVERLAY_ROWS = [Tag(group, 0x0010) for group in range(0x6000, 0x6020, 2)]  # PS3.3 C.9.2: up to sixteen overlays
_TAGS = [*(Tag(keyword) for keyword in _READ.split()), *OVERLAY_ROWS]
_FRAME_MACROS = [
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
]

_tag: Callable[[str], BaseTag] = cache(Tag)


class DicomError(ImageError):
    """A DICOM file that is refused; `kind` is one of `Kind`."""

    kind: Kind


@contextmanager
def refusing(path: Path, kind: Kind, reason: str) -> Iterator[None]:
    """Raise a DicomError in place of whatever a library raises in the block, whose text may quote the header."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, DicomError):
        raise
    except BaseException:  # libraries raise whatever a damaged file leads to; a panic in Rust is no Exception
        raise DicomError(path, kind, reason) from None


@contextmanager
def silence() -> Iterator[None]:
    """Silence pydicom and OpenJPEG in the block, because their log lines quote the header.

    Blocks may be nested, and threads may be in blocks at the same time: loggers, warnings and pydicom's validation
    are the whole process's, so the first block of any thread changes them, and the last to end sets them back.
    """
    _quiet.begin()
    try:
        yield
    finally:
        _quiet.end()


class _Quiet:
    """How many blocks of `silence` there are in all threads, and what to set back after the last."""

    def __init__(self) -> None:
        self._lock, self._blocks, self._undo = threading.Lock(), 0, ExitStack()

    def begin(self) -> None:
        with self._lock:
            if not self._blocks:
                self._undo.enter_context(_silent_libraries())
            self._blocks += 1

    def end(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._undo.close()


_quiet = _Quiet()


@contextmanager
def _silent_libraries() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("pydicom", "openjpeg")]
    levels = [logger.level for logger in loggers]
    validation = config.settings.reading_validation_mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        config.settings.reading_validation_mode = config.IGNORE
        try:
            yield
        finally:
            config.settings.reading_validation_mode = validation
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


class Header:
    """Typed access to the elements that describe an image, or one frame of it.

    Getters give None for an absent or empty element, and raise DicomError ("bad header") for a damaged one.
    """

    def __init__(self, path: Path, dataset: Dataset, groups: list[Dataset] | None = None) -> None:
        self.path = path
        self.dataset = dataset
        self._groups = [*(groups or []), dataset]

    def of_frame(self, frame: int) -> Header:
        """The header of one frame: its own functional groups come first, then the shared ones, then the rest
        (PS3.3 C.7.6.16)."""
        per_frame = self.items("PerFrameFunctionalGroupsSequence")
        if per_frame and frame >= len(per_frame):
            raise self.error("it has fewer per-frame functional groups than frames")
        groups = per_frame[frame : frame + 1] + self.items("SharedFunctionalGroupsSequence")[:1]
        within = [Header(self.path, group) for group in groups]
        macros = [item for group in within for macro in _FRAME_MACROS for item in group.items(macro)[:1]]
        return Header(self.path, self.dataset, macros)

    def error(self, reason: str, kind: Kind = "bad header") -> DicomError:
        return DicomError(self.path, kind, reason)

    def first(self, keyword: str) -> DataElement | RawDataElement | None:
        """The element as it was read, converted or not."""
        tag = _tag(keyword)
        return next((group.get_item(tag) for group in self._groups if tag in group), None)

    def get(self, keyword: str) -> Any:
        """The element's value as pydicom has it, or None."""
        tag = _tag(keyword)
        for group in self._groups:
            if tag not in group:
                continue
            raw = group.get_item(tag)
            if isinstance(raw, RawDataElement) and raw.VR == "US" and raw.value and len(raw.value) == 2:
                return int.from_bytes(raw.value, "little" if raw.is_little_endian else "big")  # as pydicom, sooner
            with refusing(self.path, "bad header", f"its {keyword} cannot be read"):
                value = group[tag].value
            if value is not None and not (hasattr(value, "__len__") and len(value) == 0):
                return value
        return None

    def items(self, keyword: str) -> list[Dataset]:
        """A sequence's items."""
        value = self.get(keyword)
        if value is None:
            return []
        if isinstance(value, str | bytes) or not all(isinstance(item, Dataset) for item in value):
            raise self.error(f"its {keyword} is not a sequence")
        return list(value)

    def text(self, keyword: str) -> str | None:
        value = self.get(keyword)
        return None if value is None else str(value).strip("\0 ") or None

    def texts(self, keyword: str) -> list[str]:
        value = self.get(keyword)
        values = [] if value is None else [value] if isinstance(value, str) else value
        return [str(v).strip("\0 ") for v in values]

    def numbers(self, keyword: str) -> list[float]:
        """All values, finite."""
        value = self.get(keyword)
        if value is None:
            return []
        try:
            values = [float(v) for v in (value if isinstance(value, MultiValue | list) else [value])]
        except (TypeError, ValueError, OverflowError):
            values = [math.nan]
        if not all(map(math.isfinite, values)):
            raise self.error(f"its {keyword} is not a number")
        return values

    def number(self, keyword: str) -> float | None:
        """The first value."""
        return next(iter(self.numbers(keyword)), None)

    def integer(self, keyword: str) -> int | None:
        """The first value, whole."""
        value = self.number(keyword)
        if value is not None and value != int(value):
            raise self.error(f"its {keyword} is not a whole number")
        return None if value is None else int(value)

    def required_integer(self, keyword: str, low: int, high: int) -> int:
        """The first value, which must be there and from `low` to `high`."""
        value = self.integer(keyword)
        if value is None:
            raise self.error(f"it has no {keyword}")
        if not low <= value <= high:
            raise self.error(f"its {keyword} is not from {low} to {high}")
        return value


def read_header(path: Path, stream: BinaryIO) -> tuple[Header, str, BinaryIO]:
    """Read up to the pixel data, which is not touched.

    Returns the header, the transfer syntax UID, and the stream at the pixel data element or at its end. A deflated
    file gets another stream than the given one. To be called within `silence`.
    """
    head = stream.read(1024)
    start = 132 if head[128:132] == b"DICM" else 0
    if start == 0 and head[:2] not in _FIRST_GROUPS:
        raise DicomError(path, "not DICOM" if head else "empty", "it is not a DICOM file")
    deflated = DEFLATED.encode() in head
    if deflated:
        stream = _inflate(path, stream, head, start)
    stream.seek(0)
    with refusing(path, "bad header", "its header cannot be parsed"):
        dataset = dcmread(stream, force=True, stop_before_pixels=True, defer_size=_DEFERRED_BYTES, specific_tags=_TAGS)
        syntax = DEFLATED if deflated else str(dataset.file_meta.get("TransferSyntaxUID") or "")
    if not syntax:
        reason = "it does not state its transfer syntax: rewrite it with file meta information"
        raise DicomError(path, "no transfer syntax", reason)
    return Header(path, dataset), syntax, stream


def _inflate(path: Path, stream: BinaryIO, head: bytes, start: int) -> BinaryIO:
    """A deflated data set as a plain stream. pydicom would inflate it without a limit."""
    if head[start : start + 8] != b"\x02\0\0\0UL\x04\0":
        raise DicomError(path, "bad header", "it is deflated and does not state where its data set begins")
    stream.seek(start + 12 + int.from_bytes(head[start + 8 : start + 12], "little"))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with refusing(path, "undecodable", "its deflated data set is broken"):
        plain = inflater.decompress(stream.read(), MAX_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise DicomError(path, "too large", f"it inflates to more than {MAX_INFLATED_BYTES >> 20} MiB")
    if not inflater.eof:
        raise DicomError(path, "truncated", "its deflated data set ends too early")
    return BytesIO(plain)
