"""The variance of contrasts of arms: what trainings add, what patients add, and how well each is known.

Arrays may have leading axes (the repetitions of a simulation): `theta` is (..., arms, seeds), the metric of every
cell. docs/simulations.md shows what each choice below holds and costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

RELATED = 8.0  # degrees of freedom that the other arms' variance is worth at most; see `moderated`
LARGE_DF = 1e9  # normal, to the last digit


@dataclass(frozen=True)
class Term:
    """Estimates of parts of contrasts' variances, and their degrees of freedom; both of the same shape."""

    variance: Floats
    df: Floats


@dataclass(frozen=True)
class Seeds:
    """How the trainings of one group of arms vary together."""

    paired: Booleans  # whether the seeds have a common part, by an F test at a small level
    correlation: Floats  # over seeds, between arms, as estimated; may lie below 0
    ratio: Floats  # largest over smallest variance of an arm; NaN where an arm does not vary


def pairing_level(arms: int, seeds: int) -> float:
    """Level of the F test that decides whether seeds pair the arms: half a percent a degree of freedom, at most 4 %.

    With few degrees of freedom the F test finds only accidents; with many, the paired analysis costs nothing.
    """
    return 0.005 * min((arms - 1) * (seeds - 1), 8)


def seed_effects(theta: Floats, level: float | None = None) -> Seeds:
    """Compare the seeds' mean square with that of arm × seed in one group of arms (..., arms, seeds).

    If seeds share nothing between arms, both mean squares estimate the same variance, their ratio is F distributed,
    and their sum is independent of the ratio: pooling after an F test that does not reject is exact. If seeds share
    something, pooling is conservative. The paired analysis after a rejection errs a little too often (its mean square
    is small because the ratio is large), hence the small level. `level` 1 always pairs.
    """
    arms, seeds = theta.shape[-2:]
    if arms == 1:
        shape = theta.shape[:-2]
        return Seeds(np.zeros(shape, bool), np.zeros(shape), np.ones(shape))
    centred = theta - theta.mean(-1, keepdims=True)
    own = (centred**2).sum(-1) / (seeds - 1)
    common = centred.mean(-2)
    between = arms * (common**2).sum(-1) / (seeds - 1)
    within = ((centred - common[..., None, :]) ** 2).sum((-1, -2)) / ((seeds - 1) * (arms - 1))
    level = pairing_level(arms, seeds) if level is None else level
    limit = special.fdtri(seeds - 1, (seeds - 1) * (arms - 1), 1 - level) if level < 1 else -1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num((between - within) / (between + (arms - 1) * within))
        ratio = own.max(-1) / own.min(-1)
    return Seeds(np.asarray(between > limit * within), correlation, np.where(np.isfinite(ratio), ratio, np.nan))


def moderated(own: Floats, own_df: float, rest: Floats, rest_df: float, related: float = RELATED) -> Term:
    """A contrast's own variance, shrunk towards that of the other arms (Smyth 2004, with the prior's df fixed).

    The other arms' variance, with `rest_df`, predicts the own one with 1/f = 1/rest_df + 1/related: the first for
    chance, the second because arms differ in truth (`related` = 8 stands for a standard deviation of .53 in the
    logarithm of a variance). A study has too few arms to estimate it, as limma does from thousands of genes.
    """
    f = rest_df * related / (rest_df + related) if rest_df else 0.0
    variance = (own_df * own + f * rest) / (own_df + f)
    return Term(variance, np.full_like(variance, own_df + f))


def own_terms(theta: Floats, contrasts: Floats) -> Term:
    """(..., K): each contrast's own mean square over seeds, seeds − 1 df: Obuchowski and Rockette's for two arms."""
    d: Floats = np.einsum("ka,...as->...ks", np.atleast_2d(contrasts), theta)
    variance = d.var(-1, ddof=1) / d.shape[-1]
    return Term(variance, np.full_like(variance, d.shape[-1] - 1.0))


def trainings_terms(
    theta: Floats, contrasts: Floats, groups: NDArray[np.int64], related: float = RELATED, level: float | None = None
) -> Term:
    """(..., K): the trainings' variance of K contrasts' means over seeds.

    A contrast's part in each group of arms (those with the same weights) is estimated apart, and the groups are summed
    as independent: a positive correlation between groups makes the interval too wide, not too narrow.

    Args:
        contrasts: (K, arms). Arms without weight still tell how arms of their group vary.
        groups: (arms,).
        related, level: see `moderated` and `seed_effects`.
    """
    parts = [
        total_of([_part(theta[..., groups == g, :], c[groups == g], related, level) for g in np.unique(groups[c != 0])])
        for c in np.atleast_2d(contrasts)
    ]
    return Term(np.stack([t.variance for t in parts], -1), np.stack([t.df for t in parts], -1))


def _part(theta: Floats, weights: Floats, related: float, level: float | None) -> Term:
    """One group's part of one contrast.

    Unpaired: Σ w² s² of the arms with weight, moderated by the arms without. Paired, if the weights sum to 0 and the
    F test says so: the contrast's own mean square, moderated by the rest of arm × seed.
    """
    arms, seeds = theta.shape[-2:]
    square, idle = float(weights @ weights), weights == 0
    centred = theta - theta.mean(-1, keepdims=True)
    own = (centred**2).sum(-1) / (seeds - 1)
    others = own[..., idle].mean(-1) if idle.any() else np.zeros(own.shape[:-1])
    own_df = (seeds - 1) * square**2 / float((weights**4).sum())
    part = moderated(own @ weights**2, own_df, square * others, float(idle.sum()) * (seeds - 1), related)
    if abs(weights.sum()) < 1e-9 * np.abs(weights).sum():
        mean_square = (np.einsum("a,...as->...s", weights, centred) ** 2).sum(-1) / (seeds - 1)
        arm_by_seed = ((centred - centred.mean(-2, keepdims=True)) ** 2).sum((-1, -2))
        rest_df = (arms - 2) * (seeds - 1)
        rest = (arm_by_seed - mean_square * (seeds - 1) / square) / max(rest_df, 1)
        pair = moderated(mean_square, seeds - 1.0, square * rest, rest_df, related)
        paired = seed_effects(theta, level).paired
        part = Term(np.where(paired, pair.variance, part.variance), np.where(paired, pair.df, part.df))
    return Term(part.variance / seeds, part.df)


MOST_ALIKE = 0.8  # correlation of differences over seeds above which the other colormaps are no new information


def difference_terms(differences: Floats, weights: Floats) -> Term:
    """(..., 1): the trainings' variance of differences between weights, from the same difference at every colormap.

    `differences` (..., colormaps, seeds) is paired over seeds, so that it does not matter how much either side varies.
    The colormaps without weight moderate. If the differences correlate by more than `MOST_ALIKE`, and the F test of
    `seed_effects` shows that they do, they vary as one, and the own mean square stands alone.
    """
    apart = trainings_terms(differences, weights, np.zeros(differences.shape[-2], np.int64), level=0.0)
    alone, seeds = own_terms(differences, weights), seed_effects(differences)
    alike = (seeds.paired & (seeds.correlation > MOST_ALIKE))[..., None]
    return Term(np.where(alike, alone.variance, apart.variance), np.where(alike, alone.df, apart.df))


def total_of(terms: Sequence[Term]) -> Term:
    """The sum of independent terms, with Satterthwaite's (1946) degrees of freedom."""
    if len(terms) == 1:
        return terms[0]
    variance: Floats = np.sum([t.variance for t in terms], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sum([t.variance**2 / t.df for t in terms], axis=0)
        df = np.where(spread > 0, np.minimum(variance**2 / spread, LARGE_DF), LARGE_DF)
    return Term(variance, df)


def floored_over_blocks(theta: Floats, estimate: Callable[[Floats], Term]) -> tuple[Term, Floats]:
    """The trainings' variance of the mean over blocks that share seeds, and the blocks' mean covariance.

    var(mean over B blocks) = mean variance / B + (1 − 1/B) · covariance. What a seed varies is the mean over blocks, so
    that the estimate holds at every covariance; a covariance below 0 is chance and taken as 0. The degrees of freedom
    stay those of the means.

    Args:
        theta: (..., arms, seeds, blocks).
        estimate: of the variance of contrasts' means over seeds, from (..., arms, seeds).
    """
    blocks = theta.shape[-1]
    mean = estimate(theta.mean(-1))
    if blocks == 1:
        return mean, np.zeros_like(mean.variance)
    alone = np.mean([estimate(theta[..., b]).variance for b in range(blocks)], axis=0) / blocks
    covariance = (mean.variance - alone) / (1 - 1 / blocks)
    return Term(np.maximum(mean.variance, alone), mean.df), covariance


def patients_terms(influence: Floats, owed: float = 0.0) -> tuple[Term, Floats]:
    """The patients' variance, shared by all trainings, and what each training's own errors on them add to it.

    Shared: the mean over pairs of different seeds of the jackknife covariance; below 0 taken as 0. Its degrees of
    freedom come from how evenly patients contribute: with q_i = (mean over seeds of patient i's influence)² and
    K = Σ q_i, they are 2K²/(Σ q_i² − K²/n), between 1 and n − 1, so that a rare class that carries the variance shows.

    Args:
        influence: (..., seeds, patients) of a contrast; products summed over patients are jackknife covariances.
        owed: the share of one training's own patient variance that is added where patients are tested in folds; see
            `shared_training`. It has the degrees of freedom of the shared part, being of the same influences.

    Returns:
        the patients' term (...), and one training's own patient variance less the shared (...).
    """
    seeds, n = influence.shape[-2:]
    q = influence.mean(-2) ** 2
    of_mean = q.sum(-1)
    shared, own, patient_part = of_mean, of_mean, np.zeros_like(of_mean)
    if seeds > 1:
        own = (influence**2).sum((-1, -2)) / seeds
        shared = (seeds * of_mean - own) / (seeds - 1)
        patient_part = np.maximum(own - shared, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.nan_to_num(2 * of_mean**2 / ((q**2).sum(-1) - of_mean**2 / n), nan=n - 1.0, posinf=n - 1.0)
    return Term(np.maximum(shared, 0) + owed * own, np.clip(df, 1, n - 1)), patient_part
