"""What other divisions of the patients would tell, from the components of the one that was trained."""

import numpy as np
import pytest

from medxfer.analysis.stats.designs import Design, designs_at, expected, foretold
from medxfer.analysis.stats.effects import Sample, effect, pooled


def studied(seeds: int = 10, patients: int = 20, seed: int = 0):
    rng = np.random.default_rng(seed)
    theta = rng.normal(0, 0.1, (4, seeds, 1)) + 0.8  # two more arms tell how trainings vary
    influence = rng.normal(0, 0.02, (1, patients)) + rng.normal(0, 0.03, (seeds, patients))
    return effect([Sample("d", theta, np.array([-1.0, 1.0, 0.0, 0.0]), influence, pooled(np.zeros(4, int)))])


def test_the_design_that_was_trained_keeps_its_components():
    one = studied()
    same = foretold(one, 1, Design(1, 10, {"d": 20}), "auroc")
    assert float(same.patients.variance) == pytest.approx(float(one.patients.variance))
    assert float(same.patients.df) == pytest.approx(float(one.patients.df))
    part = one.parts[0]
    assert same.parts[0].patient_part == pytest.approx(part.patient_part)
    assert float(same.trainings.variance) == pytest.approx(float(part.trainings.variance))


@pytest.mark.parametrize("metric", ["auroc", "accuracy"])
def test_folds_and_back_is_where_one_began(metric):
    """Foretelling folds from one split, and one split from those folds, changes nothing."""
    one = foretold(studied(), 1, Design(1, 10, {"d": 20}), metric)
    folds = foretold(one, 1, Design(5, 4, {"d": 100}), metric)
    back = foretold(folds, 5, Design(1, 10, {"d": 20}), metric)
    assert float(back.patients.variance) == pytest.approx(float(one.patients.variance))
    assert float(back.trainings.variance) == pytest.approx(float(one.trainings.variance))
    assert float(back.trainings.df) == pytest.approx(float(one.trainings.df))


def test_the_shares_are_those_of_the_formula():
    one = studied()
    part = one.parts[0]
    squared, errors, shared = (
        float(part.trainings.variance) * 10, part.patient_part * 10, float(part.patients.variance)
    )  # fmt: skip
    seen = min(errors, squared)  # of a training's variance: no more than there is
    ahead = foretold(one, 1, Design(5, 2, {"d": 100}), "auroc")
    assert float(ahead.trainings.variance) == pytest.approx(((squared - seen) / 5 + seen / 5) / 2)
    assert float(ahead.patients.variance) == pytest.approx((shared + 0.5 * (shared + errors)) / 5)
    assert float(ahead.trainings.df) == pytest.approx(float(part.trainings.df) / 9)
    assert float(ahead.patients.df) == pytest.approx(min(float(part.patients.df) * 5, 99))


def test_designs_of_equal_cost():
    ways = designs_at(10, {"d": 8}, {"d": 40})
    assert [(way.folds, way.seeds, way.patients, way.cells) for way in ways] == [
        (1, 10, 8, 10), (5, 2, 40, 10), (10, 1, 40, 10)
    ]  # fmt: skip
    assert [way.folds for way in designs_at(15, {"d": 8}, {"d": 40})] == [1, 5]
    widths = [way.half_width for way in expected(studied(), 1, ways, "auroc", 0.05)]
    assert widths[2] is None
    assert widths[1] < widths[0]


def test_one_seed_foretells_nothing():
    assert foretold(studied(seeds=1), 1, Design(5, 2, {"d": 100}), "auroc") is None
