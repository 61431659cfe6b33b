"""One DICOM file → calibrated gray."""

from medxfer.data.dicom.header import DicomError
from medxfer.data.dicom.read import inspect, read_gray

__all__ = ["DicomError", "inspect", "read_gray"]
