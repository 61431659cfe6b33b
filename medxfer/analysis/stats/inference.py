"""From comparisons to decisions: equivalence, several contrasts at once, and what it would take to know
more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from medxfer.analysis.stats.case_metrics import NotComparable
from medxfer.analysis.stats.mrmc import Comparison
from medxfer.analysis.stats.uncertainty import Uncertainty

MOST_TRAININGS = 1_000
MOST_PATIENTS = 10_000_000


def equivalence_p(comparison: Comparison, margin: float) -> float:
    """p of the two one-sided tests (Schuirmann 1987): below α, the difference lies within ±`margin`.

    Equivalently, the interval of level 1 − 2α does.

    Raises:
        NotComparable: `margin` is not above 0.
    """
    if not margin > 0:
        raise NotComparable(f"an equivalence margin is above 0, not {margin:g}")
    beyond = abs(comparison.estimate) - margin  # the nearer of the two limits decides
    one_sided = comparison.uncertainty.p(beyond) / 2
    return 1 - one_sided if beyond > 0 else one_sided


def simultaneous(comparisons: Sequence[Comparison], level: float = 0.95) -> list[tuple[float, float]]:
    """Intervals that all hold together with at least probability `level` (Bonferroni)."""
    return [c.interval(1 - (1 - level) / len(comparisons)) for c in comparisons]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given (Holm 1979): those below α hold the family's error at α."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return [float(a) for a in adjusted]


@dataclass(frozen=True)
class Forecast:
    """What would settle the question, each way alone; None where that way cannot."""

    more_trainings: int | None  # of each arm, in each block
    more_patients: int | None  # tested, over all data sets in their present shares


def forecast(comparison: Comparison, margin: float, power: float = 0.8) -> Forecast:
    """How many more trainings, or more test patients, a conclusion is likely to take.

    A conclusion is an interval that excludes 0, or two one-sided tests that exclude ±`margin`. Were the truth
    as estimated and the components of variance as estimated, the study of the forecast size would reach one
    with probability `power`. Trainings average out what differs between them, the patients' own part of it
    included; patients shrink both their shared covariance and that part, and leave what trainings differ by
    on any patients.

    Raises:
        NotComparable: there is one training an arm, so that nothing is known of how trainings differ.
    """
    uncertainty = comparison.uncertainty
    if not uncertainty.trainings:
        raise NotComparable("one training an arm says nothing of how trainings differ: train at least five seeds")

    def enough(changed: Uncertainty) -> bool:
        return _chance_of_conclusion(changed, comparison.estimate, margin, comparison.level) >= power

    trainings = smallest(lambda more: enough(with_trainings(uncertainty, more)), MOST_TRAININGS)
    total = comparison.patients
    patients = smallest(lambda more: enough(with_patients(uncertainty, 1 + more / total)), MOST_PATIENTS)
    return Forecast(trainings, patients)


def _chance_of_conclusion(uncertainty: Uncertainty, truth: float, margin: float, level: float) -> float:
    se, truth = np.sqrt(uncertainty.variance), abs(truth)
    if se == 0:
        return 1.0
    reach, inner = uncertainty.half_width(level), uncertainty.half_width(2 * level - 1)
    different = norm.sf((reach - truth) / se) + norm.cdf((-reach - truth) / se)
    equivalent = norm.cdf((margin - inner - truth) / se) - norm.cdf((inner - margin - truth) / se)
    return float(max(different, equivalent))


def with_trainings(uncertainty: Uncertainty, more: int) -> Uncertainty:
    """The same components of variance with `more` trainings of each arm in each block."""
    return replace(
        uncertainty,
        trainings=tuple(replace(t, trainings=t.trainings + more) for t in uncertainty.trainings),
    )


def with_patients(uncertainty: Uncertainty, factor: float) -> Uncertainty:
    """The same components of variance with `factor` times as many patients."""
    return replace(
        uncertainty,
        trainings=tuple(
            replace(t, variance=_shrunk(t.variance, t.patient_part, factor)) for t in uncertainty.trainings
        ),
        patients=tuple(
            replace(p, covariance=p.covariance / factor, patients=round(p.patients * factor))
            for p in uncertainty.patients
        ),
    )


def _shrunk(variance: float, patient_part: float, factor: float) -> float:
    part = min(patient_part, variance)
    return variance - part + part / factor


def smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest whole number of 0 … `most` that is enough, where more is never worse."""
    if not enough(most):
        return None
    low, high = -1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
