"""Equivalence, several contrasts at once, and forecasts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medxfer.analysis.stats.case_metrics import NotComparable
from medxfer.analysis.stats.inference import equivalence_p, forecast, holm, simultaneous
from medxfer.analysis.stats.mrmc import Comparison, compare
from medxfer.analysis.stats.uncertainty import Patients, Trainings, Uncertainty


def comparison(
    estimate: float,
    trainings: int = 5,
    variance: float = 4e-4,
    patient_part: float = 2e-4,
    covariance: float = 2e-5,
    patients: int = 500,
) -> Comparison:
    """Made from its components."""
    parts = Uncertainty((Trainings(variance, patient_part, trainings, 1.0),), (Patients(covariance, patients),))
    half = parts.half_width(0.95)
    se, df, p = float(np.sqrt(parts.variance)), parts.df(0.95), parts.p(estimate)
    return Comparison(estimate, se, df, estimate - half, estimate + half, p, 0.95, trainings, parts)


@given(
    estimate=st.floats(-0.1, 0.1),
    margin=st.floats(0.001, 0.1),
    trainings=st.integers(2, 12),
    covariance=st.floats(0, 1e-3),
)
def test_equivalence_is_the_narrower_interval_within_the_margin(
    estimate: float, margin: float, trainings: int, covariance: float
) -> None:
    result = comparison(estimate, trainings, covariance=covariance)
    low, high = result.interval(0.9)
    assert (equivalence_p(result, margin) < 0.05) == (-margin < low and high < margin)


def test_equivalence_p_is_the_one_sided_t_test() -> None:
    result = comparison(0.004)
    assert equivalence_p(result, 0.03) == pytest.approx(stats.t.sf((0.03 - 0.004) / result.se, result.df))
    assert equivalence_p(result, 0.004) == pytest.approx(0.5)
    assert equivalence_p(result, 0.001) == pytest.approx(stats.t.cdf(0.003 / result.se, result.df))
    with pytest.raises(NotComparable, match="above 0"):
        equivalence_p(result, 0)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = np.array(holm(p_values))
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(1, len(p_values) * np.array(p_values)) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()


def test_simultaneous_intervals_share_the_error() -> None:
    results = [comparison(0.01), comparison(0.02)]
    assert simultaneous(results) == [c.interval(0.975) for c in results]
    assert simultaneous(results[:1]) == [pytest.approx((results[0].low, results[0].high))]


def test_a_forecast_is_the_smallest_that_is_enough() -> None:
    """By normal approximation: significance needs |δ| ≥ (t + 0.84) se, with se² = variance/R + covariance."""
    pilot = comparison(0.02)
    more = forecast(pilot, margin=0.001).more_trainings
    assert more is not None

    def short(trainings: int) -> float:
        later = comparison(0.02, trainings)
        t = stats.t.ppf(0.975, later.df)
        return (t + stats.norm.ppf(0.8)) * later.se - 0.02

    assert short(5 + more) <= 1e-12 < short(5 + more - 1)


def test_what_cannot_settle_the_question_is_none() -> None:
    many_patients_needed = comparison(0.02, variance=1.5e-4, patient_part=1e-4, covariance=1e-4)
    assert forecast(many_patients_needed, 0.001).more_trainings is None
    assert forecast(many_patients_needed, 0.001).more_patients is not None
    seeds_differ = comparison(0.02, variance=1e-2, patient_part=0.0)
    assert forecast(seeds_differ, 0.001).more_patients is None
    assert forecast(seeds_differ, 0.001).more_trainings is not None


def test_equivalence_is_a_conclusion_too() -> None:
    near_zero = comparison(0.0, variance=1e-4, covariance=1e-6)
    assert forecast(near_zero, margin=0.05).more_trainings == 0
    narrow = forecast(near_zero, margin=0.01).more_trainings
    assert narrow is not None
    assert narrow > 0


def test_one_training_foretells_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    single = compare(labels + rng.normal(0, 1, (2, 1, 60)), labels, [1, -1])
    with pytest.raises(NotComparable, match="train at least five seeds"):
        forecast(single, 0.01)
