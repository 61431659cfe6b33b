"""How far a study is, from nothing but its folder."""

import io
import json
import subprocess
import sys

import pytest
from analysis.synthetic_study import records, write_study
from rich.console import Console

from medxfer.analysis.judge.chosen_epochs import of_arms
from medxfer.analysis.judge.study_reader import read_study
from medxfer.base.errors import MedxferError
from medxfer.grid.matrix import matrix, show_study
from medxfer.study.checkpoints import tell_saved
from medxfer.study.claim import claim, tell
from medxfer.study.last_epochs import Chosen, often_the_last
from medxfer.study.state import count, read_states, seconds_left, status


@pytest.fixture
def study(tmp_path):
    """Twelve cells: nine done, one failed, one running in its fourth epoch, one missing."""
    gone = [{"colormap": "none", "pretrained": True, "seed": 1}, {"colormap": "viridis", "pretrained": True, "seed": 1}]
    failed = [{"colormap": "inferno", "pretrained": False, "seed": 0}]
    folder = write_study(tmp_path / "s", seeds=2, missing=gone, failed=failed)
    (running,) = [state.name for state in read_states(folder) if state.status == "missing" and "none" in state.name]
    cell = folder / "cells" / running
    with claim(cell):
        tell(cell, 3, 4)
        yield folder


def test_every_cell_has_its_status(study):
    found = status(study)
    assert (found["cells"], len(found["done"]), len(found["missing"])) == (12, 9, 1)
    assert [(one["epoch"], one["epochs"]) for one in found["running"]] == [(3, 4)]
    assert [one["reason"] for one in found["failed"]] == ["out of <memory>"]
    assert count(read_states(study)) == {"done": 9, "running": 1, "failed": 1, "missing": 1, "not needed": 0}


def test_time_left_is_that_of_finished_cells(study):
    assert status(study)["seconds_left"] == pytest.approx(13.4 * 1.25)


def test_time_left_is_unknown_before_the_first_cell_is_done(tmp_path):
    folder = write_study(tmp_path / "s", colormaps=["none"], pretrained=[True], missing=[{"seed": 0}])
    assert seconds_left(read_states(folder)) is None


def test_a_finished_study_has_no_time_left(tmp_path):
    assert seconds_left(read_states(write_study(tmp_path / "s", colormaps=["none"]))) == 0


def test_the_terminal_shows_it_as_a_matrix_with_reasons(study):
    text = shown(study)
    assert "figures: balanced accuracy on validation images; those of test are in the report alone" in text
    assert "12 cells: 9 done, 1 running, 1 failed, 1 missing" in text
    assert "3/4" in text
    assert "out of <memory>" in text
    assert "epoch 3 of 4" in text
    assert "about 17 s left" in text


def test_with_looks_it_tells_the_next_one_and_the_time_until_it(tmp_path):
    shape = {"colormaps": ["none", "viridis"], "pretrained": [True], "seeds": 6, "declared": {"looks": [2, 4]}}
    folder = write_study(tmp_path / "s", **shape, missing=[{"seed": seed} for seed in (2, 3, 4, 5)])
    found = status(folder)
    assert found["looks"] == {"declared": (2, 4), "next": 4, "stopped": None}
    assert (len(found["missing"]), len(found["not_needed"])) == (4, 4)  # seeds 4 and 5 are beyond the last look
    assert found["seconds_left"] == pytest.approx(4 * 13.4)
    text = shown(folder)
    assert "next look at 4 seeds; 4 cells not needed (–)" in text
    assert "about 54 s to the next look" in text
    assert "on validation images" in text


def test_the_figures_are_those_of_validation(study):
    records = [json.loads(path.read_text()) for path in sorted(study.glob("cells/*/metrics.json"))]
    found = {state.name: state.score for state in read_states(study) if state.status == "done"}
    assert found == {record["cell"]: record["metrics"]["val/balanced_accuracy"] for record in records}


def test_a_large_grid_shows_what_is_near_its_work(tmp_path):
    missing = [{"colormap": name, "seed": seed} for name in ("m8", "m9") for seed in (5, 6, 7)]
    names = [f"m{number}" for number in range(10)]
    folder = write_study(tmp_path / "s", colormaps=names, pretrained=[True], seeds=8, patients=12, missing=missing)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(matrix(read_states(folder), rows=4, columns=3))
    text = console.export_text()
    assert "m8" in text
    assert "m0" not in text
    assert "and 6 more arms" in text
    assert "and 5 more seeds" in text


def test_the_command_needs_neither_torch_nor_pandas(study):
    code = (
        "import sys; from medxfer.status import main; assert main(sys.argv[1:]) == 0; "
        "print([name for name in ('torch', 'pandas', 'pytorch_lightning') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"study={study}", "json=true"], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["cells"] == 12


def test_a_folder_without_a_study_is_one_sentence(tmp_path):
    with pytest.raises(MedxferError, match="no study is there"):
        status(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_record_is_one_clear_sentence(study, content):
    path = next((study / "cells").glob("*/metrics.json"))
    whole = path.read_text()
    path.write_text(content)
    try:
        with pytest.raises(MedxferError, match=r"metrics\.json is damaged .*; delete it"):
            status(study)
    finally:
        path.write_text(whole)


def test_a_stopped_cell_shows_the_epoch_from_which_it_goes_on(tmp_path):
    gone = {"colormap": "none", "pretrained": True, "seed": 1}
    folder = write_study(tmp_path / "s", colormaps=["none"], seeds=2, missing=[gone])
    (stopped,) = [state.name for state in read_states(folder) if state.status == "missing"]
    whole = seconds_left(read_states(folder))
    tell_saved(folder / "cells" / stopped / "checkpoints", 3, 4)
    found = status(folder)
    assert found["stopped"] == [{"cell": stopped, "epoch": 3, "epochs": 4}]
    assert found["missing"] == [stopped]
    assert found["seconds_left"] == pytest.approx(whole / 4)
    text = shown(folder)
    assert "goes on from epoch 3 of 4" in text
    assert "3/4" in text


def with_chosen(folder, best: int, seeds=(0, 1, 2)):
    """`folder`, a study of a budget of 30 epochs whose cells of these seeds have the best epoch `best`, from 1."""
    for record in records(folder):
        chosen = best if record["factors"]["seed"] in seeds else 3
        record.update({"best_epoch": chosen - 1, "budget_epochs": 30})
    return folder


@pytest.mark.parametrize(("best", "seeds", "said"), [(30, (0, 1), True), (30, (0,), False), (29, (0, 1, 2), False)])
def test_a_finished_study_says_where_more_epochs_may_help(tmp_path, best, seeds, said):
    folder = with_chosen(write_study(tmp_path / "s", colormaps=["none"], pretrained=[True], seeds=3), best, seeds)
    text = " ".join(shown(folder).split())
    sentence = "In most trainings of none × pretrained the best epoch is the last of the budget, so that more epochs"
    assert (sentence in text) == said
    assert often_the_last(of_arms(read_study(folder))) == ("" if not said else text[text.index(sentence) :])


def test_of_several_budgets_the_longest_may_be_too_short():
    early, late, short = Chosen(20, 40), Chosen(40, 40), Chosen(8, 8)
    found = {"none, 8 epochs": [short], "none, 40 epochs": [late], "viridis, 40 epochs": [early]}
    assert often_the_last(found) == (
        "In most trainings of none, 40 epochs the best epoch is the last of the longest budget, so that more epochs "
        "(budget) may help."
    )
    assert often_the_last({"none": [short], "viridis": [late]}).startswith("In most trainings of viridis the")
    assert often_the_last({"none": [early], "viridis": [early]}) == ""
    assert often_the_last({arm: [late] for arm in "abc"}).startswith("In most trainings of every arm the best epoch")
    assert often_the_last({}) == ""


def test_a_running_study_does_not_say_it_yet(tmp_path):
    shape = {"colormaps": ["none", "viridis"], "pretrained": [True], "missing": [{"colormap": "viridis"}]}
    assert "best epoch" not in shown(with_chosen(write_study(tmp_path / "s", **shape), 30))


def shown(folder) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    show_study(folder, console)
    return console.export_text()
