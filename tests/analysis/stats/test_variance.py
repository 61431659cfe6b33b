"""The trainings' and the patients' variance, from many draws of what they estimate."""

import numpy as np
import pytest

from medxfer.analysis.stats.variance import (
    RELATED,
    Term,
    difference_terms,
    floored_over_blocks,
    moderated,
    own_terms,
    pairing_level,
    patients_terms,
    seed_effects,
    total_of,
    trainings_terms,
)

DUNNETT = np.array([[-1.0, 1, 0], [-1, 0, 1]])
ALIKE = np.zeros(3, np.int64)


def draws(correlation: float = 0.0, seeds: int = 3, count: int = 4_000, arms: int = 3) -> np.ndarray:
    rng = np.random.default_rng(7)
    own, shared = rng.standard_normal((count, arms, seeds)), rng.standard_normal((count, 1, seeds))
    return np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_variance_of_a_difference_is_that_of_means(seeds: int) -> None:
    theta = draws(seeds=seeds)
    term = trainings_terms(theta, DUNNETT, ALIKE)
    assert term.variance.shape == (4_000, 2)
    np.testing.assert_allclose(term.variance.mean(0), 2 / seeds, rtol=0.05)
    np.testing.assert_allclose(own_terms(theta, DUNNETT).variance.mean(0), 2 / seeds, rtol=0.06)
    assert (own_terms(theta, DUNNETT).df == seeds - 1).all()
    assert (term.df > seeds - 1).all()


def test_seeds_pair_arms_where_they_correlate_and_seldom_else() -> None:
    assert seed_effects(draws(0.0, 10)).paired.mean() < 0.06
    assert seed_effects(draws(0.9, 10)).paired.mean() > 0.99
    assert seed_effects(draws(0.6, 10)).correlation.mean() == pytest.approx(0.6, abs=0.05)
    together = trainings_terms(draws(0.9, 10), DUNNETT, ALIKE).variance.mean(0)
    np.testing.assert_allclose(together, 2 * 0.1 / 10, rtol=0.1)


def test_the_level_of_the_f_test_has_a_ceiling() -> None:
    assert pairing_level(2, 2) == pytest.approx(0.005)
    assert pairing_level(3, 3) == pytest.approx(0.02)
    assert pairing_level(20, 10) == pytest.approx(0.04)
    assert seed_effects(draws(0.0, 3), 1.0).paired.all()
    assert not seed_effects(draws(0.9, 3), 0.0).paired.any()
    assert not seed_effects(draws(0.9, 3, arms=1)).paired.any()


def test_moderation_lies_between_own_and_others() -> None:
    alone = moderated(np.array([4.0]), 2.0, np.array([1.0]), 0.0)
    assert (float(alone.variance[0]), float(alone.df[0])) == (4.0, 2.0)
    both = moderated(np.array([4.0]), 2.0, np.array([1.0]), 1e9)
    assert float(both.df[0]) == pytest.approx(2 + RELATED)
    assert float(both.variance[0]) == pytest.approx((2 * 4 + RELATED) / (2 + RELATED))


def test_groups_are_independent() -> None:
    """A gain with pretrained weights less that with random ones: the sum of both variances."""
    theta = np.concatenate([draws(), 3 * draws(seeds=3)[::-1]], axis=1)
    groups = np.repeat([0, 1], 3)
    apart = np.array([[-1.0, 1, 0, 0, 0, 0], [0, 0, 0, -1, 1, 0], [-1, 1, 0, 1, -1, 0]])
    term = trainings_terms(theta, apart, groups)
    np.testing.assert_allclose(term.variance[:, 2], term.variance[:, 0] + term.variance[:, 1])


def test_satterthwaite() -> None:
    both = total_of([Term(np.array(1.0), np.array(4.0)), Term(np.array(1.0), np.array(4.0))])
    assert (float(both.variance), float(both.df)) == (2.0, 8.0)


def test_differences_between_weights_borrow_unless_they_move_as_one() -> None:
    first = np.array([[1.0, 0, 0]])
    apart, alike = difference_terms(draws(0.0, 5), first), difference_terms(draws(0.99, 5), first)
    assert np.median(apart.df) == 4 + 8 * RELATED / (8 + RELATED)
    assert np.median(alike.df) == 4


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_the_covariance_over_blocks_is_seen(shared: float) -> None:
    rng = np.random.default_rng(1)
    common, own = rng.standard_normal((4_000, 3, 5, 1)), rng.standard_normal((4_000, 3, 5, 3))
    theta = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    term, covariance = floored_over_blocks(theta, lambda x: trainings_terms(x, DUNNETT, ALIKE))
    truth = 2 / 5 * (shared + (1 - shared) / 3)
    assert truth * 0.97 < term.variance.mean() < truth * 1.25  # the floor adds, and never takes away
    assert covariance.mean() == pytest.approx(2 / 5 * shared, abs=0.02)
    one = floored_over_blocks(theta[..., :1], lambda x: trainings_terms(x, DUNNETT, ALIKE))
    assert (one[1] == 0).all()


def test_patients_degrees_of_freedom_see_a_rare_class() -> None:
    rng = np.random.default_rng(2)
    even, few = rng.standard_normal((5, 200)) * 0.01, rng.standard_normal((5, 200)) * 0.01
    shared = rng.standard_normal(200)
    rare = np.where(np.arange(200) < 6, 10.0, 0.1) * shared
    even_term, own = patients_terms(shared + even)
    rare_term, _ = patients_terms(rare + few)
    assert float(even_term.df) > 60
    assert float(rare_term.df) < 12
    assert float(even_term.variance) == pytest.approx(float((shared**2).sum()), rel=0.01)
    assert float(own) == pytest.approx(200 * 1e-4, rel=0.2)


def test_one_training_has_patients_alone() -> None:
    term, own = patients_terms(np.ones((1, 30)))
    assert float(own) == 0
    assert float(term.variance) == 30
