"""Boundaries of looks against published values, and the laws that spending keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from scipy.stats import multivariate_normal

from medxfer.analysis.stats.looks import (
    FURTHEST,
    HELD_BACK,
    MOST,
    chance_to_decide,
    error_of,
    fractions,
    next_boundary,
    next_stage,
    undeclared_error,
)


def obrien_fleming(f: float) -> float:
    """Lan and DeMets (1983), half of .05 on each side."""
    return float(4 * special.ndtr(special.ndtri(0.05 / 4) / np.sqrt(f)))


def pocock(f: float) -> float:
    return float(0.05 * np.log1p((np.e - 1) * f))


@pytest.mark.parametrize(
    ("spending", "known"),
    [  # two-sided boundaries of five equal steps (Jennison and Turnbull 2000, chapter 7; R's ldbounds)
        (obrien_fleming, [4.877, 3.357, 2.680, 2.290, 2.031]),
        (pocock, [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_boundaries_are_the_published_ones(spending, known: list[float]) -> None:
    z: list[float] = []
    for look in range(1, 6):
        information = np.arange(1, look + 1)[None] / 5
        z.append(float(next_boundary(information, np.array([z]), np.array([spending(look / 5)]))[0]))
    assert z == pytest.approx(known, abs=0.001)


def test_looks_at_the_full_level_err_as_armitage_says() -> None:
    """Armitage, McPherson and Rowe (1969), table 2: 1, 2, 3, 4, 5 and 10 looks at 5 %."""
    found = [undeclared_error(looks) for looks in (1, 2, 3, 4, 5, 10)]
    assert found == pytest.approx([0.05, 0.083, 0.107, 0.126, 0.142, 0.193], abs=0.0006)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.02, 1.0), min_size=1, max_size=4))
def test_what_is_spent_is_what_the_boundaries_let_through(steps: list[float]) -> None:
    information = np.cumsum(steps) / sum(steps)
    stage = None
    for look in range(1, len(steps) + 1):
        stage = next_stage(stage, list(information[:look]), 0.05)
        assert stage.spent == pytest.approx(HELD_BACK * 0.05 * information[look - 1])
    assert error_of(information[None], np.array([stage.z])) == pytest.approx(HELD_BACK * 0.05, abs=1e-5)


def test_a_boundary_agrees_with_the_normal_distribution_in_two_dimensions() -> None:
    stage = next_stage(next_stage(None, [0.4], 0.05), [0.4, 1.0], 0.05)
    a, b = stage.z
    both = multivariate_normal(cov=[[1, 0.4**0.5], [0.4**0.5, 1]])
    inside = both.cdf([a, b]) - both.cdf([-a, b]) - both.cdf([a, -b]) + both.cdf([-a, -b])
    assert 1 - inside == pytest.approx(0.04, abs=1e-4)


def test_information_is_that_of_the_variances() -> None:
    trainings, patients = np.array(0.5), np.array(0.25)  # at 5 seeds
    at_3, at_5, at_10 = 0.5 * 5 / 3 + 0.25, 0.75, 0.5
    assert fractions(trainings, patients, (3, 5, 10), (3, 5)) == pytest.approx([at_10 / at_3, at_10 / at_5])
    assert fractions(trainings, patients, (3, 5, 10), (5,)) == pytest.approx([at_10 / at_5])
    assert fractions(np.array(0.25), patients, (3, 5, 10), (3, 5, 10))[-1] == 1


def test_something_is_left_for_the_last_look_when_seeds_tell_nothing() -> None:
    found = fractions(np.array(0.0), np.array(1.0), (3, 5, 10), (3, 5, 10))
    assert found == pytest.approx([MOST**2, MOST, 1])


def test_a_look_spends_nothing_that_earlier_ones_have_spent() -> None:
    """The information as known now is less than as known then: 3.9 % is gone, and the present look may spend 2 %."""
    first = next_stage(None, [0.975], 0.05)
    assert next_stage(first, [0.4, 0.5], 0.05).z[-1] == pytest.approx(FURTHEST, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 0.9), st.floats(1e-6, 1.0))
def test_a_repeated_p_is_small_exactly_where_the_level_is_reached(first: float, fixed: float) -> None:
    stage = next_stage(next_stage(None, [first], 0.05), [first, (1 + first) / 2], 0.05)
    assert stage.p(stage.level) == pytest.approx(0.05, rel=1e-4)
    assert stage.p(fixed) >= fixed
    if abs(fixed / stage.level - 1) > 1e-3:
        assert (stage.p(fixed) < 0.05) == (fixed < stage.level)


def test_later_looks_use_the_boundaries_of_earlier_ones() -> None:
    few, many = next_stage(None, [0.1], 0.05), next_stage(None, [0.5], 0.05)
    after_few, after_many = next_stage(few, [0.5, 0.8], 0.05), next_stage(many, [0.5, 0.8], 0.05)
    assert after_few.z[0] == few.z[0]
    assert after_few.level > after_many.level
    assert few.last_level() < HELD_BACK * 0.05


def test_the_chance_to_decide() -> None:
    now, last = np.array(2.0), np.array(1.0)
    assert chance_to_decide(np.array(0.0), np.array(2.0), now, last) == pytest.approx(2 * special.ndtr(-2))
    assert chance_to_decide(np.array(2.0), np.array(2.0), now, last) == pytest.approx(0.5, abs=1e-4)
    assert chance_to_decide(np.array(0.0), np.array(2.0), now, last, margin=1.0) == pytest.approx(
        special.ndtr(-2) + special.ndtr(-1)
    )
