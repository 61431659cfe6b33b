"""Studies as Gaussian components: the metric of every cell, many studies at once, judged by the program itself.

A cell's metric is the sum of what its training adds (variance 1, for an arm that is as variable as the others), of what
its seed adds to all arms (correlation), and of what the test patients add to its arm, whatever the seed. The patients'
variance is taken as known; how well it is estimated is seen in simulated scores (`scored.py`).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from medxfer.analysis.stats.critical import Largest, limited_df, one_contrast
from medxfer.analysis.stats.decisions import heterogeneity_p
from medxfer.analysis.stats.forecasts import _root
from medxfer.analysis.stats.variance import (
    Term,
    difference_terms,
    floored_over_blocks,
    own_terms,
    seed_effects,
    total_of,
    trainings_terms,
)

Floats = NDArray[np.float64]
Figures = dict[str, float]
DF = np.array([1, 1.2, 1.5, 1.8, 2.2, 2.6, 3, 3.5, 4, 5, 6, 8, 10, 13, 17, 25, 40, 80, 200, 1e5])
MANY = 1e6  # degrees of freedom of a variance that is known
SPREAD = {"v1.5": 1.5**0.5, "s1.5": 1.5}  # one arm at 1.5 times the variance, or deviation, of the others


@cache
def family(contrasts: int) -> Largest:
    """Each of some arms against the same other one: a correlation of one half."""
    return Largest((0.5**0.5,) * contrasts if contrasts > 1 else (0.0,))


@cache
def _table(together: Largest, alpha: float) -> tuple[Floats, Floats]:
    return 1 / DF[::-1], np.log([together.t(alpha, df) for df in DF[::-1]])


def halves(terms: list[Term], contrasts: int, alpha: float = 0.05) -> Floats:
    """Half-widths of many studies' simultaneous intervals, of contrasts against the same arm."""
    return halves_of(terms, family(contrasts), alpha)


def halves_of(terms: list[Term], together: Largest, alpha: float = 0.05) -> Floats:
    """Half-widths of intervals that are simultaneous in any family; the critical value is interpolated over 1/df."""
    df = limited_df(terms, one_contrast(together.z(alpha)))
    t = np.exp(np.interp(1 / np.clip(df, 1, 1e5), *_table(together, alpha)))
    return np.asarray(np.sqrt(sum(term.variance for term in terms)) * t)


def known(variance: float | Floats) -> Term:
    return Term(np.asarray(variance, np.float64), np.asarray(MANY))


def against_first(arms: int) -> Floats:
    return np.hstack([-np.ones((arms - 1, 1)), np.eye(arms - 1)])


def spread(kind: str, arms: int) -> Floats:
    """Each arm's deviation over seeds: "equal", "gray v1.5", "other s1.5", …"""
    out = np.ones(arms)
    if kind != "equal":
        who, what = kind.split()
        out[0 if who == "gray" else 1] = SPREAD[what]
    return out


def cells(
    rng: np.random.Generator, n: int, deviation: Floats, seeds: int, correlation: float, blocks: int, shared: float
) -> Floats:
    """(n, arms, seeds, blocks): trainings of arms whose seeds correlate, and of blocks that share part of them."""

    def part(*shape: int) -> Floats:
        common, own = rng.standard_normal((n, *shape, 1)), rng.standard_normal((n, *shape, blocks))
        return np.asarray(np.sqrt(shared) * common + np.sqrt(1 - shared) * own)

    both = part(len(deviation), seeds) + np.sqrt(correlation / (1 - correlation)) * part(1, seeds)
    return np.asarray(deviation[:, None, None] * both)


def level(
    rng: np.random.Generator, n: int, contrasts: int, seeds: int, correlation: float, arms: str, share: float
) -> Figures:
    """Colormaps against gray, none of which differ: family-wise error, and the width over that with known variances."""
    return blocks(rng, n, seeds, 1, 0.0, 1, share, "shared", contrasts, correlation, arms)


def blocks(
    rng: np.random.Generator, n: int, seeds: int, blocks: int, shared: float, sets: int, share: float, taken: str,
    contrasts: int = 2, correlation: float = 0.0, arms: str = "equal",
) -> Figures:  # fmt: skip
    """The same over data sets, each with blocks that share their seeds' numbers and `shared` of their effect."""
    weights, groups = against_first(contrasts + 1), np.zeros(contrasts + 1, np.int64)
    deviation = spread(arms, contrasts + 1)
    of_trainings = (shared + (1 - shared) / blocks) / seeds
    of_patients = of_trainings * (1 - share) / share
    estimate: Floats = np.zeros((n, contrasts))
    terms = []
    for _ in range(sets):
        theta = cells(rng, n, deviation, seeds, correlation, blocks, shared)
        patients = np.sqrt(of_patients) * rng.standard_normal((n, contrasts + 1))
        estimate += (theta.mean((2, 3)) + patients) @ weights.T / sets
        term, _ = floored_over_blocks(theta, lambda x: trainings_terms(x, weights, groups))
        terms.append(Term(term.variance / sets**2, term.df))
    truth = (deviation[0] ** 2 + deviation[1:] ** 2) * of_trainings + 2 * of_patients
    half = halves([total_of(terms), known(2 * of_patients / sets)], contrasts)
    width = half / (family(contrasts).z(0.05) * np.sqrt(truth / sets))
    return {"error": float((np.abs(estimate) > half).any(1).mean()), "width": float(width.mean())}


def weights_compared(
    rng: np.random.Generator, n: int, seeds: int, random_deviation: float, within: float, between: float, share: float
) -> Figures:
    """RQ2 with three colormaps: pretrained less random at gray. Random arms' deviation; seeds that correlate within
    weights and between them."""

    def group(common: Floats) -> Floats:
        seed, own = rng.standard_normal((n, 1, seeds)), rng.standard_normal((n, 3, seeds))
        return np.asarray(
            np.sqrt(between) * common + np.sqrt(1 - between) * (np.sqrt(within) * seed + np.sqrt(1 - within) * own)
        )

    common = rng.standard_normal((n, 1, seeds))
    pretrained, random = group(common), random_deviation * group(common)
    of_trainings = (1 + random_deviation**2 - 2 * between * random_deviation) / seeds
    of_patients = of_trainings * (1 - share) / share
    differences = pretrained - random
    estimate = differences[:, 0].mean(1) + np.sqrt(of_patients) * rng.standard_normal(n)
    term = difference_terms(differences, np.array([[1.0, 0, 0]]))
    half = halves([Term(term.variance[:, 0], term.df[:, 0]), known(of_patients)], 1)
    width = half / (1.959964 * np.sqrt(of_trainings + of_patients))
    return {"error": float((np.abs(estimate) > half).mean()), "width": float(width.mean())}


def in_general(rng: np.random.Generator, n: int, sets: int, contrasts: int, arms: str) -> Figures:
    """Effects that differ between data sets by chance alone: is any colormap said to help in general?"""
    deviation = spread("other s1.5", contrasts + 1) ** 2 if arms == "one differs" else np.ones(contrasts + 1)
    theta = deviation[:, None] * rng.standard_normal((n, contrasts + 1, sets))
    weights = against_first(contrasts + 1)
    estimate = np.abs(theta.mean(2) @ weights.T)
    groups = np.zeros(contrasts + 1, np.int64)
    term = trainings_terms(theta, weights, groups, level=1.0) if contrasts > 1 else own_terms(theta, weights)
    alone = own_terms(theta, weights)
    unadjusted = -special.stdtrit(sets - 1, 0.025) * np.sqrt(alone.variance)
    return {
        "error": float((estimate > halves([term], contrasts)).any(1).mean()),
        "unadjusted": float((estimate > unadjusted).any(1).mean()),
    }


def differ(rng: np.random.Generator, n: int, seeds: int, sets: int, share: float) -> Figures:
    """Data sets with the same effect: are they said to differ?"""
    weights, groups = np.array([[-1.0, 1, 0]]), np.zeros(3, np.int64)
    of_patients = (1 - share) / share / seeds
    estimates, variances, df = [], [], []
    for _ in range(sets):
        theta = rng.standard_normal((n, 3, seeds))
        patients = np.sqrt(of_patients) * rng.standard_normal((n, 3))
        term = trainings_terms(theta, weights, groups)
        terms = [Term(term.variance[:, 0], term.df[:, 0]), known(2 * of_patients)]
        estimates.append((theta.mean(2) + patients) @ weights[0])
        variances.append(terms[0].variance + terms[1].variance)
        df.append(np.minimum(limited_df(terms, 0.05), 1e6))
    e, v, f = (np.stack(x, 1) for x in (estimates, variances, df))
    q = ((e - (e / v).sum(1, keepdims=True) / (1 / v).sum(1, keepdims=True)) ** 2 / v).sum(1)
    p = [heterogeneity_p(*study, draws=1_000) for study in zip(e, v, f, strict=True)]
    return {
        "error": float(np.mean(np.array(p) < 0.05)),
        "chi-square": float((special.chdtrc(sets - 1, q) < 0.05).mean()),
    }


def foretold(rng: np.random.Generator, n: int, seeds: int, later: int, share: float) -> Figures:
    """The half-width that a study foretells for more seeds, over what it then is."""
    weights, groups = against_first(3), np.zeros(3, np.int64)
    theta, patients = rng.standard_normal((n, 3, later)), known(2 * (1 - share) / share / seeds)
    now, then = (trainings_terms(theta[..., :r], weights, groups) for r in (seeds, later))
    df = now.df * (later - 1) / (seeds - 1)
    ahead = Term(now.variance * seeds / later * (_root(df) / _root(now.df)) ** 2, df)
    said, real = halves([ahead, patients], 2), halves([then, patients], 2)
    return {"ratio": float(said.mean() / real.mean()), "median error": float(np.median(np.abs(said / real - 1)))}


def equivalent(rng: np.random.Generator, n: int, seeds: int, share: float) -> Figures:
    """Two one-sided tests of arms that differ by the margin (six standard errors): are they called equivalent?"""
    of_patients = (1 - share) / share / seeds
    theta = rng.standard_normal((n, 3, seeds))
    patients = np.sqrt(of_patients) * rng.standard_normal((n, 3))
    margin = 6 * np.sqrt(2 / seeds + 2 * of_patients)
    term = trainings_terms(theta, np.array([[-1.0, 1, 0]]), np.zeros(3, np.int64))
    half = halves([Term(term.variance[:, 0], term.df[:, 0]), known(2 * of_patients)], 1, 0.10)
    estimate = (theta.mean(2) + patients) @ np.array([-1.0, 1, 0])
    return {"wrongly": float((estimate + margin + half < margin).mean())}


def resampled(rng: np.random.Generator, n: int, seeds: int, fraction: float, draws: float) -> Figures:
    """Splits drawn anew from one pool: a linear learner, judged against the truth beyond its pool.

    `fraction` of the pool is trained on; `draws` is the draws' share of the variance between trainings.
    """
    pool, count = 100, int(fraction * 100)
    gain = rng.standard_normal((n, pool))
    theta = np.empty((n, 1, seeds))
    for r in range(seeds):
        picked = np.argpartition(rng.random((n, pool)), count, axis=1)[:, :count]
        theta[:, 0, r] = np.take_along_axis(gain, picked, 1).mean(1)
    theta += rng.standard_normal(theta.shape) * np.sqrt((1 - fraction) / count * (1 - draws) / draws)
    term = own_terms(theta, np.ones((1, 1)))
    half = -special.stdtrit(seeds - 1, 0.025) * np.sqrt(term.variance[:, 0])
    mean = theta.mean((1, 2))
    return {
        "this pool": float((np.abs(mean - gain.mean(1)) > half).mean()),
        "beyond": float((np.abs(mean) > half).mean()),
    }


def pairs_found(rng: np.random.Generator, n: int, arms: int, seeds: int, correlation: float) -> Figures:
    """How often the F test pairs the arms over seeds."""
    theta = cells(rng, n, np.ones(arms), seeds, correlation, 1, 0.0)[..., 0]
    return {"paired": float(seed_effects(theta).paired.mean())}
