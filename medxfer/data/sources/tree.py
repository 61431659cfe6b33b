"""data=tree: a folder for each class, with or without train, val and test above them; pictures or DICOM files."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.data.sources.dicom_folder import DicomOptions
from medxfer.data.sources.picture_folder import no_hounsfield, picture_header, read_picture
from medxfer.data.sources.source import Header, Index, Source, encode_labels, existing_folder
from medxfer.data.sources.table import NO_PATIENTS

PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
         "test": "test", "testing": "test"}  # fmt: skip
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
DICOMS = (".dcm", ".dicom", ".dic", "")


class ClassFolders(Source):
    """`root`/[part/]class/…/file. A folder above the classes named train, val or test is the release's own part.

    `patient` is a regular expression whose first group in a file's path, relative to `root`, names the patient;
    `options` are those of `DicomOptions`.
    """

    obtain = "nothing: your own files, in a folder for each class"

    def __init__(self, root: str, patient: str | None = None, **options: Any) -> None:
        self.options = DicomOptions(**options)
        self.root = existing_folder(root, "data.root")
        self.patient = patient
        try:
            groups = re.compile(patient or "()").groups
        except re.error as error:
            raise MedxferError(f"data.patient={patient}: not a regular expression ({error})") from error
        if groups < 1:
            raise MedxferError(f"data.patient={patient}: has no group; put what names the patient into brackets")

    def settings(self) -> dict[str, object]:
        return {"patient": self.patient, **asdict(self.options)}

    def index(self) -> Index:
        table = self.rows()
        known = table["file"].map(lambda file: Path(file).suffix.lower() in (*PICTURES, *DICOMS))
        left_out = {"unknown file type": tuple(table["file"][~known])} if not known.all() else {}
        table = table[known].reset_index(drop=True)
        if table.empty:
            raise MedxferError(
                f"data.root={self.root}: no image in a folder for its class; expected <class>/<file> or "
                "train/<class>/<file>"
            )
        table["patient"], caveats = self._patients(table)
        return Index(table[["file", "patient", "split"]], *encode_labels(table["label"]), caveats, left_out)

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray]:
        path = self.root / file
        if path.suffix.lower() not in PICTURES:
            yield from self.options.pictures(path, hounsfield)
        elif hounsfield:
            raise no_hounsfield(path)
        else:
            yield read_picture(path)

    def read(self, file: str, hounsfield: bool) -> NDArray:
        return next(self.pictures(file, hounsfield))

    def header(self, file: str) -> Header:
        path = self.root / file
        return picture_header(path) if path.suffix.lower() in PICTURES else self.options.header(path)

    def rows(self) -> pd.DataFrame:
        """The files, their parts ("" where the folders say nothing of it) and their classes."""
        return pd.DataFrame(class_folders(self.root), columns=["file", "split", "label"])

    def _patients(self, table: pd.DataFrame) -> tuple[pd.Series, tuple[str, ...]]:
        if self.patient is None:
            return table["file"], (NO_PATIENTS,)
        found = table["file"].str.extract(self.patient).iloc[:, 0]
        if found.isna().any():
            raise MedxferError(
                f"data.patient={self.patient}: does not match '{table['file'][found.isna()].iloc[0]}'; "
                "give an expression that finds the patient in every path"
            )
        return found, ()


def class_folders(root: Path) -> list[tuple[str, str, str]]:
    """(file, part, class) of every file in a class's folder; hidden files, and what archives leave, do not count."""
    found = []
    for path in sorted(root.rglob("*")):
        names = path.relative_to(root).parts
        if any(name.startswith((".", "__MACOSX")) for name in names) or not path.is_file():
            continue
        part = PARTS.get(names[0].lower(), "") if len(names) > 2 else ""
        folders = names[1:-1] if part else names[:-1]
        if folders:
            found.append(("/".join(names), part, folders[0]))
    return found
