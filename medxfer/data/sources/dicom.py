"""data=dicom: a folder of DICOM files beside a CSV of labels."""

import numpy as np
from numpy.typing import NDArray

from medxfer.data.dicom import inspect, read_gray
from medxfer.data.sources.base import Header
from medxfer.data.sources.table import LabelledFolder


class DicomFolder(LabelledFolder):
    """CT is read in Hounsfield units, or, like any other modality, as its own display window shows it."""

    def read(self, file: str, hounsfield: bool) -> NDArray[np.float32]:
        return read_gray(self.root / file, window=None if hounsfield else "auto")

    def header(self, file: str) -> Header:
        info = inspect(self.root / file)
        return Header(info.modality or "unknown", info.burned_in)
