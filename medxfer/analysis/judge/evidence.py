"""Contrasts and means of arms, in numbers: c′θ with variance c′Σc over one layer of influences."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from medxfer.analysis.judge.figures import Figures, Mean, clip, span
from medxfer.analysis.judge.layer import Measure, TestSet, measured
from medxfer.analysis.judge.pairing import DataRuns, paired_runs, same_test
from medxfer.analysis.judge.results import CellRecord
from medxfer.analysis.judge.scores import KeyOf
from medxfer.analysis.stats import effects
from medxfer.analysis.stats.effects import Effect, Sample, mean_interval
from medxfer.analysis.stats.mrmc import refuse_no_variation
from medxfer.base.words import NO_START
from medxfer.study.declared import Declared


@dataclass(frozen=True)
class Evidence:
    """One contrast: the effect with its parts, and the figures by itself."""

    effect: Effect
    figures: Figures


def arm_of(cell: CellRecord) -> Hashable:
    """(colormap, pretrained): what contrasts compare unless they say otherwise."""
    return cell.arm


def at_start(factor: str) -> KeyOf:
    """(level of `factor`, pretrained): what is compared where the weights meet another factor than the colormap."""
    return lambda cell: (cell.factors.get(factor), cell.factors["pretrained"])


def weigh(
    blocks: Iterable[Sequence[CellRecord]],
    weights: Mapping[Any, float],
    declared: Declared,
    key: KeyOf = arm_of,
    alike: bool = False,
    measure: Measure = measured,
) -> Evidence | None:
    """Compare arms over the blocks that plan all of them, in the declared metric and at the declared level.

    What `key` calls arms may be levels of any factor. Their trainings' variance is moderated over all levels if those
    are `alike` (the same weights in the same network), else it is the contrast's own. `measure` says on which images:
    those of the cells' own test parts, unless it is another one.

    None where no training is finished in all arms of a block, and cells are still missing.

    Raises:
        NotComparable: these numbers do not allow the comparison.
        MedxferError: a cell's predictions cannot be read, or cells of a block were tested on different images.
    """
    planned = [cells for cells in blocks if set(weights) <= {key(cell) for cell in cells}]
    runs = paired_runs(planned, list(weights), key, declared.metric, measure)
    if not runs:
        return None
    tested = [same_test(one, weights) for one in runs]
    samples = [sample_of(one, weights, key is arm_of, alike) for one in runs]
    effect = effects.effect(samples)
    refuse_no_variation(samples, effect)
    half, p = effect.half_width(1 - declared.level), effect.p(effect.estimate)
    low, high, clipped = clip(effect.estimate, half, weights, declared.metric)
    used = sum(len(weights) * len(one.seeds) * len(one.blocks) for one in runs)
    finished = sum(cell.status == "done" and key(cell) in weights for cells in planned for cell in cells)
    figures = Figures(
        estimate=effect.estimate,
        se=float(np.sqrt(effect.variance)),
        df=effect.df(1 - declared.level),
        low=low,
        high=high,
        level=declared.level,
        p=p,
        p_adjusted=p,
        p_equivalent=1.0,
        wins=_wins(runs, weights),
        clipped=clipped,
        unused=max(finished - used, 0),
        **_tested(effect, runs, tested),
        **_of_variance(effect, samples),
    )
    return Evidence(effect, figures)


def _tested(effect: Effect, runs: Sequence[DataRuns], tested: Sequence[TestSet]) -> dict[str, Any]:
    """What `Figures` has of the trainings and of the patients that they were tested on."""
    rarest, rarest_in = min(zip(tested, runs, strict=True), key=lambda one: one[0].fewest)
    backbones = [cell.factors.get("backbone") for one in runs for cell in _first(one)]
    return {
        "trainings": effect.seeds,
        "patients": effect.count,
        "images": sum(one.images for one in tested),
        "datasets": tuple(one.data for one in runs),
        "backbones": tuple(dict.fromkeys(filter(None, backbones))),
        "fewest_patients": rarest.fewest,
        "rarest": rarest.rarest,
        "rarest_in": rarest_in.data if len(runs) > 1 else "",
        "blocks": max(len(one.blocks) for one in runs),
    }


def _of_variance(effect: Effect, samples: Sequence[Sample]) -> dict[str, Any]:
    """What `Figures` has of where the variance comes from."""
    together = [part.together for part in effect.parts if part.together is not None]
    covariance = [part.block_covariance for part in effect.parts if part.block_covariance is not None]
    trainings = effect.trainings
    return {
        "from_trainings": None if trainings is None else float(trainings.variance) / effect.variance,
        "from_shared_training": effect.shared_training / effect.variance if effect.shared_training else None,
        "df_trainings": None if trainings is None else float(trainings.df),
        "df_patients": float(effect.patients.df),
        "seed_correlation": float(np.mean([one.correlation for one in together])) if together else None,
        "variance_ratio": _largest([float(one.ratio) for one in together]),
        "reference_ratio": _largest([_reference_ratio(sample) for sample in samples]),
        "block_covariance": float(np.mean(covariance)) if covariance else None,
    }


def arm_mean(
    cells: Sequence[CellRecord],
    arm: Hashable,
    declared: Declared,
    key: KeyOf = arm_of,
    patients: float | None = None,
    measure: Measure = measured,
) -> Mean | None:
    """One arm's metric in one block, over trainings and patients; with one training, over patients alone.

    The interval lies within what the metric can be (`mean_interval`). None where the arm has no finished training in
    the block. `patients`: of whom the metric is taken, if not all.

    Raises:
        NotComparable: the metric is undefined on this test set.
        MedxferError: as for `weigh`.
    """
    metric = declared.metric
    runs = paired_runs([cells], [arm], key, metric, measure)
    if not runs:
        return None
    same_test(runs[0], [arm])
    effect = effects.effect([sample_of(runs[0], {arm: 1.0}, key is arm_of)])
    half, variance = effect.half_width(1 - declared.level), effect.variance
    quantile = half / float(np.sqrt(variance)) if variance > 0 else float(-special.ndtri((1 - declared.level) / 2))
    base, size = (1.0, span(metric)) if metric == "brier" else (0.0, 1.0)  # Brier's sign is turned round
    low, high = mean_interval(effect.estimate / size + base, variance / size**2, quantile, patients or effect.count)
    return Mean(effect.estimate, (low - base) * size, (high - base) * size)


def sample_of(one: DataRuns, weights: Mapping[Any, float], starts_known: bool, alike: bool = False) -> Sample:
    """The contrast on one data set. Arms without weight moderate, if all are `alike` or, with `starts_known`, those
    (colormap, pretrained) that have the same weights; arms of a table never do."""
    influence, arms, owed = one.influence(weights), list(weights), one.owed(weights)
    own = not alike and (not starts_known or all(start == NO_START for _, start in weights))
    if own:
        return Sample(one.data, one.theta(arms), np.array(list(weights.values())), influence, owed=owed)
    all_arms: dict[Any, None] = dict.fromkeys((*arms, *(arm for block in one.blocks for arm, _ in block.cells)))
    if not starts_known:
        present = [arm for arm in all_arms if one.has(arm)]
        along = np.array([weights.get(arm, 0.0) for arm in present])
        one_group = np.zeros(len(present), np.int64)
        return Sample(one.data, one.theta(present), along, influence, effects.pooled(one_group), owed)
    starts = list(dict.fromkeys(start for _, start in weights))
    present = [arm for arm in all_arms if arm[1] in starts and one.has(arm)]
    if between := between_starts(weights):
        better, other = between
        colormaps = [c for c, start in present if start == better and (c, other) in present]
        theta = one.theta([(c, better) for c in colormaps]) - one.theta([(c, other) for c in colormaps])
        along = np.array([weights.get((c, better), 0.0) for c in colormaps])
        return Sample(one.data, theta, along, influence, effects.differences, owed)
    groups = np.array([starts.index(start) for _, start in present])
    along = np.array([weights.get(arm, 0.0) for arm in present])
    return Sample(one.data, one.theta(present), along, influence, effects.pooled(groups), owed)


def _reference_ratio(sample: Sample) -> float:
    """Of arms with the same start; NaN where weights are compared, with one training, or where nothing varies."""
    reference = sample.weights < 0
    if sample.theta.shape[1] < 2 or not reference.any() or reference.all():
        return float("nan")
    own = sample.theta.mean(-1).var(-1, ddof=1)
    others = float(own[~reference].mean())
    return float(own[reference].mean()) / others if others > 0 else float("nan")


def between_starts(weights: Mapping[Any, float]) -> tuple[Hashable, Hashable] | None:
    """(better, other) if the contrast compares two starts at the same colormaps, with the same weight each."""
    starts = list(dict.fromkeys(start for _, start in weights))
    if len(starts) != 2:
        return None
    one, other = ({c: w for (c, start), w in weights.items() if start == s} for s in starts)
    if abs(sum(one.values())) < 1e-9 or {c: -w for c, w in one.items()} != other:
        return None
    return starts[0], starts[1]


def _wins(runs: Sequence[DataRuns], weights: Mapping[Hashable, float]) -> float | None:
    """The share of pairs of the trainings used that the arm of weight 1 wins: a description, not a test."""
    if sorted(weights.values()) != [-1.0, 1.0]:
        return None
    arms, shares = sorted(weights, key=lambda arm: -weights[arm]), []
    for one in runs:
        a, b = one.theta(arms)
        difference = a[:, None] - b[None]
        shares.append(float(np.mean((difference > 0) + 0.5 * (difference == 0))))
    return float(np.mean(shares))


def _first(one: DataRuns) -> list[CellRecord]:
    return [next(iter(block.cells.values())) for block in one.blocks]


def _largest(values: Sequence[float]) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return max(finite) if finite else None
