"""One DICOM file → calibrated gray."""

from medxfer.data.dicom.describe import describe, inspect
from medxfer.data.dicom.header import DicomError
from medxfer.data.dicom.pixels import DicomFile, open_dicom, pixel_digest
from medxfer.data.dicom.read import read_frames, read_gray
from medxfer.data.dicom.silence import silence

__all__ = [
    "DicomError",
    "DicomFile",
    "describe",
    "inspect",
    "open_dicom",
    "pixel_digest",
    "read_frames",
    "read_gray",
    "silence",
]
