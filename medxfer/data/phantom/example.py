"""One phantom image for figures: never a patient."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medxfer.data.dicom.read import read_gray
from medxfer.data.phantom.write import write_phantoms


def example(modality: Literal["CT", "DX"], size: int) -> NDArray[np.float32]:
    """A phantom with a lesion, written as DICOM and read: (size, size) HU for CT, display gray in [0, 1] for DX."""
    with TemporaryDirectory() as folder:
        root = write_phantoms(Path(folder) / modality, modality, 2, 1, size=size, workers=1)
        with (root / "labels.csv").open(newline="") as labels:
            name = next(row["path"] for row in csv.DictReader(labels) if row["label"] == "lesion")
        return read_gray(root / name, window=None if modality == "CT" else "auto")
