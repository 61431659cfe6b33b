"""Which trainings speak for a contrast, what is said of those that cannot, and the figures with their parts."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_study import records, scored, write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.breakdown import breakdown
from medxfer.analysis.judge.evidence import arm_mean, between_starts
from medxfer.analysis.judge.figures import clip
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.layer import measured

Factors = Mapping[str, Any]


def drop(folder: Path, which: Callable[[Factors], bool], planned: bool = False) -> Path:
    """Takes cells out of a study; those that stay `planned` are missing."""
    plan = json.loads((folder / "study.json").read_text())
    for name, factors in list(plan["planned"].items()):
        if which(factors):
            shutil.rmtree(folder / "cells" / name)
            if not planned:
                del plan["planned"][name]
    (folder / "study.json").write_text(json.dumps(plan))
    return folder


def change_scores(folder: Path, which: Callable[[Factors], bool], change: Callable[[pd.DataFrame], None]) -> None:
    for record, frame in scored(folder):
        if which(record["factors"]):
            change(frame)


def colours(folder: Path) -> list[Finding]:
    return Judge(read_study(folder)).family("RQ1", "primary")


def test_arms_without_a_seed_in_common_are_refused_by_name(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=4)
    drop(folder, lambda f: (f["seed"] < 2) == (f["colormap"] == "viridis"))
    (finding,) = colours(folder)
    assert finding.conclusion == "refused"
    assert "share no seed on phantom_dx" in finding.sentence


def test_a_data_set_where_arms_share_no_seed_is_not_dropped(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), data=("a_dx", "b_dx"), seeds=4)
    drop(folder, lambda f: f["data"] == "b_dx" and (f["seed"] < 2) == (f["colormap"] == "viridis"))
    (finding,) = colours(folder)
    assert finding.conclusion == "refused"
    assert "share no seed on b_dx" in finding.sentence


def test_trainings_without_a_partner_are_named_and_count_nowhere(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=5)
    whole = write_study(tmp_path / "whole", colormaps=("none", "viridis"), seeds=3)
    drop(folder, lambda f: f["colormap"] == "viridis" and f["seed"] > 2)
    (finding,), (same,) = colours(folder), colours(whole)
    assert (finding.figures.trainings, finding.figures.unused) == (3, 2)
    assert "2 finished trainings without a partner of the same seed are not used" in finding.notes[0]
    assert finding.figures.wins == same.figures.wins
    assert finding.figures.estimate == pytest.approx(same.figures.estimate)


@pytest.mark.parametrize("planned", [True, False])
def test_one_training_here_and_three_there(tmp_path: Path, planned: bool) -> None:
    """Still running: incomplete, by the data set that has several. Finished: refused, with the way out."""
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), data=("a_dx", "b_dx"), seeds=3)
    drop(folder, lambda f: f["data"] == "b_dx" and f["seed"] > 0, planned)
    (finding,) = colours(folder)
    if planned:
        assert finding.conclusion == "incomplete"
        assert (finding.figures.datasets, finding.figures.trainings) == (("a_dx",), 3)
    else:
        assert finding.conclusion == "refused"
        assert "b_dx has one training" in finding.sentence
        assert "add seeds" in finding.sentence


@pytest.mark.parametrize(("finished", "conclusion"), [(True, "refused"), (False, "incomplete")])
def test_what_does_not_vary_yet_is_not_refused_before_all_is_trained(
    tmp_path: Path, finished: bool, conclusion: str
) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), pretrained=[True], seeds=3)

    def constant(frame: pd.DataFrame) -> None:
        frame["score_0"], frame["score_1"] = 0.6, 0.4

    change_scores(folder, lambda f: True, constant)
    drop(folder, lambda f: f["seed"] == 2, planned=not finished)
    (finding,) = colours(folder)
    assert finding.conclusion == conclusion
    assert "identical in every training" in finding.sentence
    assert len(finding.unfinished) == (0 if finished else 2)


def test_one_refused_contrast_leaves_the_others(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=3)

    def infinite(frame: pd.DataFrame) -> None:
        frame["score_1"] = np.inf

    change_scores(folder, lambda f: f["colormap"] == "viridis", infinite)
    viridis, inferno = colours(folder)
    assert viridis.conclusion == "refused"
    assert "not finite" in viridis.sentence
    assert inferno.figures.contrasts == 2  # the refused one still counts
    alone = colours(write_study(tmp_path / "alone", colormaps=("none", "inferno"), seeds=3))[0]
    assert inferno.figures.p_adjusted > alone.figures.p_adjusted


def test_an_arm_on_one_of_two_data_sets_speaks_of_that_one(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", data=("a_dx", "b_dx"), seeds=3)
    drop(folder, lambda f: f["data"] == "b_dx" and f["colormap"] == "viridis")
    viridis, inferno = colours(folder)
    assert "This is of a_dx alone: b_dx does not have these arms." in viridis.sentence
    assert "alone" not in inferno.sentence
    parts = {table.title: table for table in breakdown(Judge(read_study(folder)))}["By data set"]
    assert [f.subject for f in parts.findings if f.question == "RQ1"] == ["viridis", "inferno", "inferno"]


def test_a_rare_label_is_named(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=2)

    def labels(frame: pd.DataFrame) -> None:
        frame["label_0"], frame["label_1"] = frame["label"], (frame["patient"] == "test-p0000").astype(int)
        del frame["label"]

    change_scores(folder, lambda f: True, labels)
    for record in records(folder):
        record.update({"task": "multilabel", "classes": ["nodule", "hernia"]})
    (finding,) = colours(folder)
    assert finding.conclusion == "refused"
    assert "1 patient with hernia" in finding.sentence


def test_fewer_than_five_patients_of_a_class_are_described_and_not_judged(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=3, patients=8)
    (finding,) = colours(folder)
    assert finding.conclusion == "too few patients"
    assert "these few test patients" in finding.sentence
    assert any("4 test patients with" in note for note in finding.notes)


def test_intervals_are_cut_off_at_what_the_metric_can_be() -> None:
    low, high, clipped = clip(-0.5, 3.0, {"a": 1.0, "b": -1.0}, "auroc")
    assert (low, high, clipped) == (-1.0, 1.0, True)
    assert clip(0.1, 0.2, {"a": 1.0, "b": -1.0}, "auroc") == (pytest.approx(-0.1), pytest.approx(0.3), False)
    assert clip(0.0, 9.0, {"a": 1.0, "b": -1.0, "c": 1.0, "d": -1.0}, "auroc")[1] == 2.0


def test_figures_say_where_the_uncertainty_comes_from(tmp_path: Path) -> None:
    quiet = write_study(tmp_path / "quiet", seeds=5, seed_noise=0.0, patients=40, backbones=("a", "b"))
    noisy = write_study(tmp_path / "noisy", seeds=5, seed_noise=1.0, patients=400)
    few, many = (colours(folder)[0].figures for folder in (quiet, noisy))
    assert 0 <= few.from_trainings < many.from_trainings <= 1
    assert many.from_trainings > 0.8
    assert [(e.seeds, e.patients) for e in many.expected] == [(10, 1.0), (20, 1.0), (5, 2.0)]
    half = (many.high - many.low) / 2
    assert many.expected[1].half_width < many.expected[0].half_width < half
    assert many.expected[2].half_width > 0.9 * half  # patients are not where it comes from
    assert few.block_covariance is not None
    assert many.block_covariance is None
    assert many.df_trainings > 8
    assert -1 <= many.seed_correlation <= 1 <= many.variance_ratio


def test_what_cannot_tell_says_what_would(tmp_path: Path) -> None:
    finding = colours(write_study(tmp_path / "s", seeds=3, patients=40))[0]
    assert finding.conclusion == "cannot tell"
    assert "% is from seeds and" in finding.outlook
    assert re.search(r"±\d+\.\d with 10 seeds", finding.outlook)
    assert re.search(r"±\d+\.\d with 2 times the test patients", finding.outlook)


def test_no_forecast_is_wider_than_the_interval_or_than_the_metric_can_be(tmp_path: Path) -> None:
    """Two trainings that differ widely, on few patients: with more patients there are fewer degrees of freedom."""
    folder = write_study(
        tmp_path / "s",
        colormaps=("none", "viridis"),
        seeds=2,
        patients=12,
        seed_noise=3.0,
        declared={"metric": "auroc"},
    )
    judge = Judge(read_study(folder))
    found = [f for question, family in (("RQ1", "primary"), ("RQ2", "primary"), ("RQ1", "interaction"))
             for f in judge.family(question, family)]  # fmt: skip
    assert any(f.figures.clipped for f in found)
    for finding in found:
        half = max(finding.figures.high - finding.figures.estimate, finding.figures.estimate - finding.figures.low)
        assert finding.conclusion == "cannot tell"
        assert finding.figures.expected
        assert all(e.half_width < min(half, 2.0) for e in finding.figures.expected)
        assert ("The interval is cut off" in finding.outlook) == finding.figures.clipped
        twice = any(e.patients > 1 for e in finding.figures.expected)
        assert twice == ("with 2 times the test patients" in finding.outlook)
        assert twice != ("2 times the test patients would not narrow it" in finding.outlook)


def test_an_arms_mean_stays_within_what_it_can_be(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path / "s", seeds=2, patients=10, effect=lambda f: 6.0))
    (cells,) = Judge(study).blocks.values()
    mean = arm_mean(cells, ("none", True), study.declared)
    assert 0 <= mean.low < mean.mean <= mean.high <= 1


def test_parts_of_the_grid_are_adjusted_as_different_trainings(tmp_path: Path) -> None:
    """The same contrast with two backbones is two contrasts, also where one of them has no training yet."""
    folder = write_study(
        tmp_path / "s", colormaps=("none", "viridis"), pretrained=[True], backbones=("a", "b"), seeds=4, seed_noise=1.0
    )
    whole = {table.title: table for table in breakdown(Judge(read_study(folder)))}["By backbone"].findings
    assert all(f.figures is not None and f.figures.from_trainings > 0.8 for f in whole)
    assert all(0.974 < f.figures.level < 0.976 for f in whole)  # of two that are independent
    drop(folder, lambda f: f["backbone"] == "b", planned=True)
    known, _ = {table.title: table for table in breakdown(Judge(read_study(folder)))}["By backbone"].findings
    assert known.figures.level == pytest.approx(whole[0].figures.level, abs=1e-3)
    assert known.figures.p_adjusted > known.figures.p


def test_a_comparison_of_weights_is_told_from_one_of_colours() -> None:
    assert between_starts({("none", True): 1.0, ("none", False): -1.0}) == (True, False)
    averaged = {("none", True): 0.5, ("v", True): 0.5, ("none", False): -0.5, ("v", False): -0.5}
    assert between_starts(averaged) == (True, False)
    interaction = {("v", True): 1.0, ("none", True): -1.0, ("v", False): -1.0, ("none", False): 1.0}
    assert between_starts(interaction) is None
    assert between_starts({("v", True): 1.0, ("none", True): -1.0}) is None


def test_a_block_is_measured_once(tmp_path: Path) -> None:
    (cells,) = Judge(read_study(write_study(tmp_path / "s", seeds=2))).blocks.values()
    first, again = (measured(cells, "auroc") for _ in range(2))
    assert all(first[cell.folder] is again[cell.folder] for cell in cells)
    assert len(first) == len(cells)
