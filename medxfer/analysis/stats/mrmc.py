"""Trainings as readers, patients as cases: is a difference between arms more than chance?

Two sources of chance act on every figure of a study: another seed would have given another network, and other
patients would have been other cases. Radiology has the same two, readers and cases, and compares modalities
by multi-reader multi-case analysis; arms are the modalities here, and trainings the readers. The conclusion
holds for new trainings and new patients, and is conditional on the named data sets and other combinations
(backbone, window, …), which are averaged with equal weight.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from medxfer.analysis.stats.effects import Effect, Sample, effect
from medxfer.analysis.stats.influence import NotComparable, check_cases, influences
from medxfer.analysis.stats.shared_training import shared_training
from medxfer.analysis.stats.variance import LARGE_DF, Floats


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
    trainings: int  # an arm; with 1, all figures speak of these trainings alone
    effect: Effect = field(compare=False, repr=False)

    @property
    def patients(self) -> int:
        """Test patients of all data sets."""
        return self.effect.count

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval at another level, by the limited degrees of freedom."""
        half = self.effect.half_width(1 - level)
        return self.estimate - half, self.estimate + half


@dataclass(frozen=True)
class BlockScores:
    """The trainings of all arms under one combination of data set, backbone, …; arrays as for `compare`.

    Blocks of the same `data` were tested on the same patients: their ids link the blocks, or, without ids,
    the images' order. Training r of one block and of another share their seed. `thresholds`
    (arms, trainings) or (arms, trainings, images): each training's own, instead of one for all. `folds`
    (trainings, images) or (arms, trainings, images): which network of the training scored each image.
    """

    data: Hashable
    scores: NDArray[np.number]
    labels: NDArray[np.number]
    patients: NDArray[Any] | None = None
    thresholds: Floats | None = None
    folds: NDArray[np.integer[Any]] | None = None
    sites: bool = False  # the folds are sites, which weigh the same


def compare(
    scores: ArrayLike,
    labels: ArrayLike,
    contrast: ArrayLike,
    metric: str = "auroc",
    patients: ArrayLike | None = None,
    level: float = 0.95,
    threshold: ArrayLike = 0.5,
    small_sample: bool = True,
    folds: ArrayLike | None = None,
    sites: bool = False,
) -> Comparison:
    """Estimate a contrast of arms, with the chance in trainings and in patients.

    Obuchowski and Rockette's analysis (1995, Commun. Stat. Simul. 24:285), by the jackknife over patients: with R
    trainings, d_r the contrast in training r, MS the variance of d over trainings and c the mean jackknife covariance
    of d_r with d_s (r ≠ s; below zero taken as zero), se² = MS/R + c.

    Args:
        scores: (arms, trainings, images) for a binary task, or (arms, trainings, images, classes); training r
            of one arm and of another share their seed.
        labels: (images,), or (images, classes) for a multi-label task.
        contrast: (arms,) weights that sum to 0; arms with weight 0 are not looked at.
        metric: auroc, accuracy, balanced_accuracy or brier; see `leave_one_patient_out`. More is better in each.
        patients: (images,) ids; images of one patient are one case. None: each image is a patient.
        level: of the interval, in (0, 1).
        threshold: a binary score above it means class 1; a number, (arms, trainings) or (arms, trainings, images).
        small_sample: degrees of freedom that hold the level with few trainings and few patients; see `limited_df`.
            False: those of Hillis (2007, Stat. Med. 26:596), (MS + R·c)² / (MS²/(R − 1)), as MRMCaov prints them.
        folds: (trainings, images), or (arms, trainings, images) where arms are divided differently: the fold, by
            whatever number, that tested each image, if a training is one network for each fold. AUROC is then of the
            pairs within a fold, and the patients' variance holds that the folds' networks share patients
            (`shared_training`).
        sites: the folds are sites (data.split.groups), the same in all trainings: the metric is the mean over them.

    Raises:
        NotComparable: identical arms, fewer than two patients with a class, scores that are not finite, a
            contrast that does not sum to 0, no variation to judge by.
    """
    ids = None if patients is None else np.asarray(patients)
    divided = None if folds is None else np.asarray(folds)
    block = BlockScores("", np.asarray(scores), np.asarray(labels), ids, folds=divided, sites=sites)
    return compare_blocks([block], contrast, metric, level, threshold, small_sample)


def compare_blocks(
    blocks: Sequence[BlockScores],
    contrast: ArrayLike,
    metric: str = "auroc",
    level: float = 0.95,
    threshold: ArrayLike = 0.5,
    small_sample: bool = True,
) -> Comparison:
    """Estimate a contrast of arms over several data sets and other combinations; `compare` is the case of one block.

    Data sets weigh the same, and so do the blocks of one data set. Blocks of one data set share seeds: what a seed
    varies is their mean. Its variance is taken as no smaller than if the blocks' trainings were independent.

    Args:
        blocks: at least one; each with one training an arm, or each with two or more. The rest as for `compare`.

    Raises:
        NotComparable: as for `compare`; blocks of one data set with different patients or numbers of trainings.
    """
    if not 0 < level < 1:
        raise NotComparable(f"level must lie between 0 and 1, not {level}")
    weights = np.asarray(contrast, dtype=np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or not weights.any():
        raise NotComparable("a contrast is one finite weight an arm, not all of them 0")
    if abs(weights.sum()) > 1e-9 * np.abs(weights).sum():
        raise NotComparable(f"a contrast's weights sum to 0, not {weights.sum():g}: a difference is [1, -1]")
    samples = _samples(blocks, weights, metric, np.asarray(threshold, dtype=np.float64))
    found = effect(samples)
    refuse_no_variation(samples, found)
    e, se = found.estimate, float(np.sqrt(found.variance))
    if small_sample:
        half, df, p = found.half_width(1 - level), found.df(1 - level), found.p(e)
    else:
        df = _plain_df(found)
        half, p = float(-special.stdtrit(df, (1 - level) / 2)) * se, float(2 * special.stdtr(df, -abs(e) / se))
    return Comparison(e, se, df, e - half, e + half, p, level, found.seeds, found)


def _plain_df(found: Effect) -> float:
    """Satterthwaite's degrees of freedom over the trainings' terms or, with one training, over patients − 1."""
    terms = [(p.trainings.variance, p.seeds - 1) for p in found.parts if p.trainings is not None]
    terms = terms or [(p.patients.variance, len(p.influence) - 1) for p in found.parts]
    spread = sum(float(variance) ** 2 / free for variance, free in terms)
    return min(found.variance**2 / spread, LARGE_DF) if spread > 0 else LARGE_DF


class NoVariation(NotComparable):
    """Nothing varies by which to judge; with more trainings something may."""


def refuse_no_variation(samples: Sequence[Sample], found: Effect) -> None:
    """Raises NoVariation if arms are identical, or nothing varies by which to judge a difference."""
    by_seed = [np.einsum("a,asb->sb", sample.weights, sample.theta) for sample in samples]
    if all(_none(d) and _none(sample.influence) for d, sample in zip(by_seed, samples, strict=True)):
        raise NoVariation("the arms' results are identical in every training: there is nothing to compare")
    if found.variance < 1e-24:
        raise NoVariation("trainings and patients show no variation by which to judge the difference")


def _none(values: ArrayLike) -> bool:
    """Whether all are 0 except for rounding; metrics are of the order of 1."""
    return bool(np.max(np.abs(values)) < 1e-12)


def _samples(blocks: Sequence[BlockScores], weights: Floats, metric: str, threshold: Floats) -> list[Sample]:
    """The contrast on each data set, in the order given.

    Raises:
        NotComparable: a block's arrays do not fit together, or the blocks of one data set do not.
    """
    if not blocks:
        raise NotComparable("there is no block to compare in")
    by_data: dict[Hashable, list[_Block]] = {}
    for block in blocks:
        by_data.setdefault(block.data, []).append(_block(block, weights, metric, threshold))
    samples, used = [], weights[weights != 0]
    for data, same in by_data.items():
        if any(one.patients != same[0].patients for one in same):
            raise NotComparable("blocks of one data set need the same test patients: use one test split")
        if len({one.theta.shape for one in same}) > 1:
            raise NotComparable("blocks of one data set need the same seeds: add those that are missing")
        theta = np.stack([one.theta for one in same], axis=-1)
        influence = np.mean([one.influence for one in same], axis=0)
        samples.append(Sample(data, theta, used, influence, owed=max(one.owed for one in same)))
    if len({sample.theta.shape[1] == 1 for sample in samples}) > 1:
        raise NotComparable("some blocks have one training an arm and some have more: add seeds to the first")
    return samples


class _Block(NamedTuple):
    theta: Floats  # (arms with weight, trainings)
    influence: Floats  # (trainings, patients) of the contrast
    patients: tuple[Hashable, ...]
    owed: float  # see `shared_training`


def _block(block: BlockScores, weights: Floats, metric: str, threshold: Floats) -> _Block:
    scores = np.asarray(block.scores)
    if scores.ndim not in (3, 4) or len(scores) != len(weights) or scores.shape[1] == 0:
        raise NotComparable(
            f"scores of shape {scores.shape} are not (arms, trainings, images) or (arms, trainings, images, "
            f"classes) with at least one training and the contrast's {len(weights)} arms"
        )
    threshold = threshold if block.thresholds is None else block.thresholds
    if threshold.ndim:
        threshold = _of_arms(threshold, scores.shape[: threshold.ndim], "thresholds", weights)
        threshold = threshold.reshape(-1, *threshold.shape[2:])
    folds = None if block.folds is None else _of_arms(block.folds, scores.shape[:3], "folds", weights).astype(np.int64)
    used, weights = scores[weights != 0], weights[weights != 0]
    rows = None if folds is None else folds.reshape(-1, folds.shape[-1])
    cases = check_cases(used.reshape(-1, *used.shape[2:]), block.labels, block.patients, rows)
    names: list[str] = []
    if block.sites:
        if cases.fold is None:
            raise NotComparable("sites=True needs the site of each image: give it as folds")
        names = [f"site {name}" for name in np.unique(cases.fold)]
    full, of_each = influences(cases, metric, threshold, names)
    arms_trainings = used.shape[:2]
    influence = np.tensordot(weights, of_each.reshape(*arms_trainings, cases.count), axes=1)
    return _Block(full.reshape(arms_trainings), influence, cases.patients, shared_training(folds, metric))


def _of_arms(values: NDArray[Any], shape: tuple[int, ...], what: str, weights: Floats) -> NDArray[Any]:
    """`values` in `shape`, (arms, trainings) or (arms, trainings, images), of the arms that have a weight."""
    try:
        return np.asarray(np.broadcast_to(values, shape)[weights != 0])
    except ValueError as error:
        raise NotComparable(f"{what} of shape {values.shape} do not go with scores of shape {shape}") from error
