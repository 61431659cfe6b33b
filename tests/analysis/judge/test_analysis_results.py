import json
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import records, write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.caveats import caveats
from medxfer.analysis.judge.results_table import results_csv, results_table
from medxfer.analysis.judge.scores import stack
from medxfer.analysis.judge.verdict import judge
from medxfer.base.errors import MedxferError
from medxfer.study.identity import FACTORS


def test_every_planned_cell_has_a_row(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s",
        seeds=2,
        failed=[{"colormap": "viridis", "seed": 1}],
        missing=[{"colormap": "inferno"}],
    )
    table = results_table(read_study(folder))
    assert len(table) == 12
    assert table["status"].value_counts().to_dict() == {"done": 6, "missing": 4, "failed": 2}
    assert list(table.columns[: len(FACTORS)]) == list(FACTORS)
    assert table.loc[table["status"] != "done", "test/accuracy"].isna().all()
    assert table.loc[table["status"] == "done", "test/accuracy"].notna().all()


def test_gray_and_pretrained_come_first_and_colormaps_as_asked(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("viridis", "inferno", "none"), pretrained=(False, True))
    table = results_table(read_study(folder))
    assert list(table["colormap"]) == ["none", "none", "viridis", "viridis", "inferno", "inferno"]
    assert list(table["pretrained"]) == ["true", "false"] * 3


def test_results_csv_is_the_same_for_identical_runs(tmp_path: Path) -> None:
    first, second = (write_study(tmp_path / name, seeds=2) for name in ("a", "b"))
    for record in records(second):
        record.update({"timings": {"total_s": 99.0}, "machine": {"cpu": "other"}})
    assert results_csv(read_study(first)) == results_csv(read_study(second))


def test_results_csv_can_be_read_back(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", tuned={"lr": [1e-3, 1e-4]})
    frame = pd.read_csv(StringIO(results_csv(read_study(folder))), keep_default_na=False)
    assert set(frame["colormap"]) == {"none", "viridis", "inferno"}
    assert frame["pretrained"].dtype == bool
    assert sorted(frame["lr"].unique()) == [1e-4, 1e-3]


def test_each_training_has_the_threshold_that_its_study_declared(tmp_path: Path) -> None:
    chosen = write_study(tmp_path / "new", seeds=2, colormaps=["none"], pretrained=[True],
                         declared={"threshold": "validation"})  # fmt: skip
    old = write_study(tmp_path / "old", seeds=2, colormaps=["none"], pretrained=[True])
    for folder in (chosen, old):
        for record in records(folder):
            record["threshold"] = [0.3, None][record["factors"]["seed"]]
    assert [cell.threshold for cell in read_study(chosen).cells] == [0.3, 0.5]
    assert [cell.threshold for cell in read_study(old).cells] == [0.5, 0.5]
    scores = stack(read_study(chosen).cells, [("none", True)], lambda cell: cell.arm)
    assert scores.thresholds.tolist() == [[0.3, 0.5]]


def test_data_sets_of_one_content_are_named(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", data=("a", "b", "c"), colormaps=["none"])
    assert read_study(folder).same_files == ()
    for record in records(folder, "[ab]_*"):
        record["data"]["fingerprint"] = "one"
    assert read_study(folder).same_files == (("a", "b"),)
    assert caveats(read_study(folder))[0].startswith(
        "a and b are the same files and labels, so that their patients are the same people: comparisons over data sets "
        "use a alone"
    )


def test_patients_under_two_names_are_used_once(tmp_path: Path) -> None:
    """By the older name if it has the arms, else by the other; and one data set says nothing of heterogeneity."""
    folder = write_study(tmp_path / "s", data=("a", "b"), seeds=3, missing=[{"data": "a", "colormap": "inferno"}])
    plan = json.loads((folder / "study.json").read_text())
    plan["planned"] = {n: f for n, f in plan["planned"].items() if (f["data"], f["colormap"]) != ("a", "inferno")}
    (folder / "study.json").write_text(json.dumps(plan))
    apart = judge(read_study(folder))
    assert [f.figures.patients for f in apart.primary if f.figures] == [120, 60, 120]
    for record in records(folder):
        record["data"]["fingerprint"] = "one"
    same = judge(read_study(folder))
    assert [(f.subject, f.figures.datasets, f.figures.patients) for f in same.primary if f.figures] == [
        ("viridis", ("a",), 60),
        ("inferno", ("b",), 60),
        ("pretrained", ("a",), 60),
    ]
    (by_data,) = (family for family in same.tables if family.title == "By data set")
    assert {f.figures.patients for f in by_data.findings if f.figures} == {60}
    assert "I²" not in by_data.note
    assert "I²" in next(family for family in apart.tables if family.title == "By data set").note


def test_an_undefined_metric_is_an_empty_field(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"], pretrained=[True])
    for record in records(folder):
        record["metrics"]["test/auroc"] = None
    assert results_table(read_study(folder))["test/auroc"].isna().all()


def test_cells_that_were_never_planned_count_too(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    plan = json.loads((folder / "study.json").read_text())
    plan["planned"].popitem()
    (folder / "study.json").write_text(json.dumps(plan))
    assert len(read_study(folder).done) == 6


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_folder_without_a_study_is_one_clear_sentence(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "study.json").write_text(content)
    with pytest.raises(MedxferError, match=r"study\.json(: .*study=| is damaged .*; delete it)"):
        read_study(tmp_path)


def test_a_study_that_declares_no_contrasts_is_not_judged(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", declared={"rq2": None})
    with pytest.raises(MedxferError, match=r"study\.json declares: study\.rq2=None"):
        read_study(folder)


def test_a_study_without_cells_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(json.dumps({"name": "x", "planned": {}}))
    with pytest.raises(MedxferError, match=r"no cells.*medxfer\.train"):
        read_study(tmp_path)
