"""A DICOM file up to its pixels: the elements that describe an image, and where the pixels begin."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from pydicom.tag import Tag

from medxfer.data.dicom.elements import read_elements
from medxfer.data.dicom.header import DicomError, Header, refusing

DEFLATED = "1.2.840.10008.1.2.1.99"
MAX_INFLATED_BYTES = 2**29
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
OVERLAY_ROWS: Final = {group << 16 | 0x0010 for group in range(0x6000, 0x6020, 2)}  # PS3.3 C.9.2: up to sixteen
_TAGS: Final = {int(Tag("SpecificCharacterSet")), *(int(Tag(keyword)) for keyword in _READ.split()), *OVERLAY_ROWS}
_PACKED: Final = {b"PK\x03\x04": "ZIP", b"\x1f\x8b": "gzip", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "RAR"}
PIXEL_ELEMENTS: Final = {0x7FE00010: "PixelData", 0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}


def read_header(path: Path, stream: BinaryIO) -> tuple[Header, str, BinaryIO]:
    """Read up to the pixel data, which is not touched.

    Returns the header, the transfer syntax UID, and the stream at the pixel data element or at its end. A deflated
    file gets another stream than the given one. To be called within `silence`.
    """
    head = stream.read(1024)
    start = 132 if head[128:132] == b"DICM" else 0
    if start == 0 and head[:2] not in _FIRST_GROUPS:
        packed = next((name for begin, name in _PACKED.items() if head.startswith(begin)), "")
        reason = f"it is a {packed} archive: unpack it" if packed else "it does not begin as DICOM files do"
        raise DicomError(path, "not DICOM" if head else "empty", reason if head else "it holds nothing")
    deflated = DEFLATED.encode() in head
    if deflated:
        stream = _inflate(path, stream, head, start)
        start = 0
    stream.seek(start)
    with refusing(path, "bad header", "its header cannot be parsed"):
        dataset = read_elements(stream, PIXEL_ELEMENTS.__contains__, _TAGS)
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
