"""What stands beside the answers: parts of the grid, controls, learning curves, other studies."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_study import RULES, records, write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.breakdown import breakdown
from medxfer.analysis.judge.contrasts import controlled, declare, is_control
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.learning_curve import learning_curves, worth
from medxfer.analysis.judge.looking import looked_at
from medxfer.analysis.judge.readings import (
    difference,
    in_general,
    longer_budgets,
    other_normalisations,
    read_controls,
)
from medxfer.analysis.judge.selection import choices, full_fraction
from medxfer.analysis.judge.verdict import judge
from medxfer.base.errors import MedxferError
from medxfer.study.declared import Rules, read_rules


def primary(study: Judge) -> list[Finding]:
    return [finding for question in ("RQ1", "RQ2") for finding in study.family(question, "primary")]


def test_every_contrast_sums_to_zero_and_subjects_gain_with_positive_weight() -> None:
    arms = [(c, p) for c in ("none", "viridis", "single", "shuffled:viridis@3") for p in (True, False, "file:a.pth")]
    contrasts = declare(arms, read_rules(**RULES))
    assert len({contrast.name for contrast in contrasts}) == len(contrasts)
    for contrast in contrasts:
        assert sum(contrast.weights.values()) == pytest.approx(0)
    assert [c.subject for c in contrasts if (c.question, c.family) == ("RQ1", "primary")] == ["viridis"]
    assert [c.name for c in contrasts if (c.question, c.family) == ("RQ2", "primary")] == ["pretrained − random, none"]
    assert [c.name for c in contrasts if c.family == "other weights"] == [
        "file:a.pth − pretrained, none",
        "file:a.pth − random, none",
    ]


def test_other_rules_make_other_contrasts_primary() -> None:
    arms = [(c, p) for c in ("none", "viridis", "viridis:luminance") for p in (True, False, "file:a.pth")]

    def names(family: str, rules: Rules) -> list[str]:
        return [contrast.name for contrast in declare(arms, rules) if contrast.family == family]

    random = Rules(weights=False, colormap="viridis")
    assert names("primary", random) == ["viridis − none, random", "pretrained − random, viridis"]
    assert names("control", random) == ["viridis:luminance − none, random", "viridis − viridis:luminance, random"]
    assert names("pretrained weights", random)[0] == "viridis − none, pretrained weights"
    assert names("random weights", random) == []
    assert names("other colormaps", random)[0] == "pretrained − random, none"
    assert names("other weights", random) == ["file:a.pth − pretrained, viridis", "file:a.pth − random, viridis"]
    own = Rules(weights="file:a.pth", colormap="none")
    assert names("primary", own)[0] == "viridis − none, file:a.pth"
    assert len(names("random weights", own)) == len(names("pretrained weights", own)) == 2


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("rq1", {"with": "viridis"}),
        ("rq1", {"compare": "backbone"}),
        ("rq1", {"adjust": "none"}),
        ("rq1", {"within": {"pretrained": None}}),
        ("rq1", {"within": {"colormap": "none"}}),
        ("rq1", {"until": "significant"}),
        ("rq2", {"level": None}),
        ("rq2", {"within": {"colormap": "none", "seed": 0}}),
        ("rq2", {"within": "none"}),
    ],
)
def test_a_rule_that_the_analysis_does_not_follow_is_refused(rule: str, change: dict[str, Any]) -> None:
    with pytest.raises(MedxferError, match=rf"study\.{rule}=.*can be chosen"):
        read_rules(**{**RULES, rule: {**RULES[rule], **change}})


def test_rq2_compares_two_different_weights() -> None:
    with pytest.raises(MedxferError, match="compares random weights with themselves"):
        read_rules(RULES["rq1"], {**RULES["rq2"], "level": False})


def test_rq2_asks_about_any_weights() -> None:
    arms = [(c, p) for c in ("none", "viridis") for p in (True, False, "file:rad.pth")]
    rules = read_rules(RULES["rq1"], {**RULES["rq2"], "level": "file:rad.pth"})
    contrasts = declare(arms, rules)

    def names(question: str, family: str) -> list[str]:
        return [c.name for c in contrasts if (c.question, c.family) == (question, family)]

    assert names("RQ2", "primary") == ["file:rad.pth − random, none"]
    assert names("RQ2", "other weights") == ["pretrained − file:rad.pth, none", "pretrained − random, none"]
    assert names("RQ1", "interaction") == ["viridis − none, gain with file:rad.pth − with random"]
    assert names("RQ1", "file:rad.pth weights") == ["viridis − none, file:rad.pth weights"]


@pytest.mark.parametrize(
    ("name", "control", "base"),
    [
        ("viridis", False, None),
        ("learned:viridis", False, None),
        ("windows:brain+bone", False, None),
        ("single", True, None),
        ("random@3", True, None),
        ("shuffled:viridis@3", True, "viridis"),
        ("shuffled:cmap:crameri:batlow@1", True, "cmap:crameri:batlow"),
        ("viridis:luminance", True, "viridis"),
    ],
)
def test_controls_are_told_from_colormaps(name: str, control: bool, base: str | None) -> None:
    assert is_control(name) == control
    assert controlled(name) == base


def test_parts_of_the_grid_are_shown_apart(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", data=("phantom_ct", "phantom_dx", "other_dx"), backbones=("a", "b"), seeds=2, colormaps=["none"]
    )
    tables = {table.title: table for table in breakdown(Judge(read_study(folder)))}
    assert list(tables) == ["By modality", "By data set", "By backbone"]
    names = [finding.contrast for finding in tables["By data set"].findings]
    assert names == [
        f"pretrained − random, none · {d}" for d in ("phantom_ct (CT)", "phantom_dx (DX)", "other_dx (DX)")
    ]
    assert all(finding.figures.datasets == ("phantom_ct",) for finding in tables["By modality"].findings[:1])
    assert "I²" in tables["By data set"].note


def test_one_data_set_a_modality_is_shown_once(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", data=("phantom_ct", "phantom_dx"), seeds=2, colormaps=["none"])
    assert [table.title for table in breakdown(Judge(read_study(folder)))] == ["By modality"]


def gain(factors: Mapping[str, Any]) -> float:
    return 1.5 if factors["pretrained"] is True else 0.0


def generally(folder: Path) -> list[str]:
    study = Judge(read_study(folder))
    return in_general(study, primary(study))


def test_in_general_takes_six_data_sets(tmp_path: Path) -> None:
    five = write_study(tmp_path / "five", data=[f"d{i}" for i in range(5)], seeds=2, colormaps=["none"], effect=gain)
    six = write_study(tmp_path / "six", data=[f"d{i}" for i in range(6)], seeds=2, colormaps=["none"], effect=gain)
    assert generally(five) == []
    (text,) = generally(six)
    assert "over 6 data sets" in text
    assert text.endswith("it may be said in general.")


def test_in_general_the_colormaps_share_the_level_and_the_answer_must_agree(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", data=[f"d{i}" for i in range(6)], seeds=2, pretrained=[True], patients=40,
        colormaps=("none", "viridis", "inferno"), effect=lambda f: 3.0 * (f["colormap"] == "viridis"),
    )  # fmt: skip
    study = Judge(read_study(folder))
    findings = primary(study)
    viridis, inferno = in_general(study, findings)
    assert "simultaneous interval" in viridis
    assert "adjusted p" in viridis
    assert viridis.endswith("it may be said in general.")
    assert inferno.endswith("it cannot be said in general.")
    silent = [replace(f, figures=replace(f.figures, p_adjusted=0.2)) for f in findings if f.figures]
    assert in_general(study, silent)[0].endswith("cannot be said in general, because the answer above does not say it.")


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ({"viridis": 1.0, "shuffled:viridis@3": 0.0}, "the order of colours is part of why it helps"),
        ({"viridis": 1.0, "shuffled:viridis@3": 1.0}, "need not be why"),
        ({}, "no gain to explain"),
    ],
)
def test_shuffled_colours_tell_whether_their_order_is_why(tmp_path: Path, effects: dict[str, float], said: str) -> None:
    folder = write_study(
        tmp_path / "s", colormaps=("none", "viridis", "shuffled:viridis@3"), pretrained=[True], seeds=5, patients=300,
        seed_noise=0.05, effect=lambda f: effects.get(f["colormap"], 0.0),
    )  # fmt: skip
    study = Judge(read_study(folder))
    (text,) = read_controls(study.family("RQ1", "primary"), study.family("RQ1", "control"))
    assert said in text


def test_a_control_alone_has_nothing_to_explain(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "shuffled:viridis@3", "single"), pretrained=[True], seeds=2)
    study = Judge(read_study(folder))
    shuffled, single = read_controls(study.family("RQ1", "primary"), study.family("RQ1", "control"))
    assert "nothing to explain" in shuffled
    assert single.startswith("One gray channel")


def learning(advantage: float) -> Any:
    """Random weights gain 0.5 with each doubling of the patients; pretrained ones are `advantage` doublings ahead."""
    return lambda f: 0.5 * (np.log2(f["train_fraction"]) + advantage * (f["pretrained"] is True))


@pytest.mark.parametrize(("doublings", "low", "high"), [(1.0, 1.6, 2.4), (2.0, 3.0, 5.0), (-1.0, 1.0, 1.0), (5, 8, 8)])
def test_pretraining_is_worth_what_was_put_in(tmp_path: Path, doublings: float, low: float, high: float) -> None:
    folder = write_study(
        tmp_path / "s", colormaps=["none"], fractions=(0.125, 0.25, 0.5, 1.0), seeds=3, patients=400,
        seed_noise=0.02, effect=learning(doublings),
    )  # fmt: skip
    found = worth(read_study(folder))
    assert found.reach == pytest.approx(8)
    assert low - 1e-9 <= found.times <= high + 1e-9
    assert 1 - 1e-9 <= found.low <= found.times <= found.high <= found.reach + 1e-9
    assert "times the labelled patients" in found.sentence


def test_learning_curves_count_labelled_patients_and_the_full_set_answers(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", fractions=(0.5, 1.0), seeds=2)
    study = read_study(folder)
    pretrained, random = learning_curves(study)
    assert [point.patients for point in pretrained.points] == [50, 100]
    assert (pretrained.start, random.start) == (True, False)
    assert full_fraction(study) == 1.0
    assert primary(Judge(study))[0].figures.trainings == 2


def test_the_worth_of_weights_is_that_of_those_that_rq2_compares(tmp_path: Path) -> None:
    rq2 = {**RULES["rq2"], "level": "file:rad.pth", "with": True}
    folder = write_study(
        tmp_path / "s", colormaps=["none"], pretrained=("file:rad.pth", True), fractions=(0.5, 1.0), seeds=2,
        declared={"rq2": rq2},
    )  # fmt: skip
    found = worth(read_study(folder))
    assert found.sentence.startswith("A start from file:rad.pth instead of pretrained weights is worth ")
    assert [curve.start for curve in learning_curves(read_study(folder))] == ["file:rad.pth", True]


def test_without_a_swept_fraction_there_is_no_curve(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path / "s", seeds=2))
    assert learning_curves(study) == []
    assert worth(study) is None


def test_one_training_gives_no_worth(tmp_path: Path) -> None:
    assert worth(read_study(write_study(tmp_path / "s", fractions=(0.5, 1.0)))) is None


def test_tuned_settings_are_picked_by_validation_alone(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", colormaps=["none"], tuned={"lr": [0.1, 0.01]}, seeds=2, seed_noise=0.0,
        effect=lambda f: 1.0 if f["lr"] == 0.01 else -1.0,
    )  # fmt: skip
    for record in records(folder):  # on the test set the other setting would look better
        record["metrics"]["test/balanced_accuracy"] = 1.0 if record["factors"]["lr"] == 0.1 else 0.5
    study = read_study(folder)
    assert {choice.picked["lr"] for choice in choices(study)} == {0.01}
    assert primary(Judge(study))[0].figures.trainings == 2
    assert len(judge(study).readings["tuned"]) == 2


def test_settings_are_picked_by_the_trainings_of_the_look_alone(tmp_path: Path) -> None:
    """The fourth seed waits for the look at five: it neither picks, nor does its failure."""
    folder = write_study(
        tmp_path / "s", colormaps=["none"], tuned={"lr": [0.1, 0.01]}, seeds=4, seed_noise=0.0,
        effect=lambda f: 1.0 if f["lr"] == 0.01 else 0.0, declared={"looks": [3, 5]},
        failed=[{"lr": 0.01, "seed": 3, "pretrained": False}],
    )  # fmt: skip
    for record in records(folder):
        if record["factors"]["seed"] == 3:
            record["metrics"]["val/balanced_accuracy"] = 100.0 if record["factors"]["lr"] == 0.1 else -100.0
    study = looked_at(read_study(folder))
    assert {cell.status for cell in study.cells if cell.factors["seed"] == 3} == {"waiting", "failed"}
    assert [(choice.picked["lr"], choice.failed) for choice in choices(study)] == [(0.01, 0), (0.01, 0)]


def test_a_longer_budget_beside_the_study_is_read(tmp_path: Path) -> None:
    short = write_study(tmp_path / "short", colormaps=["none"], seeds=3, effect=gain)
    assert "that was not run" in longer_budgets(read_study(short))[0]
    write_study(tmp_path / "long", colormaps=["none"], seeds=3, settings={"trainer": {"max_epochs": 30}})
    write_study(tmp_path / "else", colormaps=["none"], seeds=3, settings={"trainer": {"max_epochs": 30}, "lr": 1.0})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.json").write_text("{")
    first, second = longer_budgets(read_study(short))
    assert first == "This study trains for 3 epochs."
    assert second.startswith("With trainer.max_epochs=30 (study long):")


def test_normalize_arm_beside_the_study_is_read(tmp_path: Path) -> None:
    fixed = write_study(tmp_path / "fixed", seeds=2, settings={"normalize": "fixed"})
    assert other_normalisations(read_study(fixed)) == []
    write_study(tmp_path / "arm", seeds=2, settings={"normalize": "arm"})
    texts = other_normalisations(read_study(fixed))
    assert len(texts) == 3
    assert texts[0].startswith("With normalize=arm")
    assert "does not show that they differ" in texts[-1]  # significance is not compared across studies


def test_settings_are_compared_key_by_key() -> None:
    assert difference({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}}) == ["b.d"]
