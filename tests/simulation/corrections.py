"""What a correction for few trainings costs and holds, exactly: by quadrature over the χ² of the trainings' variance.

One block, with a patients' covariance that is known: the case that the degrees of freedom are about.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from medxfer.analysis.stats.uncertainty import Patients, Trainings, Uncertainty

SHARES = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97])  # of trainings in the variance
Floats = NDArray[np.float64]


def corrections(level: float = 0.95) -> pd.DataFrame:
    """A row a number of trainings and method: the rate of false positives over SHARES, and half-widths.

    Half-widths are means, in units of the interval's were both variances known.
    """
    rows = []
    for trainings in (2, 3, 4, 5):
        probability, chi = _nodes(trainings - 1)
        sizes: dict[str, list[float]] = {"plain": [], "ours": [], "fiducial": []}
        widths: dict[str, list[float]] = {name: [] for name in sizes}
        for share in SHARES:
            terms = share * chi / (trainings - 1)
            halves = {
                "plain": _ours(terms, 1 - share, trainings, level, small_sample=False),
                "ours": _ours(terms, 1 - share, trainings, level, small_sample=True),
                "fiducial": _fiducial(terms, 1 - share, probability, chi / (trainings - 1), 1 - level),
            }
            for name, half in halves.items():
                sizes[name].append(float(probability @ (2 * stats.norm.sf(half))))
                widths[name].append(float(probability @ half / stats.norm.isf((1 - level) / 2)))
        for name in sizes:
            at = {share: widths[name][list(SHARES).index(share)] for share in (0.1, 0.5, 0.9)}
            rows.append([trainings, name, min(sizes[name]), max(sizes[name]), *at.values()])
    names = ["trainings", "method", "lowest", "highest", "width at 10 %", "width at 50 %", "width at 90 %"]
    return pd.DataFrame(rows, columns=names)


def _nodes(nu: int) -> tuple[Floats, Floats]:
    """Gauss–Legendre nodes in probability, denser at both ends: (weights, χ² quantiles)."""
    x, w = np.polynomial.legendre.leggauss(100)
    v = (x + 1) / 2
    return w / 2 * 30 * (v * (1 - v)) ** 2, stats.chi2.ppf(v**3 * (6 * v**2 - 15 * v + 10), nu)


def _ours(terms: Floats, covariance: float, trainings: int, level: float, small_sample: bool) -> Floats:
    patients = (Patients(covariance, 1_000),)
    return np.array(
        [
            Uncertainty((Trainings(term * trainings, 0.0, trainings, 1.0),), patients, small_sample).half_width(level)
            for term in terms
        ]
    )


def _fiducial(terms: Floats, covariance: float, probability: Floats, mean_square: Floats, alpha: float) -> Floats:
    """Half-widths of the Behrens–Fisher fiducial interval, for each estimated `terms`, by bisection."""
    sd = np.sqrt(covariance + terms[:, None] / mean_square)
    low, high = np.zeros(len(terms)), 100 * np.sqrt(covariance + terms)
    for _ in range(40):
        middle = (low + high) / 2
        outside = (2 * stats.norm.sf(middle[:, None] / sd)) @ probability > alpha
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return (low + high) / 2
