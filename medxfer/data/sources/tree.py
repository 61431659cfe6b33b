"""data=tree: a folder for each class, with or without train, val and test above them; pictures or DICOM files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.data.sources.file_kinds import is_dicom, is_picture
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.label_table import encode
from medxfer.data.sources.left_out import UNKNOWN_TYPE
from medxfer.data.sources.mixed_file import MixedReader
from medxfer.data.sources.picture_file import PICTURES
from medxfer.data.sources.source import Index, Source, existing_folder
from medxfer.data.sources.tables import nearly_equal

PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
         "test": "test", "testing": "test"}  # fmt: skip
DICOMS = (".dcm", ".dicom", ".dic")


def _is_image(path: Path) -> bool:
    """By its suffix, or by content: scanners name files by UID, or .IMA. An empty file is one that was torn."""
    known = path.suffix.lower() in (*PICTURES, *DICOMS)
    return known or is_dicom(path) or is_picture(path) or not path.stat().st_size


class ClassFolders(Source):
    """`root`/[part/]class/…/file. A folder above the classes named train, val or test is the release's own part.

    Args:
        root: the folder.
        patient: a regular expression; its first group in a file's path, relative to `root`, names the patient.
            Default: the headers tell the patients, or every picture counts as a patient of its own.
        classes: the classes of a release. Then `root` may also be the folder in which the release was unpacked, every
            class must have images in every part, what lies elsewhere is ignored, and equal names of patients in two
            parts are two patients. Default: every folder is a class.
        parts: names of folders above the classes -> train, val or test. Default: `PARTS`.
        caveats: of the release.
        obtain: what to download for it, and where from.
        options: those of `DicomReader`.
    """

    remedy = "merge the folders of rare classes"
    obtain = "your own files, in a folder for each class: <class>/<file> or train/<class>/<file>"

    def __init__(
        self,
        root: str,
        patient: str | None = None,
        classes: Sequence[str] = (),
        parts: Mapping[str, str] = PARTS,
        caveats: Sequence[str] = (),
        obtain: str = "",
        **options: Any,
    ) -> None:
        self.root = existing_folder(root)
        self.reader: MixedReader = MixedReader(**options)
        self.patient, self.classes, self.parts, self.caveats = patient, tuple(classes), dict(parts), tuple(caveats)
        self.obtain = obtain or type(self).obtain
        if self.classes:
            folders = (self.root, *sorted(self.root.iterdir()))
            self.root = next((f for f in folders if any((f / part).is_dir() for part in parts)), self.root)
        try:
            groups = re.compile(patient or "()").groups
        except re.error as error:
            raise MedxferError(f"data.patient={patient}: not a regular expression ({error})") from error
        if groups < 1:
            raise MedxferError(f"data.patient={patient}: has no group; put brackets around what names the patient")

    def settings(self) -> dict[str, object]:
        release = {"classes": self.classes, "parts": self.parts} if self.classes else {}
        return {"patient": self.patient, **release, **asdict(self.reader)}

    def index(self) -> Index:
        found: list[tuple[str, str, str]] = []
        others: list[str] = []
        files, left_out = walk(self.root)
        for file in files:
            *folders, _ = file.split("/")
            part = self.parts.get(folders[0].lower(), "") if len(folders) > 1 else ""
            label = folders[1 if part else 0] if folders else ""
            if label and (not self.classes or (part and label in self.classes)):
                if _is_image(self.root / file):
                    found.append((file, part, label))
                else:
                    others.append(file)
        table = pd.DataFrame(found, columns=["file", "split", "label"])
        if not self.classes and len(table) and table["label"].str.lower().isin(self.parts).all():
            parts = sorted(table["label"].unique())
            raise self.wrong(f"the folders {' and '.join(parts)} hold images and no folder for each class")
        expected = {(part, label) for part in self.parts.values() for label in self.classes}
        missing = sorted(expected - set(zip(table["split"], table["label"], strict=True)))
        if missing or table.empty:
            raise self.wrong(f"no image in {'/'.join(missing[0]) if missing else 'a folder for its class'}")
        if self.patient is not None:
            table["patient"] = self._patients(table, self.patient)
        for one, other in nearly_equal(table["label"].unique()):
            raise MedxferError(
                f"data.root={self.root}: the folders '{one}' and '{other}' differ in case, space or hyphen alone, and "
                "would be two classes: give them one name, or names that differ more"
            )
        labels = encode(table.pop("label"), f"data.root={self.root}", self.remedy)
        if others:
            left_out[UNKNOWN_TYPE] = tuple(others)
        return Index(table, *labels, self.caveats, left_out)

    def _patients(self, table: pd.DataFrame, patient: str) -> pd.Series:
        """The patient of each row by its path."""
        patients = table["file"].str.extract(patient).iloc[:, 0]
        if patients.isna().any():
            raise MedxferError(
                f"data.patient={patient}: does not match '{table['file'][patients.isna()].iloc[0]}'; give an "
                "expression that finds the patient in every path, or rename the file"
            )
        return table["split"] + "/" + patients if self.classes else patients
