"""Critical values against scipy's multivariate t, and p values against their intervals."""

import numpy as np
import pytest
from components import effect
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medxfer.analysis.stats.critical import ONE, Largest, largest, limited_df, one_contrast, one_factor
from medxfer.analysis.stats.effects import Family
from medxfer.analysis.stats.variance import Term

HALF = np.full((3, 3), 0.5) + 0.5 * np.eye(3)


def test_one_contrast_is_t() -> None:
    assert ONE.t(0.05, 7) == pytest.approx(stats.t.isf(0.025, 7))
    assert ONE.z(0.05) == pytest.approx(stats.norm.isf(0.025))
    assert float(ONE.sf_t(2.0, 7)) == pytest.approx(2 * stats.t.sf(2.0, 7))


def test_dunnett_is_the_multivariate_t() -> None:
    """Critical values for two and three treatments against a control (Dunnett 1964, two-sided, 5 %)."""
    two = largest(HALF[:2, :2])
    for df, published in ((5, 3.03), (10, 2.57), (20, 2.38)):
        assert two.t(0.05, df) == pytest.approx(published, abs=0.006)
    for df, published in ((5, 3.29), (10, 2.76), (20, 2.54)):
        assert largest(HALF).t(0.05, df) == pytest.approx(published, abs=0.006)
    q = largest(HALF).t(0.05, 8)
    inside = stats.multivariate_t(shape=HALF, df=8, seed=0).cdf([q] * 3, lower_limit=[-q] * 3)
    assert inside == pytest.approx(0.95, abs=0.001)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1_000), size=st.integers(2, 5))
def test_no_correlation_is_overstated(seed: int, size: int) -> None:
    x = np.random.default_rng(seed).standard_normal((size, size + 2))
    correlation = np.corrcoef(x)
    loadings = one_factor(correlation)
    off = ~np.eye(size, dtype=bool)
    assert (np.abs(np.outer(loadings, loadings))[off] <= np.abs(correlation)[off] + 0.0201).all()


def test_limited_degrees_of_freedom_have_both_ends() -> None:
    def df(trainings: float, patients: float) -> float:
        terms = [Term(np.array(trainings), np.array(2.0)), Term(np.array(patients), np.array(1e6))]
        return float(limited_df(terms, 0.05))

    assert df(1.0, 0.0) == pytest.approx(2)
    assert df(0.0, 1.0) == pytest.approx(1e6)
    plain = 2.0 * (1 + 1) ** 2
    assert 2 < df(1.0, 1.0) < plain


@settings(max_examples=30, deadline=None)
@given(estimate=st.floats(0.001, 0.2), trainings=st.integers(2, 12), covariance=st.floats(0, 1e-3))
def test_p_is_below_alpha_exactly_where_the_interval_excludes_zero(
    estimate: float, trainings: int, covariance: float
) -> None:
    one, family = effect(estimate, trainings, covariance=covariance), largest(HALF)
    for of in (ONE, family):
        assert (one.p(estimate, of) < 0.05) == (estimate > one.half_width(0.05, of))
    assert one.p(one.half_width(0.01, family), family) == pytest.approx(0.01, rel=1e-6)


def test_a_family_adjusts_between_nothing_and_bonferroni() -> None:
    effects = [effect(0.05), effect(0.03), None]
    weights = np.array([[-1.0, 1, 0, 0], [-1, 0, 1, 0], [-1, 0, 0, 1]])
    family = Family(effects, weights)
    p = [one.p(one.estimate) if one else 1.0 for one in effects]
    adjusted = family.adjusted_p()
    assert adjusted[2] == 1.0
    assert p[0] < adjusted[0] < 3 * p[0]
    assert adjusted[0] <= adjusted[1] <= 1
    assert 0.05 / 3 < family.alone(0.05) < 0.05
    assert family.alone(0.05) == pytest.approx(one_contrast(Largest(family.largest.loadings).z(0.05)))


def test_patients_that_contrasts_share_correlate_them() -> None:
    same = Family([effect(0.05), effect(0.05)], np.array([[-1.0, 1, 0], [-1, 0, 1]]))
    assert 0.5 < same.correlation[0, 1] < 1
