"""A table with a row for each image that a training scored → numbers and factors, or one sentence why not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medxfer.base.errors import MedxferError, PrivateError, unknown
from medxfer.base.words import Task, count, listing
from medxfer.data.sources.label_table import encode
from medxfer.data.sources.tables import check_not_rounded, cleaned, no_column, read_table

NEEDED = ("image", "patient", "seed")
TREATMENTS = ("colormap", "pretrained")  # both together ask RQ1 and RQ2
REPEATS = ("data", "backbone", "window", "image_size")  # what repeats a comparison
FOLD, SPLIT, MODALITY, ARM, DATA = "fold", "split", "modality", "arm", "data"
NAMELESS = "the table's images"  # a data set, where no column names one
UNKNOWN_MODALITY = "modality not said"
TRUTHS = ({"0", "1"}, {"False", "True"}, {"false", "true"})  # labels of which everybody takes the second for positive
MOST_APART = 0.01  # from 1, of the sum of an image's probabilities
WAY_OUT = (
    "give a row for each image that a training scored, with the columns arm, seed, image, patient, label and score "
    "(docs/reuse.md)"
)


@dataclass(frozen=True)
class ScoreTable:
    """Checked cells of a table; `rows`, `labels` and `scores` go together."""

    rows: pd.DataFrame  # (N, …) image, patient, data, seed, perhaps fold, and the factors, as text or numbers
    labels: np.ndarray  # (N,) class index, or (N, C) 0/1 for a multi-label task
    scores: np.ndarray  # (N, C) probabilities
    classes: tuple[str, ...]
    task: Task
    factors: tuple[str, ...]  # columns that tell trainings of one seed apart
    arms: str  # the one of them whose levels are compared; empty where colormap and pretrained are
    unread: tuple[str, ...]  # columns that were not used


def read_score_table(path: Path, compare: str = "", positive: str = "") -> ScoreTable:
    """Read CSV (any usual separator), XLSX or Parquet.

    Args:
        path: the table. Columns: image, patient, seed, label (or label_<class> of 0 and 1 for several at once), score
            (of the positive class) or score_<class>, and `arm` or factors; fold, where each tests a part of the
            patients; of a column split, the rows `test` count.
        compare: the column whose levels are compared; by default arm, or colormap and pretrained.
        positive: the class that `score` is the probability of.

    Raises:
        MedxferError: a column is missing or cannot be used, or a cell is blank, no number, or no probability.
    """
    raw = read_table(path, NEEDED, WAY_OUT)
    raw = raw.apply(cleaned)
    if SPLIT in raw and set(raw[SPLIT]) != {"test"}:
        raw = raw[raw[SPLIT] == "test"]
        if raw.empty:
            raise MedxferError(f"{path}: no row has the split 'test'; name the tested rows so, or leave split out")
    arms = _arms(path, list(map(str, raw)), compare)
    factors = tuple(dict.fromkeys([*([arms] if arms else []), *(c for c in (*TREATMENTS, *REPEATS) if c in raw)]))
    used = [*NEEDED, *factors, *(c for c in (FOLD, MODALITY) if c in raw)]
    for column in used:
        if blank := int((raw[column] == "").sum()):
            row = int(raw.index.to_numpy()[(raw[column] == "").to_numpy().argmax()]) + 1
            raise MedxferError(f"{path}: {count(blank, 'row')} without {column} (the first is row {row}); fill it")
    for column in ("image", "patient"):
        check_not_rounded(raw[column], f"{path}: the column '{column}'")
    raw = raw.reset_index(drop=True)
    labels, scores, classes, task, values = _scored(path, raw, positive)
    rows = raw[used].assign(**{c: _typed(raw[c], c) for c in used if c not in ("image", "patient", arms)})
    if DATA not in rows:
        rows, factors = rows.assign(data=NAMELESS), (DATA, *factors)
    if MODALITY not in rows:
        rows = rows.assign(modality=UNKNOWN_MODALITY)
    unread = tuple(str(c) for c in raw if c not in {*used, *values, SPLIT})
    return ScoreTable(rows, labels, scores, classes, task, factors, arms, unread)


def _arms(path: Path, columns: Sequence[str], compare: str) -> str:
    """The column whose levels are compared; empty where colormap and pretrained answer RQ1 and RQ2."""
    if compare:
        if compare in (*NEEDED, DATA, FOLD, SPLIT, MODALITY) or compare.startswith(("label", "score")):
            raise MedxferError(f"compare={compare}: it is no factor that can be compared; name a column of arms")
        if compare not in columns:
            raise no_column(path, [compare], columns, "compare= names the column whose values are compared")
        return compare
    if ARM in columns:
        return ARM
    there = [column for column in TREATMENTS if column in columns]
    if not there:
        raise no_column(path, [ARM], columns, "name the column whose values are compared by compare=")
    return "" if len(there) == len(TREATMENTS) else there[0]


def _scored(
    path: Path, raw: pd.DataFrame, positive: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], Task, list[str]]:
    """Labels, scores, classes and task, and the columns that they were read from."""
    by_class = [str(c) for c in raw if str(c).startswith("score_")]
    if "score" in raw and by_class:
        raise MedxferError(f"{path}: has score and {by_class[0]}; keep score, or a column score_<class> for each class")
    if "score" not in raw and not by_class:
        raise no_column(path, ["score"], raw, WAY_OUT)
    names = [c.removeprefix("score_") for c in by_class]
    several = [f"label_{name}" for name in names]
    if by_class and "label" not in raw and set(several) <= set(raw):
        findings = raw[several].set_axis(names, axis=1)
        labels, classes, task = encode(findings, str(path), WAY_OUT)
        scores = np.column_stack([_probabilities(path, raw, c) for c in by_class])
        if task == "binary":
            labels, scores = labels.astype(np.int64), np.column_stack([1 - scores, scores])
        return labels.astype(np.int64), scores, classes, task, [*by_class, *several]
    if "label" not in raw:
        raise no_column(path, ["label"], raw, WAY_OUT)
    if blank := int((raw["label"] == "").sum()):
        raise MedxferError(f"{path}: {count(blank, 'row')} without a label; fill the column, or leave these images out")
    _, classes, task = encode(raw["label"], str(path), WAY_OUT)
    if not by_class:
        score, classes = _probabilities(path, raw, "score"), _two(path, classes, positive)
        labels = _codes(raw, classes)
        if set(classes) in TRUTHS:
            classes = tuple(f"label {name}" for name in classes)
        return labels, np.column_stack([1 - score, score]), classes, "binary", ["label", "score"]
    if absent := [name for name in classes if name not in names]:
        raise no_column(path, [f"score_{name}" for name in absent], raw, "give a column score_<class> for each label")
    if lacking := [name for name in names if name not in classes]:
        raise MedxferError(f"{path}: no image has the label {listing(lacking, 'or')}; leave its score column out")
    order = _positive_last(path, names, positive)
    scores = np.column_stack([_probabilities(path, raw, f"score_{name}") for name in order])
    if (apart := np.abs(scores.sum(axis=1) - 1)).max() > MOST_APART:
        row = int(apart.argmax())
        raise PrivateError(
            f"{path}: the scores of image '{raw['image'][row]}' sum to {scores[row].sum():.3g}, not 1; give "
            "probabilities (softmax), or for several labels at once a column label_<class> of 0 and 1 for each"
        )
    return _codes(raw, order), scores, tuple(order), task, ["label", *by_class]


def _codes(raw: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    return raw["label"].map({name: k for k, name in enumerate(classes)}).to_numpy(np.int64)


def _two(path: Path, classes: tuple[str, ...], positive: str) -> tuple[str, ...]:
    """(negative, positive) of the one column `score`."""
    if len(classes) > 2:
        raise MedxferError(
            f"{path}: {len(classes)} labels ({listing(classes[:5])}) and one column score; give a column "
            "score_<class> for each"
        )
    if not positive and set(classes) not in TRUTHS:
        raise MedxferError(
            f"{path}: score is the probability of {classes[0]} or of {classes[1]}; say which by positive="
        )
    return tuple(_positive_last(path, list(classes), positive))


def _positive_last(path: Path, names: list[str], positive: str) -> list[str]:
    if not positive:
        return names
    if len(names) != 2:
        raise MedxferError(f"positive={positive}: names one of two classes, and {path} has {len(names)}; leave it out")
    if positive not in names:
        raise unknown("positive", positive, names, f"the labels are {listing(names)}.")
    return sorted(names, key=lambda name: name == positive)


def _probabilities(path: Path, raw: pd.DataFrame, column: str) -> np.ndarray:
    """(N,) of a column. Raises PrivateError where a value is missing, no number, or outside 0–1."""
    text = raw[column]
    if not text.str.contains(".", regex=False).any():
        text = text.str.replace(",", ".")  # a European decimal comma
    values = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        row = int((~finite).argmax())
        said = f"'{raw[column][row]}'" if raw[column][row] else "missing"
        raise PrivateError(
            f"{path}: {column} is {said} in {count(int((~finite).sum()), 'row')} (the first has the image "
            f"'{raw['image'][row]}'); every image needs a number there, so score it again or leave it out of all arms"
        )
    outside = (values < 0) | (values > 1)
    if outside.any():
        row = int(outside.argmax())
        raise PrivateError(
            f"{path}: {column} {values[row]:g} of the image '{raw['image'][row]}' is outside 0–1, and so are "
            f"{int(outside.sum()) - 1:,} more; probabilities are asked: of logits give the sigmoid, or with "
            "score_<class> the softmax"
        )
    return values


def _typed(cells: pd.Series, column: str) -> pd.Series:
    """Text as the type that factors have: whole numbers, true and false."""
    kinds: dict[str, Any] = {"true": True, "false": False} if column == "pretrained" else {}
    if column in ("seed", FOLD, "image_size") and cells.str.fullmatch(r"-?\d+").all():
        return cells.astype(int)
    return cells.map(lambda text: kinds.get(text.lower(), text)) if kinds else cells


def levels_of(rows: pd.DataFrame, column: str) -> list[Any]:
    """The values of a column in the order in which they come."""
    return list(dict.fromkeys(rows[column].tolist()))


def named(keys: Iterable[str], values: Iterable[Any]) -> str:
    """'arm a, seed 0'."""
    return ", ".join(f"{key} {value}" for key, value in zip(keys, values, strict=True) if value != NAMELESS)
