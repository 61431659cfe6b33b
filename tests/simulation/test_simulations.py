"""The simulations in short: what the long run (docs/simulations.md) shows must not break unnoticed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import run
from measures import error, family, foretold, judge, others
from studies import Truth, draw
from tables import all_settings

from medxfer.analysis import compare_blocks


def rates(measure, truth: Truth, repetitions: int, **options: float) -> pd.Series:
    rng = np.random.default_rng(0)
    return pd.DataFrame([measure(truth, rng, **options) for _ in range(repetitions)]).mean()


@pytest.mark.parametrize(
    ("truth", "lowest", "highest"),  # three standard errors around 0 … 6 %, or 4 … 6.5 % from five trainings on
    [
        (Truth(2, 80, 0.1), 0.0, 0.085),
        (Truth(3, 80, 0.3, "balanced_accuracy"), 0.0, 0.085),
        (Truth(3, 80, 0.1, "accuracy", images=4), 0.0, 0.085),
        (Truth(5, 80, 0.1, "accuracy"), 0.02, 0.09),
        (Truth(10, 80, 0.1, "balanced_accuracy", classes=4), 0.02, 0.09),
        (Truth(5, 80, 0.1, "accuracy", data_sets=2, combinations=2), 0.02, 0.09),
    ],
)
def test_false_positives(truth: Truth, lowest: float, highest: float) -> None:
    assert lowest <= rates(error, truth, 700)["misses"] <= highest


def test_a_true_difference_is_covered_and_where_large_found() -> None:
    truth = Truth(5, 300, 0.1, "accuracy")
    truth = replace(truth, effects=(0.0, truth.effect_of(0.08)))
    figures = rates(error, truth, 300)
    assert figures["misses"] < 0.10
    assert figures["finds"] > 0.9


@pytest.mark.parametrize("metric", ["auroc", "accuracy"])
def test_the_truth_is_what_scores_show(metric: str) -> None:
    truth = Truth(40, 2000, 0.3, metric)
    truth = replace(truth, effects=(0.0, truth.effect_of(0.05)))
    rng = np.random.default_rng(1)
    shown = [compare_blocks(draw(truth, rng), [-1, 1], metric, threshold=0).estimate for _ in range(8)]
    assert truth.difference == pytest.approx(0.05)
    assert np.mean(shown) == pytest.approx(0.05, abs=0.015)


def test_tests_over_runs_find_what_is_not_there() -> None:
    figures = rates(others, Truth(10, 100, 0.05, "accuracy", data_sets=2, combinations=3), 150)
    assert figures["paired t, all runs"] > 0.15
    assert figures["trainings and patients"] < 0.12


def test_a_family_is_held_by_holm() -> None:
    figures = rates(family, Truth(3, 100, 0.1, "accuracy", effects=(0.0,) * 4), 200)
    assert figures["Holm"] <= figures["unadjusted"]
    assert figures["Holm"] < 0.12


def test_a_forecast_can_be_followed() -> None:
    truth = Truth(5, 1000, 0.1, "accuracy")
    figures = rates(foretold, replace(truth, effects=(0.0, truth.effect_of(0.03))), 60, margin=0.02)
    assert figures["later concludes"] > 0.5
    assert figures["foretold half-width"] == pytest.approx(figures["half-width"], rel=0.3)


def test_settings_are_named_apart() -> None:
    names = [(table, setting.name) for table, settings in all_settings().items() for setting in settings]
    assert len(set(names)) == len(names)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(run, "CHUNK", 10)
    few = {"equivalence": all_settings()["equivalence"][:1]}
    monkeypatch.setattr(run, "all_settings", lambda: few)
    arguments = ["--repetitions", "20", "--workers", "1", "--out", str(tmp_path / "page.md")]
    run.main(arguments)
    first = (tmp_path / "page.csv").read_text()
    assert capsys.readouterr().out.count("equivalence") == 1
    run.main(arguments)
    assert capsys.readouterr().out == ""
    assert (tmp_path / "page.csv").read_text() == first
    assert "## Equivalence" in (tmp_path / "page.md").read_text()


def test_a_comparison_in_the_simulations_is_the_programs() -> None:
    truth = Truth(3, 60, 0.1)
    blocks = draw(truth, np.random.default_rng(0))
    assert judge(blocks, truth) == compare_blocks(blocks, [-1, 1], "auroc", threshold=0.0)
