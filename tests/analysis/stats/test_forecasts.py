"""What other numbers of trainings or patients would tell."""

from dataclasses import replace

import numpy as np
import pytest
from components import effect
from scipy import stats

from medxfer.analysis import POWER
from medxfer.analysis.stats.critical import largest
from medxfer.analysis.stats.forecasts import fewest, outlook, smallest_difference, with_size


def test_more_trainings_average_out_trainings_alone() -> None:
    now = effect(0.02, trainings=5)
    later = with_size(now, 20)
    assert float(later.patients.variance) == float(now.patients.variance)
    assert later.seeds == 20
    shrunk = float(later.trainings.variance) / float(now.trainings.variance)
    # four times fewer, but for E√χ², by which a variance with 4 df is too small on average
    c4 = [np.sqrt(stats.chi2.expect(np.sqrt, args=(df,)) ** 2 / df) for df in (4, 19)]
    assert shrunk == pytest.approx((c4[1] / c4[0]) ** 2 / 4, rel=0.003)
    assert float(later.trainings.df) == pytest.approx(19)


def test_more_patients_shrink_their_part_of_both() -> None:
    now = effect(0.02, trainings=5, variance=4e-4, patient_part=2e-4, covariance=2e-5)
    later = with_size(now, 5, 2.0)
    assert float(later.patients.variance) == pytest.approx(1e-5)
    assert float(later.trainings.variance) == pytest.approx(3e-4 / 5)


def test_a_data_set_with_more_seeds_keeps_them() -> None:
    """Twice the patients take no seed away, and more seeds are more only where there were fewer."""
    many, few = effect(0.0, trainings=10, patients=200), effect(0.0, trainings=2, patients=200)
    both = replace(many, parts=(replace(many.parts[0], data="a"), replace(few.parts[0], data="b")))
    assert both.seeds == 2
    assert [part.seeds for part in with_size(both, 2, 2.0).parts] == [10, 2]
    assert [part.seeds for part in with_size(both, 5).parts] == [10, 5]
    twice = next(e for e in outlook(both, 0.05) if e.patients == 2)
    assert twice.half_width < both.half_width(0.05)


def test_the_outlook_names_more_seeds_than_there_are_and_twice_the_patients() -> None:
    ahead = outlook(effect(0.02, trainings=5), 0.05)
    assert [(e.seeds, e.patients) for e in ahead] == [(10, 1.0), (20, 1.0), (5, 2.0)]
    now = effect(0.02, trainings=5).half_width(0.05)
    assert now > ahead[0].half_width > ahead[1].half_width
    assert now > ahead[2].half_width
    family = largest(np.array([[1, 0.5], [0.5, 1]]))
    assert all(
        wide.half_width > e.half_width for wide, e in zip(outlook(effect(0.0), 0.05, family), ahead, strict=True)
    )
    assert [(e.seeds, e.patients) for e in outlook(effect(0.02, trainings=15), 0.05)] == [(20, 1.0), (15, 2.0)]
    assert outlook(effect(0.02, trainings=1), 0.05) == ()


def test_the_fewest_that_are_enough() -> None:
    now = effect(0.0, trainings=5)
    more = fewest(now, 500, lambda e: smallest_difference(e, 0.05) <= 0.025).more_trainings
    assert more is not None
    assert smallest_difference(with_size(now, 5 + more), 0.05) <= 0.025
    assert smallest_difference(with_size(now, 4 + more), 0.05) > 0.025


def test_what_cannot_settle_the_question_is_none() -> None:
    def enough(e: object) -> bool:
        return smallest_difference(e, 0.05) <= 0.02  # type: ignore[arg-type]

    patients_differ = effect(0.0, variance=1.5e-4, patient_part=1e-4, covariance=1e-4)
    assert fewest(patients_differ, 500, enough).more_trainings is None
    assert fewest(patients_differ, 500, enough).more_patients is not None
    seeds_differ = effect(0.0, variance=1e-2, patient_part=0.0)
    assert fewest(seeds_differ, 500, enough).more_patients is None
    assert fewest(seeds_differ, 500, enough).more_trainings is not None


def test_the_smallest_difference_is_the_half_width_and_the_power() -> None:
    now = effect(0.0)
    expected = now.half_width(0.05) + stats.norm.ppf(POWER) * np.sqrt(now.variance)
    assert smallest_difference(now, 0.05) == pytest.approx(expected)
