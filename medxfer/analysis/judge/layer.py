"""Finished trainings → one layer: θ of each and every test patient's influence on it, once for a block and metric."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medxfer.analysis.judge.results import CellRecord, Network
from medxfer.analysis.judge.scores import CellScores, read_networks
from medxfer.analysis.stats.influence import NotComparable, check_cases, influences
from medxfer.analysis.stats.variance import Floats
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
    """One training's metric, within its folds, and what each patient does to it."""

    theta: float
    influence: Floats  # (patients,)
    tested: TestSet
    fold: NDArray[np.int64] | None = None  # (images,) that tested each image, of a training of folds


Layer = Mapping[Path, Measured | NotComparable]  # by the training's folder
Measure = Callable[[Iterable[CellRecord], str], Layer]  # finished cells and a metric → their layer


def measured(cells: Iterable[CellRecord], metric: str) -> Layer:
    """The finished trainings of one block in one metric, computed once in a process.

    Raises:
        MedxferError: predictions cannot be read.
    """
    layer: dict[Path, Measured | NotComparable] = {}
    for same in finished_blocks(cells):
        names = tuple(map(str, same[0].record.get("classes", ())))
        sites = tuple(map(str, same[0].record["data"].get("sites", ())))
        layer |= _measure(tuple(cell.networks for cell in same), metric, names, sites)
    return layer


def finished_blocks(cells: Iterable[CellRecord]) -> list[list[CellRecord]]:
    """The trainings that are done, those of one block and training fraction together."""
    by_block: dict[tuple[Any, ...], list[CellRecord]] = defaultdict(list)
    for cell in cells:
        if cell.status == "done":
            by_block[(*cell.block, cell.factors["train_fraction"])].append(cell)
    return list(by_block.values())


@cache
def _measure(
    trainings: tuple[tuple[Network, ...], ...], metric: str, classes: tuple[str, ...], sites: tuple[str, ...]
) -> Layer:
    out: dict[Path, Measured | NotComparable] = {}
    groups: list[dict[Path, CellScores]] = []  # trainings tested on the same images
    for networks in trainings:
        folder, one = networks[0].folder, read_networks(networks)
        if not np.isfinite(one.scores).all():
            bad = int((~np.isfinite(one.scores)).sum())
            reason = f"{bad} of the {one.scores.size} scores of {folder.name} are not finite: train that cell again"
            out[folder] = NotComparable(reason)
            continue
        group = next((group for group in groups if _alike(next(iter(group.values())), one)), None)
        if group is None or ":" in metric:  # of a class: undefined in a training that calls no image so
            groups.append(group := {})
        group[folder] = one
    for group in groups:
        try:
            out |= _measure_alike(group, metric, classes, sites)
        except NotComparable as reason:
            out |= dict.fromkeys(group, reason)
    return out


def _measure_alike(
    group: Mapping[Path, CellScores], metric: str, classes: Sequence[str], sites: Sequence[str]
) -> Layer:
    """Raises NotComparable, as `leave_one_patient_out` does or because a class has too few patients."""
    runs = list(group.values())
    tested, folds = tested_on(runs[0], classes), [run.fold for run in runs]
    divided = None if folds[0] is None else np.stack([fold for fold in folds if fold is not None])
    cases = check_cases(np.stack([run.judged for run in runs]), runs[0].labels, runs[0].patients, divided)
    at = np.stack([run.threshold for run in runs])
    full, influence = influences(cases, metric, at, sites)
    return {folder: Measured(float(full[i]), influence[i], tested, folds[i]) for i, folder in enumerate(group)}


def score_on_test(cell: CellRecord, metric: str) -> float:
    """What a finished training reached on test, more being better; of folds, within folds. NaN where undefined."""
    if not cell.folds:
        return cell.score(f"test/{metric}")
    found = measured([cell], metric).get(cell.folder)
    return found.theta if isinstance(found, Measured) else float("nan")


def _alike(one: CellScores, other: CellScores) -> bool:
    return one.same_images(other) and (one.fold is None) == (other.fold is None)


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
    for k, has in enumerate(scores.has_class):
        name = str(classes[k]) if k < len(classes) else f"class {k}"
        yield name, scores.patients_among(has)
        if scores.labels.ndim == 2:
            yield f"no {name}", scores.patients_among(~has)
