"""What it would take to know more: more trainings or more patients, were the components of variance as estimated."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from medxfer.analysis.stats.influence import NotComparable
from medxfer.analysis.stats.mrmc import Comparison
from medxfer.analysis.stats.uncertainty import Uncertainty

POWER = 0.8  # the probability with which a forecast is to come true
MOST_TRAININGS = 1_000
MOST_PATIENTS = 10_000_000


@dataclass(frozen=True)
class Forecast:
    """What would settle the question, each way alone; None where that way cannot."""

    more_trainings: int | None  # of each arm, in each block
    more_patients: int | None  # tested, over all data sets in their present shares


def forecast(comparison: Comparison, margin: float) -> Forecast:
    """How many more trainings, or more test patients, a conclusion is likely to take.

    A conclusion is an interval that excludes 0, or two one-sided tests that exclude ±`margin`. Were the truth
    as estimated and the components of variance as estimated, the study of the forecast size would reach one
    with probability `POWER`. Trainings average out what differs between them, the patients' own part of it
    included; patients shrink both their shared covariance and that part, and leave what trainings differ by
    on any patients.

    Raises:
        NotComparable: there is one training an arm, so that nothing is known of how trainings differ.
    """
    if not comparison.uncertainty.trainings:
        raise NotComparable("one training an arm says nothing of how trainings differ: train at least five seeds")

    def enough(changed: Uncertainty) -> bool:
        return _chance_of_conclusion(changed, comparison.estimate, margin, comparison.level) >= POWER

    return fewest(comparison.uncertainty, comparison.patients, enough)


def fewest(uncertainty: Uncertainty, patients: int, enough: Callable[[Uncertainty], bool]) -> Forecast:
    """The fewest more trainings and the fewest more than `patients` test patients, each alone, that are `enough`."""
    return Forecast(
        _smallest(lambda more: enough(with_trainings(uncertainty, more)), MOST_TRAININGS),
        _smallest(lambda more: enough(with_patients(uncertainty, 1 + more / patients)), MOST_PATIENTS),
    )


def smallest_difference(uncertainty: Uncertainty, level: float) -> float:
    """The true difference whose interval of this `level` excludes 0 with probability `POWER`."""
    return float(uncertainty.half_width(level) + float(norm.ppf(POWER)) * uncertainty.variance**0.5)


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
    trainings = tuple(replace(t, trainings=t.trainings + more) for t in uncertainty.trainings)
    return replace(uncertainty, trainings=trainings)


def with_patients(uncertainty: Uncertainty, factor: float) -> Uncertainty:
    """The same components of variance with `factor` times as many patients."""
    trainings = []
    for t in uncertainty.trainings:
        part = min(t.patient_part, t.variance)
        trainings.append(replace(t, variance=t.variance - part + part / factor))
    patients = [
        replace(p, covariance=p.covariance / factor, patients=round(p.patients * factor)) for p in uncertainty.patients
    ]
    return replace(uncertainty, trainings=tuple(trainings), patients=tuple(patients))


def _smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest whole number of 0 … `most` that is enough, where more is never worse."""
    if not enough(most):
        return None
    low, high = -1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
