"""The smallest difference a planned study could find: it is found as often as promised."""

import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic_study import write_study

from medxfer.analysis import POWER, Planned, compare_designs, detectable, read_study
from medxfer.analysis.judge.power import assumed
from medxfer.analysis.stats.forecasts import smallest_difference
from medxfer.study.declared import Rules

RULES = Rules(True, "none")
ARMS = [(colormap, start) for colormap in ("none", "viridis", "inferno") for start in (True, False)]


def planned(trainings: int = 5, patients: int = 500, arms=ARMS) -> Planned:
    return Planned(arms, trainings, {"d": patients}, 1)


def test_each_question_has_its_own_number_of_contrasts():
    rq1, rq2 = detectable(planned(), RULES, 0.01, 0.95, None)
    assert (rq1.question, rq1.contrasts, rq2.question, rq2.contrasts) == ("RQ1", 2, "RQ2", 1)
    assert rq1.difference > rq2.difference  # two contrasts share the level


@pytest.mark.parametrize("more", [{"trainings": 20}, {"patients": 5000}])
def test_more_trainings_or_patients_find_smaller_differences(more):
    few, many = (detectable(p, RULES, 0.01, 0.95, None)[1] for p in (planned(), planned(**more)))
    assert many.difference < few.difference


def test_what_is_forecast_to_find_the_margin_does():
    now = detectable(planned(patients=5000), RULES, 0.02, 0.95, None)[1]
    then = detectable(planned(trainings=5 + now.more_trainings, patients=5000), RULES, 0.02, 0.95, None)[1]
    assert now.difference > 0.02 >= then.difference
    assert then.more_trainings == 0


def test_one_training_an_arm_finds_nothing():
    assert detectable(planned(trainings=1), RULES, 0.01, 0.95, None)[0].difference is None


def test_a_grid_that_asks_nothing_answers_nothing():
    assert detectable(planned(arms=[("none", True)]), RULES, 0.01, 0.95, None) == []


def test_no_difference_is_larger_than_the_metric_allows():
    """Two trainings and two patients: what would be found is larger than 1, and Brier scores differ by up to 2."""
    tiny = [replace(planned(trainings=2, patients=2), metric=metric) for metric in ("auroc", "brier")]
    found = [one.difference for grid in tiny for one in detectable(grid, RULES, 0.01, 0.95, None)]
    assert found[:3] == [math.inf] * 3
    assert 1 < found[3] < 2
    assert all(one.difference < 1 for one in detectable(planned(), RULES, 0.01, 0.95, None))


def test_finished_trainings_replace_the_assumptions(tmp_path):
    quiet = read_study(write_study(tmp_path / "quiet", seeds=3, seed_noise=0.0))
    noisy = read_study(write_study(tmp_path / "noisy", seeds=3, seed_noise=0.8))
    same = replace(planned(trainings=3), patients={"phantom_dx": 500})
    found = [detectable(same, RULES, 0.01, 0.95, done)[1] for done in (quiet, noisy)]
    assert all(one.measured for one in found)
    assert found[0].difference < found[1].difference


@pytest.mark.parametrize("patients", [{"other": 60}, {"phantom_dx": 60, "other": 60}])
def test_trainings_on_one_data_set_say_nothing_of_another(tmp_path, patients):
    done = read_study(write_study(tmp_path / "s", seeds=3))
    another = replace(planned(trainings=3), patients=patients)
    assert detectable(another, RULES, 0.01, 0.95, done) == detectable(another, RULES, 0.01, 0.95, None)
    everyone = {data: 5 * number for data, number in patients.items()}
    ways = compare_designs(another, RULES, 0.95, done, patients, everyone, [5])
    assert [one.measured for one in ways] == [False, False]
    assert all(way.half_width > 0 for one in ways for way in one.designs)


def test_a_difference_of_that_size_is_found_as_often_as_promised():
    """Draw the estimate and its variance over trainings as the analysis' model has them."""
    rng = np.random.default_rng(0)
    chance = assumed(planned(trainings=10))
    (part,) = chance.parts
    truth, variance, df = smallest_difference(chance, 0.05), float(part.trainings.variance), float(part.trainings.df)
    found = 0
    for _ in range(400):
        estimate = truth + rng.normal(0, chance.variance**0.5)
        term = replace(part.trainings, variance=np.array(variance * rng.chisquare(df) / df))
        found += estimate > replace(chance, parts=(replace(part, trainings=term),)).half_width(0.05)
    assert found / 400 == pytest.approx(POWER, abs=0.06)


def test_comparisons_have_a_forecast_of_their_own() -> None:
    windows = Planned([(level, True) for level in ("40/400", "lung", "bone")], 3, {"a": 100}, 1)
    settings = Planned([("full", True), ("head", True), ("last:1", True)], 3, {"a": 100}, 1, alike=False)
    compared = {"window": windows, "finetune": settings}
    window, finetune = detectable(planned(), RULES, 0.01, 0.95, None, compared)[-2:]
    assert (window.question, window.contrasts) == ("window", 2)
    assert window.difference < finetune.difference  # other levels tell how trainings vary
