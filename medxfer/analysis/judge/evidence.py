"""A contrast over finished cells → its estimate, with the chance in trainings and in patients."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medxfer.analysis.judge.results import CellRecord
from medxfer.analysis.judge.scores import KeyOf, shared_seeds, stack
from medxfer.analysis.stats import mrmc
from medxfer.study.declared import Declared


def arm_of(cell: CellRecord) -> Hashable:
    """(colormap, pretrained): what contrasts compare unless they say otherwise."""
    return cell.arm


@dataclass(frozen=True)
class Beside:
    """The same contrast in another metric; its p is not adjusted and decides nothing."""

    metric: str
    estimate: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Figures:
    """A contrast in numbers. Effects are fractions (0.01 is a point), signed so that more is better."""

    estimate: float
    se: float
    df: float
    low: float
    high: float
    level: float  # of low and high: 1 − α/k, so that a family's k intervals hold together
    p: float
    p_adjusted: float  # Holm, over the family; as p until a family is adjusted
    p_equivalent: float  # two one-sided tests at the margin, Holm over the family; 1 until then
    wins: float | None  # P(a new training of one arm beats one of the other); None for sums of more arms
    trainings: int  # an arm; with one, nothing is known of others, and no p is said
    patients: int
    images: int
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    more_seeds: int | None = None  # that would tell, where the conclusion is that one cannot tell
    more_patients: int | None = None
    beside: tuple[Beside, ...] = ()


Evidence = tuple[mrmc.Comparison, Figures]  # of one contrast: the uncertainty and its parts, and the figures


def weigh(
    blocks: Iterable[Sequence[CellRecord]], weights: Mapping[Any, float], declared: Declared, key: KeyOf = arm_of
) -> Evidence | None:
    """Compare arms over the blocks that plan all of them, in the declared metric and at the declared level.

    None where no training is finished in all arms of a block.

    Raises:
        NotComparable: these numbers do not allow the comparison.
        MedxferError: a cell's predictions cannot be read, or cells of a block were tested on different images.
    """
    arms = list(weights)
    planned = [cells for cells in blocks if set(arms) <= {key(cell) for cell in cells}]
    used = [[cell for cell in cells if cell.status == "done" and key(cell) in arms] for cells in planned]
    trained = [(cells, seeds) for cells in used if (seeds := shared_seeds(cells, arms, key))]
    resampled = any(cell.record["data"]["resampled"] for cells, _ in trained for cell in cells)
    if resampled:
        trained = _same_seeds(trained)
    found = [(cells, scores) for cells, seeds in trained if (scores := stack(cells, arms, key, seeds)) is not None]
    if not found:
        return None
    c = mrmc.compare_blocks(
        [scores for _, scores in found], list(weights.values()), declared.metric, declared.level, resampled=resampled,
    )  # fmt: skip
    tested = {str(scores.data): len(scores.labels) for _, scores in found}
    figures = Figures(
        estimate=c.estimate,
        se=c.se,
        df=c.df,
        low=c.low,
        high=c.high,
        level=c.level,
        p=c.p,
        p_adjusted=c.p,
        p_equivalent=1.0,
        wins=_wins([cells for cells, _ in found], weights, declared.metric, key),
        trainings=c.trainings,
        patients=c.patients,
        images=sum(tested.values()),
        datasets=tuple(tested),
        backbones=tuple(dict.fromkeys(cells[0].factors["backbone"] for cells, _ in found)),
    )
    return c, figures


def arm_mean(
    cells: Sequence[CellRecord], arm: Hashable, declared: Declared, key: KeyOf = arm_of
) -> mrmc.Comparison | None:
    """One arm's metric in one block, over trainings and patients; with one training, over patients alone.

    None where the arm has no finished training in the block.

    Raises:
        NotComparable: the metric is undefined on this test set.
        MedxferError: as for `weigh`.
    """
    scores = stack(cells, [arm], key)
    if scores is None:
        return None
    return mrmc.one_arm(scores, declared.metric, declared.level)


def _same_seeds(
    trained: Sequence[tuple[list[CellRecord], list[int]]],
) -> list[tuple[list[CellRecord], list[int]]]:
    """Where seeds draw the training images, blocks of one data set keep the seeds that all of them have."""
    kept: dict[str, set[int]] = {}
    for cells, seeds in trained:
        name = cells[0].factors["data"]
        kept[name] = kept.get(name, set(seeds)) & set(seeds)
    return [(cells, sorted(kept[cells[0].factors["data"]])) for cells, _ in trained]


def _wins(
    blocks: Iterable[Sequence[CellRecord]], weights: Mapping[Hashable, float], metric: str, key: KeyOf
) -> float | None:
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
