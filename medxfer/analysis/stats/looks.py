"""Looks at a study that still grows: how much error each may spend, and when more seeds cannot decide.

Estimates after R1 < R2 seeds on the same patients have Cov(d1, d2) = Var(d2): the increments are independent, with
information 1/Var. The information fraction of a look is Var(last look)/Var(this look), not R/R_max. Lan and DeMets
(1983, Biometrika 70:659) let the error be spent as a function of it. The boundary is computed for one contrast and
normal variables, and used as a level: an interval of that level, with its t quantile and Dunnett's correction, is the
repeated interval of the look (Jennison and Turnbull 2000, chapter 9).

Arrays may have leading axes (the repetitions of a simulation); looks are the last axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.optimize import brentq

from medxfer.analysis.stats.critical import one_contrast
from medxfer.analysis.stats.variance import Floats

MOST = 0.98  # information fraction of the look before the last, at most: something is left for the last
HELD_BACK = 0.8  # share of the error that is spent; the rest is for fractions that are estimated (docs/simulations.md)
FURTHEST = 8.0  # a boundary that nothing crosses
CHANCE = 0.05  # a study whose last look decides with less than this chance need not go on
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(41)


def linear(fraction: Floats | float, alpha: float) -> Floats:
    """Error spent up to an information fraction: α f (Kim and DeMets 1987, exponent 1)."""
    return np.asarray(alpha * np.clip(fraction, 0, 1))


def fractions(trainings: Floats, patients: Floats, declared: Sequence[int], taken: Sequence[int]) -> Floats:
    """(..., looks taken): information fractions, by the components of variance as estimated at the last one taken.

    Args:
        trainings: (...,) their variance of the estimate at the last look of `taken`; it shrinks as 1/seeds.
        patients: (...,) their variance, which seeds do not change.
        declared: numbers of seeds of all looks, increasing.
        taken: those of the looks so far, of `declared`; the last is the present one.
    """
    last = trainings * taken[-1] / declared[-1] + patients
    exact = np.stack([last / (trainings * taken[-1] / seeds + patients) for seeds in taken], -1)
    most = np.array([MOST ** (len(declared) - 1 - declared.index(seeds)) for seeds in taken])
    return np.asarray(np.minimum(exact, most))


def next_boundary(information: Floats, before: Floats, target: Floats) -> Floats:
    """The normal critical value of the present look.

    The density of the score Z√f over what went on at every look is carried from look to look by quadrature (Armitage,
    McPherson and Rowe 1969).

    Args:
        information: (n, looks) fractions of the looks so far, as they are now estimated, increasing.
        before: (n, looks − 1) critical values that were used at the looks before.
        target: (n,) error that may have been spent after this look.

    Returns:
        (n,): z with P(|Z_j| > before_j at a look before, or |Z| > z now) = target; FURTHEST if nothing is left.
    """
    count, looks = information.shape
    if looks == 1:
        return np.asarray(np.minimum(-special.ndtri(np.minimum(target, 1) / 2), FURTHEST))
    root = np.sqrt(information)
    edge = np.minimum(before[:, 0], FURTHEST) * root[:, 0]
    score = edge[:, None] * _NODES
    density = _normal(score, root[:, :1]) * edge[:, None] * _WEIGHTS
    for j in range(1, looks - 1):
        sd = _increment(information, j)
        edge = np.minimum(before[:, j], FURTHEST) * root[:, j]
        new = edge[:, None] * _NODES
        kernel = _normal(new[:, None, :] - score[:, :, None], sd[:, None, None])
        density, score = np.einsum("ns,nst->nt", density, kernel) * edge[:, None] * _WEIGHTS, new
    stopped, sd = 1 - density.sum(1), _increment(information, looks - 1)[:, None]
    low, high = np.zeros(count), np.full(count, FURTHEST)
    for _ in range(40):
        middle = (low + high) / 2
        bound = (middle * root[:, -1])[:, None]
        beyond = special.ndtr((score - bound) / sd) + special.ndtr((-score - bound) / sd)
        too_much = stopped + (density * beyond).sum(1) > target
        low, high = np.where(too_much, middle, low), np.where(too_much, high, middle)
    return np.asarray(high)


def _normal(x: Floats, sd: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * (x / sd) ** 2) / np.sqrt(2 * np.pi) / sd)


def _increment(information: Floats, look: int) -> Floats:
    """Standard deviation of what a look adds to the score."""
    return np.asarray(np.sqrt(np.maximum(information[:, look] - information[:, look - 1], 1e-6)))


def chance_to_decide(estimate: Floats, half_last: Floats, now: Floats, last: Floats, margin: float = 0.0) -> Floats:
    """Predictive probability that the last look finds a difference, or excludes a gain of `margin`.

    The truth is as unknown as the present interval says (flat prior), so that the last estimate is
    N(estimate, now − last), the variances of the estimate now and then (Spiegelhalter, Freedman and Blackburn 1986).
    `half_last` is the half-width to expect then.
    """
    sd = np.sqrt(np.maximum(now - last, 1e-12))
    above = special.ndtr((estimate - half_last) / sd)
    return np.asarray(np.minimum(above + special.ndtr((margin - half_last - estimate) / sd), 1))


@dataclass(frozen=True)
class Stage:
    """One look at one contrast, with what the looks before it used: all that its levels follow from."""

    alpha: float  # of the whole study
    information: tuple[
        tuple[float, ...], ...
    ]  # for each look so far, its and the earlier looks' fractions, as then known
    z: tuple[float, ...]  # normal critical values that were used, the last one at this look

    @property
    def spent(self) -> float:
        """Of the error, after this look."""
        return float(linear(self.information[-1][-1], HELD_BACK * self.alpha))

    @property
    def level(self) -> float:
        """The nominal level of this look: its interval is the fixed one of 1 − level."""
        return one_contrast(self.z[-1])

    def last_level(self) -> float:
        """The nominal level to expect at the last look, if no other is taken before."""
        information = np.array([[*self.information[-1], 1.0]])
        target = np.array([HELD_BACK * self.alpha])
        return one_contrast(float(next_boundary(information, np.array([self.z]), target)[0]))

    def p(self, fixed: float) -> float:
        """The repeated p (Jennison and Turnbull 2000, 9.5): the α of a study whose interval now just reaches as far.

        `fixed` is the p of a study of one look. The repeated p is below α exactly where `fixed` is below the level.
        """
        if fixed >= 1 or fixed >= self._level_of(1.0):
            return 1.0
        least = 1e-12
        if fixed <= self._level_of(least):
            return least
        gap = lambda log_alpha: np.log(self._level_of(float(np.exp(log_alpha)))) - np.log(fixed)  # noqa: E731
        return float(np.exp(brentq(gap, np.log(least), 0.0, xtol=1e-7)))

    def _level_of(self, alpha: float) -> float:
        """The level of this look had the study spent another error, at the same looks."""
        used: list[float] = []
        for known in self.information:
            target = linear(known[-1], HELD_BACK * alpha)
            used.append(float(next_boundary(np.array([known]), np.array([used]), np.array([target]))[0]))
        return one_contrast(used[-1])


def next_stage(before: Stage | None, information: Sequence[float], alpha: float) -> Stage:
    """The present look, after `before`; `information` are the fractions of all looks so far, as now estimated."""
    earlier, used = (before.information, before.z) if before else ((), ())
    target = np.array([float(linear(information[-1], HELD_BACK * alpha))])
    z = float(next_boundary(np.array([information]), np.array([used]), target)[0])
    return Stage(alpha, (*earlier, tuple(map(float, information))), (*used, z))


def undeclared_error(looks: int, alpha: float = 0.05) -> float:
    """The error of a study that is judged at its full level at every one of `looks` looks of equal steps."""
    information = np.arange(1, looks + 1)[None] / looks
    z = float(-special.ndtri(alpha / 2))
    return error_of(information, np.full((1, looks), z))


def error_of(information: Floats, z: Floats) -> float:
    """P(|Z_j| > z_j at any look), for one row of fractions and of critical values."""
    low, high = 0.0, 1.0
    for _ in range(50):  # the error after the last look is the target whose boundary is z
        middle = (low + high) / 2
        found = float(next_boundary(information, z[:, :-1], np.array([middle]))[0])
        low, high = (middle, high) if found > z[0, -1] else (low, middle)
    return high
