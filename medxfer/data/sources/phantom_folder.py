"""data=phantom_dx and data=phantom_ct: virtual patients, drawn once as DICOM files and then read like any others."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from medxfer.data.phantom import CLASSES, GENERATION, write_phantoms
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.source import Holds, Index

CAVEAT = "drawn by formula, so the result says nothing about patients"


class PhantomFolder(DicomFolder):
    """Virtual patients under `root`; `patients` of them with `images` each, drawn from `seed`."""

    remedy = "draw more patients (data.patients=)"
    obtain = "nothing: they are drawn when first asked for"

    def __init__(self, root: str, modality: Literal["DX", "CT"], patients: int, images: int, seed: int) -> None:
        folder = Path(root) / f"{modality.lower()}-{patients}x{images}-seed{seed}-v{GENERATION}"
        write_phantoms(folder, modality, patients=patients, images=images, seed=seed)
        super().__init__(str(folder), str(folder / "labels.csv"))

    @classmethod
    def foretold(cls, **settings: Any) -> Holds:
        return Holds(CLASSES, "binary", settings["modality"])

    def index(self) -> Index:
        index = super().index()
        return replace(index, caveats=(*index.caveats, CAVEAT))
