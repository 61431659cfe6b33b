"""Equivalence, and several contrasts at once."""

import numpy as np
import pytest
from components import effect
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medxfer.analysis import NotComparable
from medxfer.analysis.stats.decisions import cochran_q, equivalence_p, heterogeneity, heterogeneity_p, holm


@given(
    estimate=st.floats(-0.1, 0.1),
    margin=st.floats(0.001, 0.1),
    trainings=st.integers(2, 12),
    covariance=st.floats(0, 1e-3),
)
def test_equivalence_is_the_narrower_interval_within_the_margin(
    estimate: float, margin: float, trainings: int, covariance: float
) -> None:
    result = effect(estimate, trainings, covariance=covariance)
    low, high = estimate - result.half_width(0.1), estimate + result.half_width(0.1)
    assert (equivalence_p(result, margin) < 0.05) == (-margin < low and high < margin)


def test_equivalence_p_is_the_one_sided_t_test() -> None:
    result = effect(0.004, covariance=0.0)  # one source: its own degrees of freedom
    se = np.sqrt(result.variance)
    assert equivalence_p(result, 0.03) == pytest.approx(stats.t.sf((0.03 - 0.004) / se, 4))
    assert equivalence_p(result, 0.004) == pytest.approx(0.5)
    assert equivalence_p(result, 0.001) == pytest.approx(stats.t.cdf(0.003 / se, 4))
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


def test_data_sets_that_agree_are_not_said_to_differ_and_those_that_differ_are() -> None:
    alike = [effect(0.02, 5, covariance=1e-3), effect(0.03, 5, covariance=1e-3), effect(0.01, 5, covariance=1e-3)]
    q, p = heterogeneity(alike)
    assert q == pytest.approx(2e-4 / float(alike[0].variance))
    assert p > 0.5
    assert heterogeneity([effect(0.0, 10), effect(0.3, 10)])[1] < 0.001


def test_with_known_variances_cochrans_q_is_chi_square() -> None:
    estimates, variances = np.array([0.0, 0.01, 0.03]), np.array([1e-4, 2e-4, 1e-4])
    p = heterogeneity_p(estimates, variances, np.full(3, 1e7), draws=200_000)
    assert p == pytest.approx(stats.chi2.sf(cochran_q(estimates, variances), 2), abs=0.004)


def test_two_trainings_make_cochrans_q_less_sure() -> None:
    estimates, variances = np.array([0.0, 0.03]), np.array([1e-4, 1e-4])
    assert heterogeneity_p(estimates, variances, np.full(2, 2.0)) > 2 * heterogeneity_p(
        estimates, variances, np.full(2, 1e6)
    )
