"""Declared looks: which trainings speak, what is spent and kept, when a grid may stop; and undeclared looks."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_study import write_study

from medxfer.analysis import Verdict, answer, next_look, read_study
from medxfer.analysis.judge.looking import looked_at
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.stats.looks import next_boundary
from medxfer.base.errors import MedxferError

LOOKS = (3, 5, 10)
VIRIDIS = "RQ1 viridis − none, pretrained"


def study(
    root: Path,
    seeds: int,
    effect: float = 0.0,
    looks: tuple[int, ...] = LOOKS,
    before: Path | None = None,
    planned: int = 10,
    **changed: Any,
) -> Path:
    """A study of two colormaps with `seeds` of its `planned` seeds finished; `before` is itself, moved and grown."""
    folder = root / f"seeds{seeds}-{len(list(root.iterdir()))}"
    missing = [{"seed": seed} for seed in range(seeds, planned)]
    write_study(
        folder,
        effect=lambda factors: effect * (factors["colormap"] == "viridis"),
        declared={"looks": list(looks), "metric": "auroc"},
        **{"seeds": planned, "missing": missing, "colormaps": ("none", "viridis"), "patients": 40} | changed,
    )
    if before is not None and (before / "looks.json").exists():
        shutil.copy(before / "looks.json", folder)
    return folder


def judged(folder: Path) -> Verdict:
    return judge(read_study(folder))


def recorded(folder: Path) -> Mapping[str, list[dict[str, Any]]]:
    return json.loads((folder / "looks.json").read_text())["declared"]


def test_before_the_first_look_no_test_result_is_used_or_shown(tmp_path: Path) -> None:
    folder = study(tmp_path, 2)
    verdict = answer(folder)
    assert [one.headline for one in verdict.answers] == ["Not looked at yet: the first look is at 3 seeds."] * 2
    assert {finding.conclusion for finding in verdict.primary} == {"before the first look"}
    assert not verdict.arms
    assert not verdict.tables
    assert verdict.cells == {"planned": 40, "done": 0, "failed": 0, "missing": 32, "waiting": 8}
    assert not verdict.complete
    table = pd.read_csv(folder / "results.csv")
    assert not [name for name in table if name.startswith("test/")]
    page = (folder / "report.html").read_text()
    cells = [json.loads(path.read_text())["metrics"] for path in folder.glob("cells/*/metrics.json")]
    assert len(cells) == 8
    for metrics in cells:
        assert f"{metrics['test/auroc']:.3f}" not in page
    assert "Means in points on validation images" in page
    mean = np.mean([m["val/auroc"] for m, p in zip(cells, folder.glob("cells/*/metrics.json"), strict=True)
                    if "none_True" in p.parent.name])  # fmt: skip
    assert f"{100 * mean:.1f}" in page
    assert not (folder / "looks.json").exists()


def test_a_look_uses_its_seeds_alone(tmp_path: Path) -> None:
    three, four = judged(study(tmp_path, 3, 0.3)), judged(study(tmp_path, 4, 0.3))
    assert [f.figures for f in three.primary] == [f.figures for f in four.primary]
    assert {f.figures.trainings for f in four.primary if f.figures} == {3}
    assert any(
        "4 finished trainings: test results are neither used nor shown until the look at 5" in n for n in four.notices
    )
    assert four.scope.count("from 3 trainings an arm and 40 test patients, at look 1 of 3.") == 1
    table = answer(study(tmp_path, 4)).cells
    assert (table["done"], table["waiting"]) == (12, 4)


def test_figures_of_a_look_hold_at_all_looks(tmp_path: Path) -> None:
    look = judged(study(tmp_path, 3, 0.6)).primary[0].figures
    alone = judged(study(tmp_path, 3, 0.6, ())).primary[0].figures
    assert look.estimate == alone.estimate
    assert look.low < alone.low < alone.high < look.high
    assert look.p_adjusted > alone.p_adjusted
    assert look.level == pytest.approx(1 - look.look.nominal)
    assert look.look.nominal < 0.04


def test_yes_is_never_said_by_the_level_of_one_look(tmp_path: Path) -> None:
    said = set()
    for effect in (0.2, 0.4, 0.6, 1.6, 2.8):
        for finding, alone in zip(
            judged(study(tmp_path, 3, effect)).primary, judged(study(tmp_path, 3, effect, ())).primary, strict=True
        ):
            reached = alone.figures.p_adjusted < finding.figures.look.nominal
            assert finding.conclusion.startswith(("improves", "harms", "significant")) == reached
            said.add((reached, alone.figures.p_adjusted < 0.05))
    assert said == {(True, True), (False, True), (False, False)}  # the second is what looks are for


def test_sentences_name_the_look(tmp_path: Path) -> None:
    finding = judged(study(tmp_path, 5, 0.1)).primary[0]
    assert "95 % interval of look 2 of 3: " in finding.sentence
    assert "adjusted p" in finding.sentence


def test_a_look_is_recorded_once_and_moves_with_the_study(tmp_path: Path) -> None:
    first = study(tmp_path, 3, 0.1)
    answer(first)
    known = recorded(first)[VIRIDIS]
    assert [one["seeds"] for one in known] == [3]
    answer(first)
    assert recorded(first)[VIRIDIS] == known
    second = study(tmp_path, 5, 0.1, before=first)
    answer(second)
    assert recorded(second)[VIRIDIS][:1] == known
    assert [one["seeds"] for one in recorded(second)[VIRIDIS]] == [3, 5]


def test_later_looks_follow_from_what_was_used(tmp_path: Path) -> None:
    first = study(tmp_path, 3, 0.1)
    answer(first)
    content = json.loads((first / "looks.json").read_text())
    content["declared"][VIRIDIS][0]["z"] = 3.5  # as an earlier version might have used
    (first / "looks.json").write_text(json.dumps(content))
    second = study(tmp_path, 5, 0.1, before=first)
    answer(second)
    look = recorded(second)[VIRIDIS][1]
    expected = next_boundary(np.array([look["information"]]), np.array([[3.5]]), np.array([look["spent"]]))
    assert look["z"] == pytest.approx(float(expected[0]))
    assert recorded(second)[VIRIDIS][0]["z"] == 3.5


def test_a_look_that_nobody_took_spends_nothing(tmp_path: Path) -> None:
    folder = study(tmp_path, 5, 0.1)
    answer(folder)
    (look,) = recorded(folder)[VIRIDIS]
    assert len(look["information"]) == 1


def test_what_an_earlier_look_found_stays_found(tmp_path: Path) -> None:
    first = study(tmp_path, 3, 0.1)
    answer(first)
    content = json.loads((first / "looks.json").read_text())
    sign = np.sign(judged(study(tmp_path, 5, 0.1)).primary[0].figures.estimate)  # type: ignore[union-attr]
    content["declared"][VIRIDIS][0] |= {"p": 0.02, "estimate": 0.01 * sign}
    (first / "looks.json").write_text(json.dumps(content))
    finding = judged(study(tmp_path, 5, 0.1, before=first)).primary[0]
    assert finding.figures.p_adjusted == 0.02
    assert finding.figures.look.decided_before == 3
    assert any("3 seeds" in note for note in finding.notes)
    content["declared"][VIRIDIS][0] |= {"estimate": -0.01 * sign}  # it pointed the other way
    (first / "looks.json").write_text(json.dumps(content))
    other = judged(study(tmp_path, 5, 0.1, before=first)).primary[0]
    assert other.figures.p_adjusted > 0.05


def test_a_failed_training_holds_its_own_contrast_back(tmp_path: Path) -> None:
    failed = [{"colormap": "inferno", "pretrained": True, "seed": 1}]
    folder = study(tmp_path, 5, 3.0, failed=failed, colormaps=("none", "viridis", "inferno"))
    verdict = judged(folder)
    viridis, inferno, weights = verdict.primary
    assert viridis.figures.trainings == 5
    assert viridis.figures.contrasts == 2
    assert inferno.conclusion == "before the first look"
    assert inferno.figures is None
    assert weights.figures is not None
    assert "not looked at yet: inferno" in verdict.answers[0].headline
    assert "inferno" in next_look(folder).reason


def test_more_data_sets_wait_for_each_other(tmp_path: Path) -> None:
    missing = [{"seed": s} for s in range(5, 10)] + [{"data": "ct", "seed": s} for s in (3, 4)]
    verdict = judged(study(tmp_path, 5, data=("dx", "ct"), missing=missing))
    assert {f.figures.trainings for f in verdict.primary if f.figures} == {3}
    assert {cell.status for cell in looked_at(read_study(study(tmp_path, 2))).cells} == {"waiting", "missing"}


def test_a_grid_stops_when_all_is_decided(tmp_path: Path) -> None:
    folder = study(tmp_path, 3, 8.0, pretrained=(True,))
    look = next_look(folder)
    assert (look.seeds, look.decided, look.hopeless, look.stop) == (5, True, False, True)
    assert look.reason == "Look 1 of 3 (3 seeds): every primary question is decided."
    assert [one["decided"] for one in recorded(folder)[VIRIDIS]] == [True]
    verdict = judged(folder)
    assert verdict.complete
    assert not [notice for notice in verdict.notices if notice.startswith("Incomplete")]


def test_a_grid_goes_on_while_it_may_be_decided(tmp_path: Path) -> None:
    look = next_look(study(tmp_path, 3, 0.25, pretrained=(True,)))
    assert (look.seeds, look.stop) == (5, False)
    assert look.reason == "Look 1 of 3 (3 seeds): not decided are RQ1 (viridis); the next look is at 5 seeds."
    early = next_look(study(tmp_path, 2, pretrained=(True,)))
    assert (early.seeds, early.stop) == (3, False)
    assert early.reason == "No look is taken yet: the next look is at 3 seeds."


def test_a_grid_stops_when_more_seeds_cannot_decide(tmp_path: Path) -> None:
    """What is left of the interval is from patients, and the estimate lies far inside it and above the margin."""
    folder = write_study(
        tmp_path / "study",
        seeds=5,
        effect=lambda factors: 0.3 * (factors["colormap"] != "none") + 1.5 * (factors["pretrained"] is True),
        declared={"looks": [3, 5, 10], "metric": "auroc"},
    )
    look = next_look(folder)
    assert (look.seeds, look.decided, look.hopeless, look.stop) == (10, False, True, True)
    assert "cannot decide what is open, RQ2: the chance that 10 seeds decide RQ2 is below 5 %." in look.reason
    assert look.reason in judged(folder).notices


def test_the_last_look_is_the_last(tmp_path: Path) -> None:
    look = next_look(study(tmp_path, 10, 0.1, pretrained=(True,)))
    assert look.seeds is None
    assert look.stop
    assert next_look(study(tmp_path, 5, looks=())).seeds is None
    twelve = study(tmp_path, 10, looks=(3, 5))
    assert {f.figures.trainings for f in judged(twelve).primary if f.figures} == {5}


def test_a_damaged_record_is_refused_and_not_forgotten(tmp_path: Path) -> None:
    folder = study(tmp_path, 3)
    (folder / "looks.json").write_text('{"declared": {"RQ1 x": [{"z": 1}]}, "undeclared": {}}')
    with pytest.raises(MedxferError, match="put a copy of it back"):
        answer(folder)


def test_seeds_added_to_a_reported_study_are_an_undeclared_look(tmp_path: Path) -> None:
    first = study(tmp_path, 3, looks=(), planned=3)
    verdict = answer(first)
    assert not verdict.looks.undeclared
    assert not answer(first).looks.undeclared  # the same results again
    second = study(tmp_path, 5, looks=(), planned=5, before=first)
    verdict = answer(second)
    assert verdict.looks.undeclared == (3, 5)
    assert verdict.looks.error == pytest.approx(0.083, abs=0.0005)
    (notice,) = [text for text in verdict.notices if text.startswith("Looks that were not declared")]
    assert "reported at 3 and 5 seeds" in notice
    assert "in about 8 % of studies, not in 5 %" in notice
    assert "study.looks=[3,5]" in notice
    assert "with 3 and 5 seeds; these looks were not declared" in (second / "methods.md").read_text()
    assert json.loads((second / "verdict.json").read_text())["looks"]["undeclared"] == [3, 5]
    assert notice in (second / "report.html").read_text().replace("\u00a0", " ")


def test_a_partial_report_is_a_look_too(tmp_path: Path) -> None:
    """It shows estimates and p values of the trainings that every arm has."""
    first = study(tmp_path, 3, looks=())
    answer(first)
    second = study(tmp_path, 5, looks=(), before=first)
    assert answer(second).looks.undeclared == (3, 5)
    one = study(tmp_path, 1, looks=())
    answer(one)
    assert not answer(study(tmp_path, 3, looks=(), before=one)).looks.undeclared  # one training says no p


def test_the_page_and_the_methods_say_what_was_spent(tmp_path: Path) -> None:
    first = study(tmp_path, 3, 0.1)
    answer(first)
    second = study(tmp_path, 5, 0.1, before=first)
    answer(second)
    page = (second / "report.html").read_text().replace("\u00a0", " ")
    assert 'id="looks"' in page
    for one in recorded(second)[VIRIDIS]:
        assert f"{100 * one['spent']:.2f} %" in page
    methods = (second / "methods.md").read_text()
    assert "Looks at the results were declared after 3, 5 and 10 seeds; it was looked at with 3 and 5." in methods
    assert "Lan KKG, DeMets DL" in methods
    assert "hold at all declared looks together" in (second / "table.md").read_text().lower().replace("they ", "")


def test_no_look_foretells_an_interval_wider_than_its_own(tmp_path: Path) -> None:
    found = [f.figures for effect in (0.0, 0.3) for f in judged(study(tmp_path, 3, effect)).primary]
    assert any(f is not None and f.expected for f in found)
    for f in found:
        assert f is None or all(e.half_width < (f.high - f.low) / 2 for e in f.expected)
