"""Tables of labels: how they are read, checked and encoded, for a user's own folder and for every release."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.words import Task
from medxfer.data.header_facts import sex_of, years_of
from medxfer.data.sources.left_out import FILE_MISSING, UNLABELLED
from medxfer.data.sources.source import Index, Source, existing_folder

NO_PATIENTS = "no patient ids: every image counts as a patient of its own, so intervals may be too narrow"
OTHER = "table."  # before the name of a column that only `Index.table` keeps
COLUMNS = {"path": "path", "patient": "patient_id"}
# Columns that describe patients, counted by part and nothing else; and what they hold.
PEOPLE = {"age": "years, or DICOM's 045Y", "sex": "F, M, O, or female, male, other", "scanner": "any text"}


def read_table(path: Path, columns: Iterable[str], way_out: str, **options: Any) -> pd.DataFrame:
    """A CSV as text, "" for what is blank. `options` are pandas.read_csv's.

    Raises MedxferError if it cannot be read, is empty or lacks one of `columns`; the error ends in `way_out`.
    """
    try:
        table: pd.DataFrame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", **options)
    except (ValueError, OSError) as error:
        raise MedxferError(f"{path}: not a readable CSV ({error}); {way_out}") from error
    table.columns = table.columns.str.strip()
    absent = [column for column in columns if column not in table.columns]
    if absent:
        has = ", ".join(table.columns)
        raise MedxferError(f"{path}: no column {' or '.join(map(repr, absent))}; it has {has}; {way_out}")
    if table.empty:
        raise MedxferError(f"{path}: has no rows; {way_out}")
    return table


def encode(labels: pd.Series | pd.DataFrame, where: str) -> tuple[NDArray[Any], tuple[str, ...], Task]:
    """Labels as `Index` has them, the names of the classes, and the task.

    Args:
        labels: (N,) names of classes: the classes are sorted, and of two the second is the positive one; or (N, C)
            findings of 0 and 1, a column each: one column is a binary task, several are a multi-label task.
        where: how errors begin.

    Raises:
        MedxferError: all images have the same label, or a finding has a value other than 0 and 1.
    """
    if isinstance(labels, pd.Series):
        codes, classes = pd.factorize(labels.astype(str), sort=True)
        if len(classes) < 2:
            raise MedxferError(
                f"{where}: all images have the label '{classes[0]}'; a comparison needs two classes or more"
            )
        return codes.astype(np.int64), tuple(classes), "binary" if len(classes) == 2 else "multiclass"
    findings = labels.apply(pd.to_numeric, errors="coerce")
    for name, column in findings.items():
        if not column.isin([0, 1]).all():
            raise MedxferError(
                f"{where}: the column '{name}' has values other than 0 and 1; findings of a multi-label task have 0 "
                "and 1, for classes give one column as data.label="
            )
        if column.nunique() < 2:
            raise MedxferError(
                f"{where}: '{name}' is {'absent from' if not column.any() else 'present in'} all images; choose "
                "findings that some images have and others have not (data.label=)"
            )
    names = tuple(map(str, findings.columns))
    if len(names) == 1:
        return findings.iloc[:, 0].to_numpy(np.int64), (f"no {names[0]}", names[0]), "binary"
    return findings.to_numpy(np.float32), names, "multilabel"


class Labelled(Source):
    """Files under `root` that tables describe; `label` chooses what they are labelled with: one name, or several."""

    def __init__(self, root: str, label: str | Sequence[str]) -> None:
        self.root = existing_folder(root)
        self.label = label if isinstance(label, str) else list(label)
        self.names = [label] if isinstance(label, str) else list(label)

    def settings(self) -> dict[str, object]:
        return {"label": self.label}

    def existing(self, paths: pd.Series) -> pd.Series:
        """`paths`, relative to `root`, with "" for those at which no file is."""
        return paths.where(paths.map(lambda path: (self.root / path).is_file()), "")

    def assemble(self, images: pd.DataFrame, labels: pd.Series | pd.DataFrame, caveats: tuple[str, ...] = ()) -> Index:
        """The index of `images`: name, file ("" if it is missing), split and, if the tables say them, patient and view;
        columns whose names begin with OTHER go to `Index.table`.

        `labels` has a row an image, as `encode` takes them, and NaN for none. Images without a file or a label are
        left out, and named. Without a column patient, every image is a patient of its own. Raises MedxferError if no
        image is left, or if the patient of some is not known.
        """
        there, labelled = images["file"] != "", pd.DataFrame(labels).notna().all(axis=1)
        if not there.any():
            raise self.wrong(f"none of its {len(images)} images is there (the first is '{images['name'].iloc[0]}')")
        keep, where = there & labelled, f"data.root={self.root}"
        if not keep.any():
            raise MedxferError(f"{where}: no image has a label; choose another label as data.label=")
        if "patient" not in images:
            images, caveats = images.assign(patient=images["file"]), (NO_PATIENTS, *caveats)
        unnamed = int((images["patient"][keep] == "").sum())
        if unnamed:
            raise MedxferError(
                f"{where}: {unnamed} images have no patient; images of one patient in two parts would flatter every "
                "result, so fill the column of patients, or leave it out altogether"
            )
        other = [column for column in map(str, images) if column.startswith(OTHER)]
        kept = images[keep].reset_index(drop=True)
        left_out = {FILE_MISSING: images["name"][~there], UNLABELLED: images["name"][there & ~labelled]}
        return Index(
            kept.drop(columns=["name", *other]),
            *encode(labels[keep], where),
            caveats,
            {reason: tuple(names) for reason, names in left_out.items() if len(names)},
            table=kept[other].rename(columns=lambda column: column.removeprefix(OTHER)),
        )


class LabelledFolder(Labelled):
    """`labels` is a CSV with a row an image: its path, relative to `root`, its label and its patient.

    `label` names the column of labels, or, as a list, the columns of a multi-label task, which hold 0 and 1;
    `columns` names the others if they are not called path and patient_id, and those of age (years), sex and scanner.
    """

    obtain = "your own files, and a CSV with their paths (relative to that folder), labels and patients"

    def __init__(
        self, root: str, labels: str, label: str | Sequence[str] = "label", columns: Mapping[str, str | None] = COLUMNS
    ) -> None:
        super().__init__(root, label)
        self.labels = Path(labels).expanduser().resolve()
        self.columns = {**COLUMNS, **{key: name for key, name in columns.items() if name}}
        if not self.labels.is_file():
            raise MedxferError(
                f"data.labels={labels}: no such file; give a CSV with the columns "
                f"{self.columns['path']}, {', '.join(self.names)}, {self.columns['patient']}"
            )

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "columns": {key: self.columns[key] for key in COLUMNS}}

    def label_bytes(self) -> bytes:
        return self.labels.read_bytes()

    def index(self) -> Index:
        images, labels = self.rows()
        return self.assemble(images.assign(file=self.existing(images["name"])), labels)

    def rows(self) -> tuple[pd.DataFrame, pd.Series | pd.DataFrame]:
        """The CSV's rows, each once: (name (its path), split, other columns and, if there is one, patient; labels)."""
        path, patient = self.columns["path"], self.columns["patient"]
        described = {key: self.columns[key] for key in PEOPLE if key in self.columns}
        wanted = [path, *self.names, *([patient] if patient != COLUMNS["patient"] else []), *described.values()]
        way_out = "data.label= takes another column for the labels, data.columns.path= and .patient= for the others"
        table = read_table(self.labels, wanted, way_out)
        table = table.drop_duplicates([path, *self.names]).reset_index(drop=True)
        twice = table[path][table[path].duplicated()]
        if len(twice):
            raise MedxferError(f"{self.labels}: '{twice.iloc[0]}' has two labels; give each path one row")
        images = pd.DataFrame({"name": table[path], "split": ""})
        if patient in table:
            images["patient"] = table[patient].str.strip()
        for key, column in described.items():
            images[key] = table[column].str.strip()
            read = {"age": years_of, "sex": sex_of}.get(key, str)
            if not any(read(text) not in ("", None) for text in images[key].unique()):
                raise MedxferError(
                    f"data.columns.{key}={column}: no row of it can be read; it takes {PEOPLE[key]}, so give another "
                    "column or leave it out"
                )
        labels, others = table[self.label], table.drop(columns=[path, patient], errors="ignore")
        return images.join(others.add_prefix(OTHER)), labels.where(labels != "")
