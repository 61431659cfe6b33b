"""What other numbers of trainings or patients would tell, were the components of variance as estimated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from medxfer.analysis.stats.critical import ONE, Largest
from medxfer.analysis.stats.effects import Effect, Part
from medxfer.analysis.stats.variance import LARGE_DF, Floats, Term

POWER = 0.8  # the probability with which a planned study is to find a difference
MOST_TRAININGS = 1_000
MOST_PATIENTS = 10_000_000
SEEDS = (10, 20)  # at which half-widths are foretold, if more than there are
TWICE = 2.0  # and at this many times the patients


@dataclass(frozen=True)
class Expected:
    """The half-width to expect with this many seeds an arm and `patients` times the test patients."""

    seeds: int
    patients: float
    half_width: float


def outlook(
    effect: Effect, alpha: float, family: Largest = ONE, numbers: Sequence[int] = SEEDS
) -> tuple[Expected, ...]:
    """Half-widths of the (simultaneous) interval to expect with more seeds (`numbers`), and with more patients."""
    if effect.trainings is None:
        return ()
    sizes = [(seeds, 1.0) for seeds in numbers if seeds > effect.seeds] + [(effect.seeds, TWICE)]
    return tuple(Expected(s, p, with_size(effect, s, p).half_width(alpha, family)) for s, p in sizes)


def with_size(effect: Effect, seeds: int, patients: float = 1.0) -> Effect:
    """The effect to expect with at least this many seeds an arm and `patients` times the test patients.

    A data set that has more seeds keeps them. Trainings average out what differs between them; patients shrink their
    shared covariance and each training's own errors on them. The square root of a variance estimated with few df is too
    small on average, and more seeds have more df: the trainings' variance is enlarged by the ratio of E√(χ²/df).
    """
    return replace(effect, parts=tuple(_resized(part, max(seeds, part.seeds), patients) for part in effect.parts))


def _resized(part: Part, seeds: int, patients: float) -> Part:
    shared = Term(part.patients.variance / patients, np.minimum(part.patients.df * patients, LARGE_DF))
    part = replace(part, shared_training=part.shared_training / patients)
    if part.trainings is None:
        return replace(part, patients=shared)
    term = part.trainings
    df = np.minimum(term.df * (seeds - 1) / (part.seeds - 1), LARGE_DF)
    errors = np.minimum(term.variance, part.patient_part)
    variance = (term.variance - errors + errors / patients) * part.seeds / seeds * (_root(df) / _root(term.df)) ** 2
    patient_part = part.patient_part / patients * part.seeds / seeds
    return replace(part, trainings=Term(variance, df), patients=shared, patient_part=patient_part, seeds=seeds)


def _root(df: Floats) -> Floats:
    """E√(χ²/df), to a thousandth from df = 1 on."""
    return 1 - 1 / (4 * df) + 1 / (32 * df**2)


@dataclass(frozen=True)
class Needed:
    """The fewest more of either, each alone; None where that way cannot."""

    more_trainings: int | None  # of each arm, in each block
    more_patients: int | None  # tested, over all data sets in their present shares


def fewest(effect: Effect, patients: int, enough: Callable[[Effect], bool]) -> Needed:
    """The fewest more trainings and the fewest more than `patients` test patients, each alone, that are `enough`."""
    return Needed(
        _smallest(lambda more: enough(with_size(effect, effect.seeds + more)), MOST_TRAININGS),
        _smallest(lambda more: enough(with_size(effect, effect.seeds, 1 + more / patients)), MOST_PATIENTS),
    )


def smallest_difference(effect: Effect, alpha: float, family: Largest = ONE) -> float:
    """The true difference whose interval of level 1 − alpha, simultaneous in `family`, excludes 0 with `POWER`."""
    return effect.half_width(alpha, family) + float(norm.ppf(POWER)) * float(np.sqrt(effect.variance))


def _smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest whole number of 0 … `most` that is enough, where more is never worse."""
    if not enough(most):
        return None
    low, high = -1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
