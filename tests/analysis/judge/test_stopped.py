"""A study that its looks stopped: what was not trained for that makes nothing incomplete, and the page says why."""

from synthetic_study import write_study

from medxfer.analysis.judge.results_table import results_table
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.judge.verdict import judge
from medxfer.study.folder import Study


def stopped_study(folder, **more):
    shape = {"colormaps": ("none", "viridis"), "pretrained": [True], "seeds": 5, "declared": {"looks": [3, 5]}}
    study = write_study(folder / "s", **shape, missing=[{"seed": 3}, {"seed": 4}], **more)
    Study(study).stop(3, True, "Every question is decided.")
    return study


def test_cells_beyond_the_stop_are_not_missing_and_the_notice_says_why(tmp_path):
    verdict = judge(read_study(stopped_study(tmp_path)))
    assert verdict.complete
    assert verdict.cells == {"planned": 6, "done": 6, "failed": 0, "missing": 0, "waiting": 0}
    (notice,) = [text for text in verdict.notices if text.startswith("Stopped")]
    assert "at the look at 3 seeds, on 20" in notice
    assert notice.endswith("Every question is decided. 4 planned trainings were not needed.")
    assert not [text for text in verdict.notices if text.startswith("Incomplete")]


def test_a_failed_cell_before_the_stop_still_makes_it_incomplete(tmp_path):
    records = read_study(stopped_study(tmp_path, failed=[{"colormap": "viridis", "seed": 1}]))
    assert [(cell.factors["seed"], cell.status) for cell in records.unfinished] == [(1, "failed")]


def test_the_table_has_no_row_for_what_was_not_needed(tmp_path):
    assert sorted(set(results_table(read_study(stopped_study(tmp_path)))["seed"])) == [0, 1, 2]


def test_seeds_added_after_the_stop_are_said_and_count(tmp_path):
    study = Study(stopped_study(tmp_path))
    some = dict(list(study.record["planned"].items())[:1])
    study.plan({f"new{seed}": {**factors, "seed": 9} for seed, factors in enumerate(some.values())}, "command")
    verdict = judge(read_study(study.folder))
    assert [text for text in verdict.notices if text.startswith("1 training was asked for after that")]
    assert verdict.cells["missing"] == 1
