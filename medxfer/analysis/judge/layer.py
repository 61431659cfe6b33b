"""Finished cells → one layer: θ of every cell and each test patient's influence on it, once for a block and metric."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from medxfer.analysis.judge.results import CellRecord
from medxfer.analysis.judge.scores import CellScores, read_predictions
from medxfer.analysis.stats.influence import (
    Floats,
    NotComparable,
    check_cases,
    leave_one_patient_out,
    per_patient,
)
from medxfer.base.words import count


@dataclass(frozen=True)
class TestSet:
    """What cells of one block were tested on."""

    patients: tuple[Hashable, ...]
    images: int
    fewest: int  # patients of the rarest class
    rarest: str
    digest: str  # of images and labels


@dataclass(frozen=True)
class Measured:
    """One cell's metric, and what each patient does to it."""

    theta: float
    influence: Floats  # (patients,)
    tested: TestSet


Layer = Mapping[Path, Measured | NotComparable]  # by the cell's folder
Measure = Callable[[Iterable[CellRecord], str], Layer]  # finished cells and a metric → their layer


def measured(cells: Iterable[CellRecord], metric: str) -> Layer:
    """The finished cells of one block in one metric, computed once in a process.

    Raises:
        MedxferError: predictions cannot be read.
    """
    by_block: dict[tuple[Any, ...], list[CellRecord]] = defaultdict(list)
    for cell in cells:
        if cell.status == "done":
            by_block[(*cell.block, cell.factors["train_fraction"])].append(cell)
    layer: dict[Path, Measured | NotComparable] = {}
    for same in by_block.values():
        thresholds = tuple(cell.threshold for cell in same)
        names = tuple(map(str, same[0].record.get("classes", ())))
        binary = same[0].record["task"] == "binary"
        layer |= _measure(tuple(cell.folder for cell in same), thresholds, metric, binary, names)
    return layer


@cache
def _measure(
    folders: tuple[Path, ...], thresholds: tuple[float, ...], metric: str, binary: bool, classes: tuple[str, ...]
) -> Layer:
    out: dict[Path, Measured | NotComparable] = {}
    groups: list[tuple[CellScores, list[tuple[Path, float, Floats]]]] = []  # cells tested on the same images
    for folder, threshold in zip(folders, thresholds, strict=True):
        one = read_predictions(folder)
        if not np.isfinite(one.scores).all():
            bad = int((~np.isfinite(one.scores)).sum())
            reason = f"{bad} of the {one.scores.size} scores of {folder.name} are not finite: train that cell again"
            out[folder] = NotComparable(reason)
            continue
        rows = next((rows for first, rows in groups if _alike(first, one)), None)
        if rows is None:
            groups.append((one, rows := []))
        rows.append((folder, threshold, one.scores[:, -1] if binary else one.scores))
    for first, rows in groups:
        try:
            tested = tested_on(first, classes)
            cases = check_cases(np.stack([scores for _, _, scores in rows]), first.labels, first.patients)
            full, without = leave_one_patient_out(cases, metric, np.array([threshold for _, threshold, _ in rows]))
        except NotComparable as reason:
            out |= {folder: reason for folder, _, _ in rows}
            continue
        influence = per_patient(without)
        out |= {folder: Measured(float(full[i]), influence[i], tested) for i, (folder, _, _) in enumerate(rows)}
    return out


def _alike(one: CellScores, other: CellScores) -> bool:
    return np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)


def tested_on(scores: CellScores, classes: Sequence[str]) -> TestSet:
    """Raises NotComparable, naming the class, if fewer than two patients have it (or, of a label, do not)."""
    counts = dict(_class_counts(scores, classes))
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] < 2:
        raise NotComparable(
            f"the test set has {count(counts[rarest], 'patient')} with {rarest}, so that nothing can be said of others "
            "with it: test on more patients, or leave it out"
        )
    digest = sha256(scores.images.tobytes() + scores.labels.tobytes()).hexdigest()
    return TestSet(tuple(np.unique(scores.patients).tolist()), len(scores.labels), counts[rarest], rarest, digest)


def _class_counts(scores: CellScores, classes: Sequence[str]) -> Iterator[tuple[str, int]]:
    """(class, patients with it); of each label of a multi-label task also those without."""
    total = scores.scores.shape[1]
    names = [str(classes[k]) if k < len(classes) else f"class {k}" for k in range(total)]
    for k, name in enumerate(names):
        has = scores.labels[:, k] == 1 if scores.labels.ndim == 2 else scores.labels == k
        yield name, len(np.unique(scores.patients[has]))
        if scores.labels.ndim == 2:
            yield f"no {name}", len(np.unique(scores.patients[~has]))
