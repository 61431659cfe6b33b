"""Equivalence, and several contrasts at once."""

import numpy as np
import pytest
from components import comparison
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medxfer.analysis import NotComparable
from medxfer.analysis.stats.decisions import equivalence_p, holm, simultaneous_level


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
    assert simultaneous_level(0.95, 2) == pytest.approx(0.975)
    assert simultaneous_level(0.95, 1) == pytest.approx(0.95)
    assert simultaneous_level(0.95, 0) == pytest.approx(0.95)  # a family without contrasts
