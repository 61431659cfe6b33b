"""Trainings as readers, patients as cases: is a difference between arms more than chance?

Two sources of chance act on every figure of a study: another seed would have given another network, and other
patients would have been other cases. Radiology has the same two, readers and cases, and compares modalities
by multi-reader multi-case analysis; arms are the modalities here, and trainings the readers. The conclusion
holds for new trainings and new patients, and is conditional on the named data sets and other combinations
(backbone, window, …), which are averaged with equal weight.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medxfer.analysis.stats.influence import Floats, NotComparable, check_cases, leave_one_patient_out
from medxfer.analysis.stats.uncertainty import Patients, Trainings, Uncertainty


@dataclass(frozen=True)
class Comparison:
    """A contrast of arms; more than 0 means that the arms with positive weight are better.

    `low` and `high` are estimate ∓ t(df) · se, and `p` < 1 − level exactly where they exclude 0.
    """

    estimate: float
    se: float
    df: float
    low: float
    high: float
    p: float
    level: float
    trainings: int  # an arm, in the block with the fewest; with 1, all figures speak of these trainings alone
    uncertainty: Uncertainty

    @property
    def patients(self) -> int:
        """Test patients of all data sets."""
        return sum(p.patients for p in self.uncertainty.patients)

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval at another level."""
        half = self.uncertainty.half_width(level)
        return self.estimate - half, self.estimate + half


@dataclass(frozen=True)
class BlockScores:
    """The trainings of all arms under one combination of data set, backbone, …; arrays as for `compare`.

    Blocks of the same `data` were tested on the same patients: their ids link the blocks, or, without ids,
    the images' order. `thresholds` (arms, trainings): each training's own, instead of one for all.
    """

    data: Hashable
    scores: NDArray[np.number]
    labels: NDArray[np.number]
    patients: NDArray[Any] | None = None
    thresholds: Floats | None = None


def compare(
    scores: ArrayLike,
    labels: ArrayLike,
    contrast: ArrayLike,
    metric: str = "auroc",
    patients: ArrayLike | None = None,
    level: float = 0.95,
    threshold: float = 0.5,
    small_sample: bool = True,
) -> Comparison:
    """Estimate a contrast of arms, with the chance in trainings and in patients.

    Obuchowski and Rockette's analysis, by the jackknife over patients: with R trainings, d_r the contrast in
    training r, MS the variance of d over trainings and c the mean jackknife covariance of d_r with d_s (r ≠ s; below
    zero taken as zero), se² = MS/R + c and df = (MS + R·c)² / (MS²/(R − 1)).

    Args:
        scores: (arms, trainings, images) for a binary task, or (arms, trainings, images, classes); training r
            of one arm and of another share their seed.
        labels: (images,), or (images, classes) for a multi-label task.
        contrast: (arms,) weights that sum to 0; arms with weight 0 are not looked at.
        metric: auroc, accuracy, balanced_accuracy or brier; see `leave_one_patient_out`. More is better in each.
        patients: (images,) ids; images of one patient are one case. None: each image is a patient.
        level: of the interval, in (0, 1).
        threshold: a binary score above it means class 1.
        small_sample: with 2 to 4 trainings, correct the degrees of freedom so that the level holds (see
            `Uncertainty`). False: the plain figures, as MRMCaov prints them. From 5 on it makes no difference.

    Raises:
        NotComparable: identical arms, fewer than two patients with a class, scores that are not finite, a
            contrast that does not sum to 0, no variation to judge by.
    """
    ids = None if patients is None else np.asarray(patients)
    block = BlockScores("", np.asarray(scores), np.asarray(labels), ids)
    return compare_blocks([block], contrast, metric, level, threshold, small_sample)


def compare_blocks(
    blocks: Sequence[BlockScores],
    contrast: ArrayLike,
    metric: str = "auroc",
    level: float = 0.95,
    threshold: float = 0.5,
    small_sample: bool = True,
    resampled: bool = False,
) -> Comparison:
    """Estimate a contrast of arms over D data sets × B other combinations; `compare` is the case of one block.

    Data sets weigh the same, and so do the blocks of one data set. se² = Σ_db s²_db/(R·(DB)²) + Σ_d max(C_d, 0)/D²,
    with s²_db the variance over a block's trainings and C_d the mean, over pairs of blocks of one data set, of the
    jackknife covariance of different trainings; Satterthwaite's df over the trainings' terms.

    Args:
        blocks: at least one; each with one training an arm, or each with two or more.
        resampled: training images were drawn anew with each seed. Blocks of one data set then share that
            draw, so that their mean for each seed is what varies; they need the same seeds, in the same order. The
            rest as for `compare`.

    Raises:
        NotComparable: as for `compare`; blocks of one data set with different patients.
    """
    weights = np.asarray(contrast, dtype=np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or not weights.any():
        raise NotComparable("a contrast is one finite weight an arm, not all of them 0")
    if abs(weights.sum()) > 1e-9 * np.abs(weights).sum():
        raise NotComparable(f"a contrast's weights sum to 0, not {weights.sum():g}: a difference is [1, -1]")
    effects = _effects(blocks, weights, metric, threshold, resampled)
    if all(_none(e.by_training) and _none(e.influence) for same_data in effects for e in same_data):
        raise NotComparable("the arms' results are identical in every training: there is nothing to compare")
    comparison = _estimate([[_mean(same_data)] for same_data in effects] if resampled else effects, level, small_sample)
    if _none(comparison.se):
        raise NotComparable("trainings and patients show no variation by which to judge the difference")
    return comparison


def one_arm(block: BlockScores, metric: str, level: float = 0.95, threshold: float = 0.5) -> Comparison:
    """The metric of a block's one arm, with the same two sources of chance; `p` is of the hypothesis that it is 0.

    Where neither source shows any variation, the interval has no width.

    Raises:
        NotComparable: as for `compare`.
    """
    return _estimate(_effects([block], np.ones(1), metric, threshold), level)


def _estimate(effects: Sequence[Sequence["_Effect"]], level: float, small_sample: bool = True) -> Comparison:
    if not 0 < level < 1:
        raise NotComparable(f"level must lie between 0 and 1, not {level}")
    estimate = float(np.mean([np.mean([e.by_training.mean() for e in same_data]) for same_data in effects]))
    uncertainty = _uncertainty(effects, small_sample)
    half = uncertainty.half_width(level)
    return Comparison(
        estimate=estimate,
        se=float(np.sqrt(uncertainty.variance)),
        df=uncertainty.df(level),
        low=estimate - half,
        high=estimate + half,
        p=uncertainty.p(estimate),
        level=level,
        trainings=min(len(e.by_training) for same_data in effects for e in same_data),
        uncertainty=uncertainty,
    )


def _none(values: ArrayLike) -> bool:
    """Whether all are 0 except for rounding; metrics are of the order of 1."""
    return bool(np.max(np.abs(values)) < 1e-12)


@dataclass(frozen=True)
class _Effect:
    """The contrast in one block."""

    by_training: Floats  # (trainings,)
    influence: Floats  # (trainings, patients); their products, summed over patients, are jackknife covariances
    patients: tuple[Hashable, ...]


def _effects(
    blocks: Sequence[BlockScores], weights: Floats, metric: str, threshold: float, resampled: bool = False
) -> list[list[_Effect]]:
    """The contrast in every block of each data set, in the order given.

    Raises:
        NotComparable: a block's arrays do not fit together, or the blocks of one data set do not.
    """
    if not blocks:
        raise NotComparable("there is no block to compare in")
    by_data: dict[Hashable, list[_Effect]] = {}
    for block in blocks:
        by_data.setdefault(block.data, []).append(_effect(block, weights, metric, threshold))
    for first, *others in by_data.values():
        if any(other.patients != first.patients for other in others):
            raise NotComparable("blocks of one data set need the same test patients: use one test split")
        if resampled and any(len(other.by_training) != len(first.by_training) for other in others):
            raise NotComparable("blocks whose training images were drawn by the seed need the same seeds")
    if len({len(effect.by_training) == 1 for same_data in by_data.values() for effect in same_data}) > 1:
        raise NotComparable("some blocks have one training an arm and some have more: add seeds to the first")
    return list(by_data.values())


def _effect(block: BlockScores, block_weights: Floats, metric: str, threshold: float) -> _Effect:
    scores = np.asarray(block.scores)
    if scores.ndim not in (3, 4) or len(scores) != len(block_weights) or scores.shape[1] == 0:
        raise NotComparable(
            f"scores of shape {scores.shape} are not (arms, trainings, images) or (arms, trainings, images, "
            f"classes) with at least one training and the contrast's {len(block_weights)} arms"
        )
    among = block_weights != 0
    used, weights = scores[among], block_weights[among]
    cases = check_cases(used.reshape(-1, *used.shape[2:]), block.labels, block.patients)
    at = threshold if block.thresholds is None else block.thresholds[among].reshape(-1)
    full, without = leave_one_patient_out(cases, metric, at)
    arms_trainings, count = used.shape[:2], cases.count
    left_out = np.tensordot(weights, without.reshape(*arms_trainings, count), axes=1)
    influence = np.sqrt((count - 1) / count) * (left_out - left_out.mean(axis=1, keepdims=True))
    return _Effect(weights @ full.reshape(arms_trainings), influence, cases.patients)


def _mean(effects: Sequence[_Effect]) -> _Effect:
    by_training = np.mean([effect.by_training for effect in effects], axis=0)
    return _Effect(by_training, np.mean([effect.influence for effect in effects], axis=0), effects[0].patients)


def _uncertainty(effects: Sequence[Sequence[_Effect]], small_sample: bool) -> Uncertainty:
    trainings, patients = [], []
    for same_data in effects:
        share = 1 / len(effects) / len(same_data)
        mean = share * np.sum([e.influence.mean(axis=0) for e in same_data], axis=0)
        covariance = float(mean @ mean)  # of all pairs of trainings; a training with itself is not a pair
        for effect in same_data:
            count = len(effect.by_training)
            if count == 1:
                continue
            of_mean = float(np.sum(effect.influence.mean(axis=0) ** 2))
            own = float(np.sum(effect.influence**2)) / count
            shared = (count * of_mean - own) / (count - 1)
            covariance += share**2 * (shared - of_mean)
            variance = float(effect.by_training.var(ddof=1))
            trainings.append(Trainings(variance, max(own - shared, 0.0), count, share))
        patients.append(Patients(covariance, same_data[0].influence.shape[1]))
    return Uncertainty(tuple(trainings), tuple(patients), small_sample)
