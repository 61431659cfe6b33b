"""data=dicom: a folder of DICOM files beside a CSV of labels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from medxfer.data.dicom import inspect, read_gray
from medxfer.data.sources.base import Header, Source
from medxfer.data.sources.table import LabelledFolder


class DicomFiles(Source):
    """CT is read in Hounsfield units, or, like any other modality, as its own display window shows it."""

    def read(self, file: str, hounsfield: bool) -> NDArray[np.float32]:
        return read_dicom(self.root / file, hounsfield)

    def header(self, file: str) -> Header:
        return dicom_header(self.root / file)


class DicomFolder(DicomFiles, LabelledFolder):
    obtain = "nothing: your own files, and a CSV with a row an image"


def read_dicom(path: Path, hounsfield: bool) -> NDArray[np.float32]:
    """Calibrated values, or gray as the file's own window shows it. Raises DicomError where it is refused."""
    return read_gray(path, window=None if hounsfield else "auto")


def dicom_header(path: Path) -> Header:
    """What a DICOM file says of itself, without its pixels. Raises DicomError where it is refused."""
    info = inspect(path)
    return Header(
        modality=info.modality or "unknown",
        burned_in=info.burned_in,
        syntax=UID(info.transfer_syntax).name,
        size=f"{info.rows}×{info.columns}",
        photometric=info.photometric,
        bits=str(info.bits_stored),
        manufacturer=info.manufacturer or "",
        model=info.model or "",
        view=info.view or "",
        patient=info.patient_id or "",
        series=info.series_uid or "",
        position=info.position,
    )
