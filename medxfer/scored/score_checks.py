"""What a table of scores must hold before arms can be compared: the same images, seeds and division in every arm."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medxfer.base.errors import MedxferError, PrivateError
from medxfer.base.words import count, listing
from medxfer.scored.score_table import DATA, FOLD, ScoreTable, named


def check_score_table(table: ScoreTable, path: Path) -> None:
    """Raises MedxferError where images, labels, patients, seeds or folds of the arms do not agree."""
    rows = table.rows
    _check_images(table, path)
    trainings = [*table.factors, "seed"]
    if (twice := rows.duplicated([*trainings, "image"])).any():
        row = rows[twice].iloc[0]
        other = f"; if {listing(table.unread, 'or')} tells them apart, name it by compare=" if table.unread else ""
        raise PrivateError(
            f"{path}: the image '{row['image']}' stands twice in {named(trainings, row[trainings])}; give each image "
            f"one row a training{other}"
        )
    for _, of_data in rows.groupby(DATA, sort=False):
        _check_alike(of_data, trainings, path)
        _check_seeds(of_data, table.factors, path)
        if FOLD in rows:
            _check_folds(of_data, table.factors, path)


def _check_images(table: ScoreTable, path: Path) -> None:
    """Each image has one label and one patient, whatever trained on it."""
    labels = table.labels if table.labels.ndim == 1 else table.labels @ (2 ** np.arange(table.labels.shape[1]))
    stated = table.rows[[DATA, "image", "patient", "modality"]].assign(label=labels)
    several = stated.groupby([DATA, "image"], sort=False).nunique()
    for column in ("label", "patient", "modality"):
        if (odd := several[column] > 1).any():
            image = several.index[odd][0][1]
            raise PrivateError(
                f"{path}: the image '{image}' has two {'modalitie' if column == 'modality' else column}s; every row "
                f"of an image needs the same {column}"
            )


def _check_alike(rows: pd.DataFrame, trainings: Sequence[str], path: Path) -> None:
    groups = rows.groupby(list(trainings), sort=False)["image"]
    first_key, first = next((key, set(images)) for key, images in groups)
    for key, images in groups:
        if (other := set(images)) != first:
            lacking = sorted(first ^ other)[0]
            raise PrivateError(
                f"{path}: {named(trainings, key)} scored {count(len(other), 'image')} and "
                f"{named(trainings, first_key)} {len(first):,} ('{lacking}' is in one alone); arms can be compared on "
                "the same images only, so leave out what one of them lacks"
            )


def _check_seeds(rows: pd.DataFrame, factors: Sequence[str], path: Path) -> None:
    groups = {key: sorted(set(seeds), key=str) for key, seeds in rows.groupby(list(factors), sort=False)["seed"]}
    first_key, first = next(iter(groups.items()))
    for key, seeds in groups.items():
        if seeds != first:
            raise MedxferError(
                f"{path}: {named(factors, key)} has {_seeds(seeds)} and {named(factors, first_key)} has "
                f"{_seeds(first)}; trainings are paired by seed, so give every arm the same ones"
            )


def _check_folds(rows: pd.DataFrame, factors: Sequence[str], path: Path) -> None:
    """A patient lies in one fold of a training, and trainings have as many folds."""
    trainings = [*factors, "seed"]
    several = rows.groupby([*trainings, "patient"], sort=False)[FOLD].nunique()
    if (several > 1).any():
        *training, patient = several.index[several > 1][0]
        raise PrivateError(
            f"{path}: the patient '{patient}' is in two folds of {named(trainings, training)}; all images of a patient "
            "are tested in one fold"
        )
    numbers = rows.groupby(trainings, sort=False)[FOLD].nunique()
    if numbers.nunique() > 1 or numbers.iloc[0] < 2:
        raise MedxferError(
            f"{path}: trainings have {listing(sorted(set(numbers)), 'or')} folds; give each the same "
            "number, at least 2, or leave the column fold out"
        )


def _seeds(values: Sequence[Any]) -> str:
    return f"{'seed' if len(values) == 1 else 'seeds'} {listing(values)}"
