"""Images that tables describe: their labels, encoded, and their index, for a user's own folder and every release."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.words import Task
from medxfer.data.sources.left_out import FILE_MISSING, UNLABELLED
from medxfer.data.sources.source import Index, Source, existing_folder

MANY = 10  # classes, of which most have one image or two: these are none
OTHER = "table."  # before the name of a column that only `Index.table` keeps


def encode(labels: pd.Series | pd.DataFrame, where: str, remedy: str) -> tuple[NDArray[Any], tuple[str, ...], Task]:
    """Labels as `Index` has them, the names of the classes, and the task.

    Args:
        labels: (N,) names of classes: the classes are sorted, and of two the second is the positive one; or (N, C)
            findings of 0 and 1, or true and false, a column each: one column is a binary task, several are a
            multi-label task.
        where: how errors begin.
        remedy: what to do where labels are no classes.

    Raises:
        MedxferError: all images have the same label, or a finding has a value other than 0 and 1.
    """
    if isinstance(labels, pd.Series):
        codes, classes = pd.factorize(labels.astype(str), sort=True)
        if len(classes) < 2:
            raise MedxferError(
                f"{where}: all images have the label '{classes[0]}'; a comparison needs two classes or more"
            )
        if len(classes) >= MANY and 3 * len(classes) > len(labels):  # then a class has fewer than three patients
            raise MedxferError(
                f"{where}: {len(labels)} images have {len(classes)} different labels, as ids or measured values have; "
                f"{remedy}"
            )
        return codes.astype(np.int64), tuple(classes), "binary" if len(classes) == 2 else "multiclass"
    findings = labels.apply(_finding)
    for name, column in findings.items():
        if len(odd := labels[name][~column.isin([0, 1])]):
            raise MedxferError(
                f"{where}: the column '{name}' has other values than 0 and 1 ('{odd.iloc[0]}'); findings of a "
                "multi-label task have 0 and 1, or true and false; for classes give one column"
            )
        if column.nunique() < 2:
            raise MedxferError(
                f"{where}: '{name}' is {'absent from' if not column.any() else 'present in'} all images; choose "
                "findings that some images have and others have not"
            )
    names = tuple(map(str, findings.columns))
    if len(names) == 1:
        return findings.iloc[:, 0].to_numpy(np.int64), (f"no {names[0]}", names[0]), "binary"
    return findings.to_numpy(np.float32), names, "multilabel"


def _finding(cells: pd.Series) -> pd.Series:
    """Numbers; NaN for what is none. Spreadsheets and pandas write true and false for 1 and 0."""
    words = cells.astype(str).str.lower()
    numbers: pd.Series = pd.to_numeric(words.replace({"true": "1", "false": "0"}), errors="coerce")
    return numbers


class Labelled(Source):
    """Files under `root` that tables describe; `label` chooses what they are labelled with: one name, or several."""

    remedy = "choose another column of labels (data.label=)"

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
        left out, and named. Raises MedxferError if no image is left.
        """
        there, labelled = images["file"] != "", pd.DataFrame(labels).notna().all(axis=1)
        if not there.any():
            raise self.wrong(f"none of its {len(images)} images is there (the first is '{images['name'].iloc[0]}')")
        keep, where = there & labelled, f"data.root={self.root}"
        if not keep.any():
            raise MedxferError(f"{where}: no image has a label; choose another label as data.label=")
        other = [column for column in map(str, images) if column.startswith(OTHER)]
        kept = images[keep].reset_index(drop=True)
        left_out = {FILE_MISSING: images["name"][~there], UNLABELLED: images["name"][there & ~labelled]}
        return Index(
            kept.drop(columns=["name", *other]),
            *encode(labels[keep], where, self.remedy),
            caveats,
            {reason: tuple(names) for reason, names in left_out.items() if len(names)},
            table=kept[other].rename(columns=lambda column: column.removeprefix(OTHER)),
        )
