"""A contrast over finished cells → its estimate, with the chance in trainings and in patients."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medxfer.analysis.judge.results import Cell
from medxfer.analysis.judge.scores import BlockScores, stack
from medxfer.analysis.stats.case_metrics import check_cases
from medxfer.analysis.stats.jackknife import leave_one_patient_out
from medxfer.analysis.stats.mrmc import Block, Comparison, compare_blocks
from medxfer.analysis.stats.uncertainty import Patients, Trainings, Uncertainty

KeyOf = Callable[[Cell], Hashable]


def arm_of(cell: Cell) -> Hashable:
    """(colormap, pretrained): what contrasts compare unless they say otherwise."""
    return cell.arm


@dataclass(frozen=True)
class Gathered:
    """The blocks in which every arm has a finished training, as the statistics take them."""

    cells: tuple[tuple[Cell, ...], ...]  # of each block, finished ones of these arms
    scores: tuple[BlockScores, ...]
    resampled: bool  # training images were drawn anew with each seed

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(cells[0].factors["data"], scores.scores, scores.labels, scores.patients)
            for cells, scores in zip(self.cells, self.scores, strict=True)
        ]


@dataclass(frozen=True)
class Evidence:
    """What the finished trainings say about one contrast."""

    comparison: Comparison
    wins: float | None  # P(a new training of one arm beats one of the other), for contrasts of two arms
    images: int
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]


def gather(blocks: Iterable[Sequence[Cell]], arms: Sequence[Hashable], key: KeyOf = arm_of) -> Gathered | None:
    """Read the scores of all blocks that plan every arm; None where no training is finished in all of them.

    Raises:
        MedxferError: a cell's predictions cannot be read, or cells of a block were tested on different images.
    """
    used = [
        tuple(cell for cell in cells if cell.status == "done" and key(cell) in arms)
        for cells in blocks
        if set(arms) <= {key(cell) for cell in cells}
    ]
    found = [(cells, scores) for cells in used if (scores := stack(cells, arms, key)) is not None]
    resampled = any(cell.record["data"]["resampled"] for cells, _ in found for cell in cells)
    if resampled:
        found = _same_seeds(found, arms, key)
    if not found:
        return None
    return Gathered(tuple(cells for cells, _ in found), tuple(scores for _, scores in found), resampled)


def weigh(
    blocks: Iterable[Sequence[Cell]],
    weights: Mapping[Any, float],
    metric: str,
    level: float,
    threshold: float,
    key: KeyOf = arm_of,
) -> Evidence | None:
    """Compare arms over the blocks that plan all of them; None where no training is finished in all.

    Raises:
        NotComparable: these numbers do not allow the comparison.
        MedxferError: as for `gather`.
    """
    gathered = gather(blocks, list(weights), key)
    if gathered is None:
        return None
    contrast = list(weights.values())
    comparison = compare_blocks(gathered.blocks, contrast, metric, level, threshold, resampled=gathered.resampled)
    tested = {
        cells[0].factors["data"]: len(scores.labels)
        for cells, scores in zip(gathered.cells, gathered.scores, strict=True)
    }
    return Evidence(
        comparison,
        _wins(gathered.cells, weights, metric, key),
        sum(tested.values()),
        tuple(tested),
        tuple(dict.fromkeys(cells[0].factors["backbone"] for cells in gathered.cells)),
    )


def _same_seeds(
    found: Sequence[tuple[tuple[Cell, ...], BlockScores]], arms: Sequence[Hashable], key: KeyOf
) -> list[tuple[tuple[Cell, ...], BlockScores]]:
    """Where seeds draw the training images, blocks of one data set keep the seeds that all of them have."""
    kept: dict[str, set[int]] = {}
    for cells, scores in found:
        name = cells[0].factors["data"]
        kept[name] = kept.get(name, set(scores.seeds)) & set(scores.seeds)
    again = [(cells, stack(cells, arms, key, sorted(kept[cells[0].factors["data"]]))) for cells, _ in found]
    return [(cells, scores) for cells, scores in again if scores is not None]


def _wins(blocks: Iterable[Sequence[Cell]], weights: Mapping[Hashable, float], metric: str, key: KeyOf) -> float | None:
    """The share of pairs of trainings that the arm of weight 1 wins: a description, not a test."""
    if sorted(weights.values()) != [-1.0, 1.0]:
        return None
    arm, other = sorted(weights, key=lambda arm: -weights[arm])
    shares = []
    for cells in blocks:
        a, b = ([cell.score(f"test/{metric}") for cell in cells if key(cell) == one] for one in (arm, other))
        difference = np.subtract.outer(a, b)
        shares.append(float(np.mean((difference > 0) + 0.5 * (difference == 0))))
    return float(np.mean(shares)) if np.isfinite(shares).all() else None


def arm_mean(
    cells: Sequence[Cell], arm: Hashable, metric: str, level: float, threshold: float, key: KeyOf = arm_of
) -> tuple[float, float, float] | None:
    """(mean, low, high) of one arm's metric in one block, over trainings and patients; signed as in `compare`.

    With one training, over patients alone. None where the arm has no finished training in the block.

    Raises:
        NotComparable: the metric is undefined on this test set.
        MedxferError: as for `gather`.
    """
    scores = stack(cells, [arm], key)
    if scores is None:
        return None
    cases = check_cases(scores.scores[0], scores.labels, scores.patients)
    full, without = leave_one_patient_out(cases, metric, threshold)
    trainings, patients = without.shape
    influence = np.sqrt((patients - 1) / patients) * (without - without.mean(axis=1, keepdims=True))
    own = float(np.sum(influence**2)) / trainings
    of_mean = float(np.sum(influence.mean(axis=0) ** 2))
    if trainings == 1:
        uncertainty = Uncertainty((), (Patients(of_mean, patients),))
    else:
        shared = (trainings * of_mean - own) / (trainings - 1)
        spread = Trainings(float(full.var(ddof=1)), max(own - shared, 0.0), trainings, 1.0)
        uncertainty = Uncertainty((spread,), (Patients(shared, patients),))
    mean, half = float(full.mean()), uncertainty.half_width(level)
    return mean, mean - half, mean + half
