"""Critical values, intervals and p values: one contrast or several at once (Dunnett), few trainings or many."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import special
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from medxfer.analysis.stats.variance import LARGE_DF, Floats, Term

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(80)
_U = (_NODES + 1) / 2
_CHI = _U**3 * (6 * _U**2 - 15 * _U + 10)  # probabilities at which χ² is taken, denser at both ends
_CHI_WEIGHT = _WEIGHTS / 2 * 30 * (_U * (1 - _U)) ** 2
_Z, _ZW = np.polynomial.hermite_e.hermegauss(60)
_ZW = _ZW / _ZW.sum()
_GRID = np.concatenate([np.linspace(0, 8, 161), np.linspace(8.2, 37, 145)])
_FAR = 7.0  # beyond it Bonferroni's bound is exact to all digits
_OVERSTATED = 0.02  # how much of a correlation the one factor may add


def upper_factor(df: Floats, alpha: float | Floats) -> Floats:
    """The upper confidence limit, of level 1 − √alpha, of a variance, as a multiple of its estimate."""
    return np.asarray(df / (2 * special.gammaincinv(df / 2, np.sqrt(alpha))))


def limited_df(terms: Sequence[Term], alpha: float | Floats) -> Floats:
    """Satterthwaite's degrees of freedom of a sum of terms, each taken at its upper limit.

    The plain ones are too many where a term is small by chance (up to 12 % false positives with 1 df). Terms at their
    upper limits leave both ends right (a term alone keeps its df; a term of 0 adds nothing) and are cautious between.
    `alpha` is that of one contrast, so that the factor grows with the number of contrasts. The limit's level, 1 − √α,
    is our choice; it holds the level at every ratio of the terms (docs/simulations.md).
    """
    limits = [np.asarray(t.variance * upper_factor(t.df, alpha)) for t in terms]
    total = sum(limits)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = sum((v / total) ** 2 / t.df for v, t in zip(limits, terms, strict=True))
        return np.where(spread > 0, np.minimum(1 / spread, LARGE_DF), LARGE_DF)


def one_factor(correlation: Floats, rounds: int = 200) -> Floats:
    """Loadings λ with λ_i λ_j close to correlation[i, j] (principal factor analysis, iterated).

    Exact for Dunnett's case (contrasts against one arm). Elsewhere an approximation: loadings are shrunk until no
    correlation is overstated by more than .02, as less correlation is cautious (Das Gupta et al. 1972).
    """
    size = len(correlation)
    if size == 1:
        return np.zeros(1)
    r, off = np.array(correlation, np.float64), ~np.eye(size, dtype=bool)
    np.fill_diagonal(r, np.abs(np.where(off, r, 0)).max(1))
    loadings = np.zeros(size)
    for _ in range(rounds):
        values, vectors = np.linalg.eigh(r)
        loadings = np.clip(np.sqrt(max(values[-1], 0)) * vectors[:, -1], -0.995, 0.995)
        if np.abs(loadings**2 - np.diag(r)).max() < 1e-10:
            break
        np.fill_diagonal(r, loadings**2)
    made, true = np.abs(np.outer(loadings, loadings))[off], np.abs(correlation)[off]
    over = made > true + _OVERSTATED
    if over.any():
        loadings = loadings * np.sqrt(((true[over] + _OVERSTATED) / made[over]).min())
    return np.asarray(loadings)


@dataclass(frozen=True)
class Largest:
    """The distribution of the largest |Z| of normal variables that share one factor, and of |T| alike.

    With one loading, whatever it is, that is |Z| or |T| of one variable.
    """

    loadings: tuple[float, ...] = (0.0,)

    @cached_property
    def _log_sf(self) -> PchipInterpolator:
        lam = np.array(self.loadings)[:, None, None]
        rest, x, z = np.sqrt(1 - lam**2), _GRID[None, None, :], _Z[None, :, None]
        outside = special.ndtr((lam * z - x) / rest) + special.ndtr((-lam * z - x) / rest)
        with np.errstate(divide="ignore"):
            inside = np.log1p(-np.minimum(outside, 1)).sum(0)
            sf = -(_ZW @ np.expm1(inside))
            bound = np.log(2 * len(self.loadings)) + special.log_ndtr(-_GRID)
            return PchipInterpolator(_GRID, np.minimum(np.where(_GRID > _FAR, bound, np.log(sf)), 0.0))

    def log_sf(self, x: float | Floats) -> Floats:
        """Logarithm of P(largest |Z| > x)."""
        if len(self.loadings) == 1:
            return np.asarray(np.log(2) + special.log_ndtr(-np.asarray(x)))
        return np.asarray(self._log_sf(np.minimum(x, _GRID[-1])))

    def sf_t(self, x: float | Floats, df: float | Floats) -> Floats:
        """P(largest |T| > x), T with a common χ² of df degrees of freedom; broadcasts."""
        at, free = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(df, np.float64))
        if len(self.loadings) == 1:
            return np.asarray(2 * special.stdtr(free, -at))
        scale = np.sqrt(2 * special.gammaincinv(free[..., None] / 2, _CHI) / free[..., None])
        return np.where(free > 1e6, np.exp(self.log_sf(at)), np.exp(self.log_sf(at[..., None] * scale)) @ _CHI_WEIGHT)

    def z(self, alpha: float) -> float:
        """The normal critical value."""
        if len(self.loadings) == 1:
            return float(-special.ndtri(alpha / 2))
        return float(brentq(lambda x: self.log_sf(x) - np.log(alpha), 0, _GRID[-1]))

    def t(self, alpha: float, df: float) -> float:
        """The critical value with df degrees of freedom."""
        if len(self.loadings) == 1:
            return float(-special.stdtrit(df, alpha / 2))
        gap = lambda x: float(self.sf_t(np.exp(x), df)) - alpha  # noqa: E731
        return float(np.exp(brentq(gap, np.log(1e-3), np.log(1e15), xtol=1e-9)))


ONE = Largest()


@lru_cache(512)
def largest_of(loadings: tuple[float, ...]) -> Largest:
    return Largest(loadings)


def largest(correlation: Floats) -> Largest:
    """The distribution for contrasts with this correlation; the same loadings are computed once."""
    return largest_of(tuple(np.round(one_factor(correlation), 4)))


def one_contrast(z: float) -> float:
    """The level of one contrast that goes with a critical value of the normal distribution."""
    return float(2 * special.ndtr(-z))


def half_width(terms: Sequence[Term], family: Largest, alpha: float) -> tuple[float, float]:
    """Half of a simultaneous interval, and the degrees of freedom used; `terms` are scalars, of one contrast."""
    df = float(limited_df(terms, one_contrast(family.z(alpha))))
    return float(np.sqrt(sum(float(t.variance) for t in terms))) * family.t(alpha, df), df


def p_value(terms: Sequence[Term], family: Largest, distance: float) -> float:
    """Single-step adjusted p: the alpha whose simultaneous interval just reaches `distance`."""
    variance = sum(float(t.variance) for t in terms)
    if variance == 0:
        return float(distance == 0)
    ratio = abs(distance) / float(np.sqrt(variance))

    def gap(z: float) -> float:
        df = limited_df(terms, one_contrast(z))
        return float(np.log(family.sf_t(ratio, df) + 1e-300)) - float(family.log_sf(z))

    low, high = 1e-3, 36.0
    if ratio < 1e-9 or gap(low) > 0:
        return 1.0
    return float(np.exp(family.log_sf(brentq(gap, low, high, xtol=1e-10) if gap(high) > 0 else high)))


def step_down(estimates: Sequence[float], terms: Sequence[Sequence[Term]], correlation: Floats) -> list[float]:
    """Adjusted p values in Holm's order: the most extreme of those left, against those left (step-down Dunnett)."""
    alone = [p_value(t, ONE, e) for e, t in zip(estimates, terms, strict=True)]
    left, out, floor = list(np.argsort(alone, kind="stable")), np.ones(len(alone)), 0.0
    while left:
        family = largest(correlation[np.ix_(left, left)])
        k = left.pop(0)
        floor = max(floor, p_value(terms[k], family, estimates[k]))
        out[k] = floor
    return [float(p) for p in out]
