"""Comparisons of study.contrasts: the same statistics, each a family of its own with an answer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_study import write_study

from medxfer.analysis import compare, read_predictions
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.question import Answer
from medxfer.analysis.judge.results_table import results_csv
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.judge.verdict import Verdict, judge
from medxfer.analysis.out.methods import methods
from medxfer.analysis.out.paper import markdown_tables, paper_tables
from medxfer.analysis.page.page import render_page

WINDOW = {"compare": "window", "with": "40/400"}
FINETUNE = {"compare": "finetune", "with": "full"}


def lung(factors: Mapping[str, Any]) -> float:
    return 1.5 if factors["window"] == "lung" else 0.0


def windows(
    folder: Path, *contrasts: Mapping[str, Any], levels: tuple[str, ...] = ("40/400", "lung"), **more: Any
) -> Path:
    return write_study(folder, compared={"window": levels}, declared={"contrasts": list(contrasts)}, **more)


def answer(verdict: Verdict, question: str) -> Answer:
    (found,) = (one for one in verdict.answers if one.question == question)
    return found


def test_a_declared_comparison_has_its_own_answer_after_rq1_and_rq2(tmp_path: Path) -> None:
    within = {"colormap": "none", "pretrained": True}
    folder = windows(tmp_path / "s", {**WINDOW, "within": within}, seeds=3, effect=lung, colormaps=("none", "viridis"))
    verdict = judge(read_study(folder))
    assert [one.question for one in verdict.answers] == ["RQ1", "RQ2", "window"]
    found = answer(verdict, "window")
    assert found.asks == "Does another window than 40/400 improve balanced accuracy (gray, pretrained weights)?"
    assert found.headline.startswith("Yes: window lung +")
    assert " higher with window lung than with window 40/400; " in found.text[0]
    (finding,) = found.findings
    assert finding.contrast == "window lung − 40/400, gray, pretrained weights"
    assert finding.conclusion == "improves by at least the margin"
    assert json.loads(verdict.to_json())["answers"][2]["findings"][0]["subject"] == "window lung"
    assert finding in verdict.primary


def test_its_numbers_are_those_of_compare_on_the_same_scores(tmp_path: Path) -> None:
    """A setting's levels are not moderated by one another, so that both are one analysis."""
    folder = write_study(
        tmp_path / "s", colormaps=["none"], pretrained=[True], compared={"finetune": ["full", "head"]}, seeds=4,
        declared={"metric": "auroc", "contrasts": [FINETUNE]}, effect=lambda f: 0.3 * (f["finetune"] == "head"),
    )  # fmt: skip
    study = read_study(folder)
    (finding,) = answer(judge(study), "finetune").findings
    by_level = {
        level: [read_predictions(cell.folder) for cell in study.done if cell.factors["finetune"] == level]
        for level in ("head", "full")
    }
    scores = np.array([[run.scores[:, 1] for run in runs] for runs in by_level.values()])
    one = by_level["full"][0]
    expected = compare(scores, one.labels, [1, -1], "auroc", one.patients)
    assert finding.figures is not None
    for name in ("estimate", "se", "df", "low", "high", "p"):
        assert getattr(finding.figures, name) == pytest.approx(getattr(expected, name), rel=1e-9), name


def test_levels_of_one_network_moderate_one_another_and_share_a_family(tmp_path: Path) -> None:
    levels = ("40/400", "lung", "bone", "brain")
    folder = windows(tmp_path / "s", WINDOW, levels=levels, seeds=3, colormaps=["none"], pretrained=[True])
    found = answer(judge(read_study(folder)), "window").findings
    assert [finding.subject for finding in found] == ["window lung", "window bone", "window brain"]
    for finding in found:
        assert finding.figures.contrasts == 3
        assert finding.figures.df_trainings is not None
        assert finding.figures.df_trainings > 2  # those of two arms alone
        assert finding.figures.p_adjusted >= finding.figures.p


def test_without_within_every_other_combination_repeats_it(tmp_path: Path) -> None:
    folder = windows(tmp_path / "s", WINDOW, seeds=2, data=("a_ct", "b_ct"), colormaps=("none", "viridis"))
    study = Judge(read_study(folder))
    (contrast,) = (c for c in study.contrasts if c.question == "window")
    blocks = study.blocks_of(contrast)
    assert len(blocks) == 2 * 2 * 2  # data sets, colormaps, weights
    assert all({contrast.key(cell) for cell in cells} == {"40/400", "lung"} for cells in blocks.values())
    (finding,) = study.family("window", "primary")
    assert finding.figures.datasets == ("a_ct", "b_ct")


def test_the_other_questions_average_over_a_compared_setting(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", compared={"finetune": ["full", "head"]}, seeds=2, declared={"contrasts": [FINETUNE]},
        effect=lambda f: 0.8 * (f["finetune"] == "head"),
    )  # fmt: skip
    verdict = judge(read_study(folder))
    assert {one.block[4] for one in verdict.arms} == {"finetune=full", "finetune=head"}
    (finding,) = answer(verdict, "RQ2").findings
    assert finding.figures.unused == 0
    assert "By finetune" in [family.title for family in verdict.tables]
    header, first, *_ = results_csv(read_study(folder)).splitlines()
    assert "seed,finetune,test/" in header
    assert ",full," in first


def test_image_sizes_and_training_fractions_are_compared_too(tmp_path: Path) -> None:
    contrasts = [{"compare": "image_size", "with": 64}, {"compare": "train_fraction", "with": 1.0}]
    folder = write_study(
        tmp_path / "s", compared={"image_size": [64, 128]}, fractions=(0.5, 1.0), colormaps=["none"], seeds=2,
        declared={"contrasts": contrasts}, effect=lambda f: f["train_fraction"],
    )  # fmt: skip
    verdict = judge(read_study(folder))
    (size,) = answer(verdict, "image_size").findings
    (fraction,) = answer(verdict, "train_fraction").findings
    assert size.contrast == "128 px − 64 px"
    assert fraction.contrast == "50 % of training − 100 % of training"
    assert size.figures is not None
    assert fraction.figures is not None


def test_weights_are_compared_within_a_colormap(tmp_path: Path) -> None:
    own = {"compare": "pretrained", "with": True, "within": {"colormap": "viridis"}}
    folder = write_study(tmp_path / "s", pretrained=(True, "file:a.pth"), declared={"contrasts": [own]}, seeds=2)
    found = answer(judge(read_study(folder)), "pretrained")
    assert found.asks == "Do other weights than pretrained improve balanced accuracy (viridis)?"
    assert "file:a.pth weights" in found.text[0]
    assert "ImageNet-1k weights" in found.text[0]


def test_an_unfinished_level_makes_its_own_answer_incomplete_alone(tmp_path: Path) -> None:
    folder = windows(
        tmp_path / "s", {**WINDOW, "within": {"colormap": "viridis"}}, seeds=2,
        failed=[{"window": "lung", "colormap": "viridis", "seed": 1, "pretrained": True}],
    )  # fmt: skip
    verdict = judge(read_study(folder))
    assert answer(verdict, "window").findings[0].conclusion == "incomplete"
    assert "window lung: 1 of 4 trainings failed" in answer(verdict, "window").headline
    assert answer(verdict, "RQ2").findings[0].conclusion != "incomplete"


@pytest.mark.parametrize("levels", [("40/400",), ("lung", "bone")])
def test_a_comparison_without_its_levels_says_what_it_takes(tmp_path: Path, levels: tuple[str, ...]) -> None:
    folder = windows(tmp_path / "s", {**WINDOW, "within": {"pretrained": False}}, levels=levels)
    found = answer(judge(read_study(folder)), "window")
    assert found.headline == "Not asked by this study."
    assert found.text[0] == "It takes window 40/400 and at least one other window (random weights)."
    assert "with window=40/400,… pretrained=false seed=" in found.text[1]


def test_tables_and_methods_hold_it_as_a_primary_contrast(tmp_path: Path) -> None:
    folder = windows(tmp_path / "s", WINDOW, seeds=2, colormaps=["none"])
    study = read_study(folder)
    verdict = judge(study)
    tables = {table.label: table for table in paper_tables(study, verdict)}
    assert ("window", "window lung − 40/400") in [row[:2] for row in tables["primary"].rows]
    assert "window lung" in markdown_tables(list(tables.values()))
    assert "Window lung was compared with window 40/400." in methods(study, verdict)[0]


def test_the_page_shows_its_answer_and_its_interval(tmp_path: Path) -> None:
    folder = windows(tmp_path / "s", {**WINDOW, "within": {"colormap": "none"}}, seeds=2, colormaps=("none", "viridis"))
    study = read_study(folder)
    page = render_page(study, judge(study))
    assert '<h2 id="window"><b>window</b>Does another window than 40/400 improve balanced accuracy (gray)?</h2>' in page
    assert page.count('<span class="name">window lung − 40/400, gray</span>') == 1
    assert "phantom_dx · window lung" in page
