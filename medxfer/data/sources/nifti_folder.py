"""data=nifti: a folder of CT volumes as NIfTI files beside a table of labels."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medxfer.base.errors import MedxferError
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.labelled_folder import LabelledFolder
from medxfer.data.sources.nifti_file import NiftiReader, is_volume
from medxfer.data.sources.source import Index


class NiftiFolder(LabelledFolder):
    """A row of `labels` names a volume by its path or its stem; its label is that of all its slices. Without patients
    in the table each volume is a patient. `options` are those of `NiftiReader`."""

    obtain = "your own CT volumes (.nii, .nii.gz), and a table with a row a volume"
    reads = NiftiReader

    def __init__(self, root: str, labels: str, *others: Any, **options: Any) -> None:
        if find_spec("nibabel") is None:
            raise MedxferError("data=nifti needs a package: pip install 'medxfer[nifti]'")
        super().__init__(root, labels, *others, **options)

    def index(self) -> Index:
        found = super().index()
        return replace(found, images=found.images.assign(series=found.images["file"]))

    def offered(self) -> list[str]:
        return [file for file in walk(self.root).files if is_volume(Path(file))]
