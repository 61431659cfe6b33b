"""Studies that are looked at more than once, declared or not: total error, and how many trainings it takes.

As in `gaussian.py`, the metric of every cell is Gaussian and the patients' variance is taken as known.
"""

from functools import cache

import numpy as np
from gaussian import DF, Figures, Floats, against_first, cells, family, halves, known
from scipy import special

from medxfer.analysis.stats.critical import limited_df
from medxfer.analysis.stats.forecasts import _root
from medxfer.analysis.stats.looks import (
    CHANCE,
    HELD_BACK,
    chance_to_decide,
    fractions,
    linear,
    next_boundary,
    undeclared_error,
)
from medxfer.analysis.stats.variance import Term, trainings_terms

ALPHA = 0.05
LEVELS = np.exp(np.linspace(np.log(1e-9), np.log(0.06), 28))


@cache
def _table(contrasts: int) -> tuple[Floats, Floats]:
    """Normal critical values at LEVELS; logarithms of those of t, (levels, df)."""
    of = family(contrasts)
    return np.array([of.z(level) for level in LEVELS]), np.log([[of.t(level, df) for df in DF] for level in LEVELS])


def halves_at(terms: list[Term], contrasts: int, level: Floats) -> Floats:
    """As gaussian.halves, with a level for each study and contrast; interpolated over it too."""
    z, log_t = _table(contrasts)
    logs = np.log(np.clip(level, LEVELS[0], LEVELS[-1]))
    df = limited_df(terms, 2 * special.ndtr(-np.interp(logs, np.log(LEVELS), z)))
    i = np.interp(logs, np.log(LEVELS), np.arange(len(LEVELS)))
    j = np.interp(-1 / np.clip(df, 1, 1e5), -1 / DF, np.arange(len(DF)))
    a, b = np.minimum(i.astype(int), len(LEVELS) - 2), np.minimum(j.astype(int), len(DF) - 2)
    u, v = i - a, j - b
    below = (1 - v) * log_t[a, b] + v * log_t[a, b + 1]
    above = (1 - v) * log_t[a + 1, b] + v * log_t[a + 1, b + 1]
    return np.asarray(np.sqrt(sum(term.variance for term in terms)) * np.exp((1 - u) * below + u * above))


def declared(
    rng: np.random.Generator, n: int, looks: tuple[int, ...], contrasts: int, share: float, effect: float
) -> Figures:
    """Colormaps against gray, all of which differ by `effect` final half-widths, looked at as declared.

    `share` is that of trainings in the variance at the last look. "Error" (or power) is that of any difference found
    at any look; "trainings" are those of a grid that stops when all contrasts are found or cannot be, of the most.
    """
    weights, groups = against_first(contrasts + 1), np.zeros(contrasts + 1, np.int64)
    most = looks[-1]
    of_arm = (1 - share) / share / most
    theta = cells(rng, n, np.ones(contrasts + 1), most, 0.0, 1, 0.0)[..., 0]
    patients = np.sqrt(of_arm) * rng.standard_normal((n, contrasts + 1))
    shift = effect * family(contrasts).z(ALPHA) * np.sqrt(2 / most + 2 * of_arm)
    chance = known(2 * of_arm)
    z = np.zeros((n * contrasts, 0))
    found, found_all = np.zeros((n, contrasts), bool), np.zeros((n, contrasts), bool)
    running, trained = np.ones(n, bool), np.full(n, most)
    for number, seeds in enumerate(looks):
        estimate = (theta[..., :seeds].mean(2) + patients) @ weights.T + shift
        term = trainings_terms(theta[..., :seeds], weights, groups)
        information = fractions(
            term.variance, np.full_like(term.variance, chance.variance), looks, looks[: number + 1]
        ).reshape(n * contrasts, -1)
        target = linear(information[:, -1], HELD_BACK * ALPHA)
        z = np.hstack([z, next_boundary(information, z, target)[:, None]])
        level = (2 * special.ndtr(-z[:, -1])).reshape(n, contrasts)
        beyond = np.abs(estimate) > halves_at([term, chance], contrasts, level)
        found |= beyond
        found_all |= beyond & running[:, None]
        settled = found_all.copy()
        if number < len(looks) - 1:
            settled |= _hopeless(term, chance, contrasts, seeds, most, information, z, estimate)
        stops = settled.all(1) & running
        trained[stops], running = seeds, running & ~stops
    return {
        "error": float(found.any(1).mean()),
        "all found": float(found_all.all(1).mean()),
        "trainings": float(trained.mean() / most),
    }


def _hopeless(
    term: Term, patients: Term, contrasts: int, seeds: int, most: int, information: Floats, z: Floats, estimate: Floats
) -> Floats:
    """As the judge says it, without a margin."""
    full = np.hstack([information, np.ones((len(z), 1))])
    last_z = next_boundary(full, z, np.full(len(z), HELD_BACK * ALPHA)).reshape(term.variance.shape)
    df = term.df * (most - 1) / (seeds - 1)
    ahead = Term(term.variance * seeds / most * (_root(df) / _root(term.df)) ** 2, df)
    half = halves_at([ahead, patients], contrasts, 2 * special.ndtr(-last_z))
    last = term.variance * seeds / most + patients.variance
    return chance_to_decide(estimate, half, term.variance + patients.variance, last) < CHANCE


def undeclared(rng: np.random.Generator, n: int, looks: int, seeds: int) -> Figures:
    """Seeds added `seeds` at a time, and the usual interval looked at each time: is a difference ever found?

    Trainings are 99 % of the variance at the first look; three arms, one contrast.
    """
    weights, groups = np.array([[-1.0, 1.0, 0.0]]), np.zeros(3, np.int64)
    theta = cells(rng, n, np.ones(3), looks * seeds, 0.0, 1, 0.0)[..., 0]
    of_arm = 0.01 / 0.99 / seeds
    patients, found = np.sqrt(of_arm) * rng.standard_normal((n, 3)), np.zeros(n, bool)
    for number in range(1, looks + 1):
        seen = theta[..., : number * seeds]
        term = trainings_terms(seen, weights, groups)
        half = halves([Term(term.variance[:, 0], term.df[:, 0]), known(2 * of_arm)], 1)
        found |= np.abs((seen.mean(2) + patients) @ weights[0]) > half
    return {"error": float(found.mean()), "computed": undeclared_error(looks)}
