"""How many more trainings or patients a conclusion takes."""

import numpy as np
import pytest
from components import comparison
from scipy import stats

from medxfer.analysis import NotComparable, compare
from medxfer.analysis.stats.forecasts import forecast


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
