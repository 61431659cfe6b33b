"""A second opinion: trainings and patients drawn again, with no formula for a variance.

Trainings and patients are crossed, so both are drawn (Owen 2007, Ann. Appl. Stat. 1:386): with many of each
the interval errs to the wide side, while few trainings, drawn from themselves, differ too little, by (R −
1)/R.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from medxfer.analysis.stats.case_metrics import Cases, Contest, Floats, NotComparable, check_metric, contests, ratios
from medxfer.analysis.stats.mrmc import Block, check_blocks, contrast_weights

AT_ONCE = 4_000_000  # numbers held while AUROC is weighed again


@dataclass(frozen=True)
class Bootstrap:
    """Percentile intervals of a contrast, and of the chance that one training beats another."""

    estimate: float
    se: float
    low: float
    high: float
    wins: float  # P(a new training of the arms with positive weight beats one of the others)
    wins_low: float
    wins_high: float
    level: float


def bootstrap(
    blocks: Sequence[Block],
    contrast: ArrayLike,
    metric: str = "auroc",
    level: float = 0.95,
    threshold: float = 0.5,
    resampled: bool = False,
    draws: int = 2_000,
    seed: int = 0,
) -> Bootstrap:
    """Estimate a contrast of arms as `compare_blocks` does, with percentile intervals from `draws` of the data.

    In each draw, every data set's patients and every block's trainings are drawn with replacement: a training
    with its partners in the other arms and, where `resampled`, in the other blocks of its data set. Draws in
    which a class is missing are left out. `wins` compares all pairs of trainings, a tie counting half; with
    more than two arms, the weighted sums of those with positive and with negative weight.

    Raises:
        NotComparable: the arrays do not fit together, or a class is missing in a tenth of the draws.
    """
    check_metric(metric)
    rng = np.random.default_rng(seed)
    by_data = []
    for same_data in check_blocks(blocks, contrast_weights(contrast), resampled):
        patients = _draw(rng, same_data[0].cases.count, draws)
        by_block: list[tuple[Floats, Floats]] = []
        for block in same_data:
            if not by_block or not resampled:
                share = _draw(rng, block.trainings, draws) / block.trainings
            values = _weighed(block.cases, metric, threshold, patients)
            by_block.append(_contrast(values, block.weights, share))
        by_data.append(np.mean(by_block, axis=0))
    effect, wins = np.mean(by_data, axis=0)
    defined = np.isfinite(effect)
    if not defined[0] or defined.mean() < 0.9:
        raise NotComparable("a class has too few patients: one draw of patients in ten leaves it out")
    tails = [(1 - level) / 2, (1 + level) / 2]
    (low, high), (wins_low, wins_high) = (np.quantile(x[1:][defined[1:]], tails) for x in (effect, wins))
    se = float(effect[1:][defined[1:]].std())
    figures = (effect[0], se, low, high, wins[0], wins_low, wins_high, level)
    return Bootstrap(*(float(x) for x in figures))


def _draw(rng: np.random.Generator, count: int, draws: int) -> Floats:
    """(1 + draws, count): how often each is in the sample; first the sample itself."""
    return np.vstack([np.ones(count), rng.multinomial(count, np.full(count, 1 / count), draws)])


def _contrast(values: Floats, weights: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Metrics (draws, arms × trainings) and shares (draws, trainings) → the contrast and the wins, (draws,)."""
    values = values.reshape(len(values), len(weights), -1)
    effect = np.einsum("bar,a,br->b", values, weights, share)
    better = np.einsum("bar,a->br", values, np.maximum(weights, 0))
    worse = np.einsum("bar,a->br", values, np.maximum(-weights, 0))
    sign = np.sign(better[:, :, None] - worse[:, None, :])
    return effect, np.einsum("brs,br,bs->b", (1 + sign) / 2, share, share)


def _weighed(cases: Cases, metric: str, threshold: float, patients: Floats) -> Floats:
    """(draws, trainings): the metric with each patient as often as drawn; NaN where a class is missing."""
    parts = []
    with np.errstate(invalid="ignore"):  # 0 / 0 where a class is missing
        for task in cases.by_label():
            if metric == "auroc":
                parts += [_auroc(contest, task.case, patients) for contest in contests(task)]
            else:
                parts += [
                    (patients @ ratio.part.T) / (patients @ ratio.images)[:, None]
                    for ratio in ratios(task, metric, threshold)
                ]
    return np.mean(parts, axis=0)


def _auroc(contest: Contest, case: np.ndarray, patients: Floats) -> Floats:
    step = max(1, AT_ONCE // len(case))
    chunks = [_auroc_of(contest, patients[i : i + step, case]) for i in range(0, len(patients), step)]
    return np.vstack(chunks)


def _auroc_of(contest: Contest, weight: Floats) -> Floats:
    """(draws, images) of weights → (draws, trainings)."""
    ones, zeros = weight * contest.positive, weight * ~contest.positive
    won = np.empty((len(weight), len(contest.scores)))
    for t, scores in enumerate(contest.scores):
        order = np.argsort(scores, kind="stable")
        first = np.searchsorted(scores[order], scores[order], side="left")
        after = np.searchsorted(scores[order], scores[order], side="right")
        below = np.pad(np.cumsum(zeros[:, order], axis=1), ((0, 0), (1, 0)))
        won[:, t] = np.einsum("bi,bi->b", ones[:, order], below[:, first] + below[:, after]) / 2
    return won / (ones.sum(axis=1) * zeros.sum(axis=1))[:, None]
