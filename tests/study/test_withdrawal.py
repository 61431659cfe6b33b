"""A mistyped arm leaves the plan, with a reason that stays; nothing that has a result does."""

import io
import json
from pathlib import Path

import pytest
from analysis.synthetic_study import write_study
from rich.console import Console

from medxfer.analysis import read_study
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.provenance import Facts, provenance
from medxfer.analysis.judge.results_table import results_table
from medxfer.base.errors import MedxferError
from medxfer.grid.matrix import show_study
from medxfer.status import main
from medxfer.study.claim import claim
from medxfer.study.folder import Study
from medxfer.study.state import read_states, status
from medxfer.study.withdrawal import withdraw

SLIP = {"colormap": "viridsi"}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Gray and viridis are done; the mistyped arm has failed with seed 0 and is missing with seed 1."""
    return write_study(tmp_path / "s", colormaps=["none", "viridis", "viridsi"], pretrained=[True], seeds=2,
                       failed=[{**SLIP, "seed": 0}], missing=[{**SLIP, "seed": 1}])  # fmt: skip


def test_a_withdrawn_arm_leaves_the_answer_and_stays_on_record(study: Path) -> None:
    assert len(Judge(read_study(study)).family("RQ1", "primary")) == 2
    before = json.loads((study / "study.json").read_text())
    assert main([f"study={study}", "withdraw=colormap=viridsi", "reason=mistyped  viridis"]) == 0
    record = read_study(study)
    (finding,) = Judge(record).family("RQ1", "primary")
    assert finding.subject == "viridis"
    assert finding.conclusion != "incomplete"
    assert not record.unfinished
    assert set(results_table(record)["colormap"]) == {"none", "viridis"}
    ((what, reason),) = record.withdrawn
    assert what.startswith("colormap=viridsi: 2 cells, on 20")
    assert what.endswith(", when 4 cells had a result")
    assert reason == "mistyped viridis"
    assert Facts("Withdrawn", text=(f"{what}: {reason}",)) in provenance(record)
    after = json.loads((study / "study.json").read_text())
    assert len(after.pop("withdrawn")) == 1
    assert after == before  # nothing is deleted, and the study is the same


def test_status_shows_what_was_withdrawn_and_why(study: Path) -> None:
    withdraw(study, "colormap=viridsi", "mistyped [viridis]")
    console = Console(width=100, record=True, file=io.StringIO())
    show_study(study, console)
    text = console.export_text()
    assert "4 cells: 4 done" in text
    assert "withdrawn colormap=viridsi (2 cells): mistyped [viridis]" in text
    found = status(study)
    assert (found["cells"], found["failed"], found["missing"]) == (4, [], [])
    assert [(one["what"], len(one["cells"])) for one in found["withdrawn"]] == [("colormap=viridsi", 2)]


def test_the_command_that_trains_it_plans_it_again(study: Path) -> None:
    withdraw(study, "colormap=viridsi", "not now")
    planned = Study(study).record["planned"]
    again = {name: factors for name, factors in planned.items() if factors["colormap"] == "viridsi"}
    Study(study).plan(again, "command")
    assert len(read_states(study)) == 6
    assert read_study(study).withdrawn == ()
    assert len(Study(study).record["withdrawn"]) == 1
    withdraw(study, "colormap=viridsi,pretrained=true", "not now either")
    assert len(read_states(study)) == 4
    assert [reason for _, reason in read_study(study).withdrawn] == ["not now either"]


def test_a_cell_that_was_trained_all_the_same_counts(study: Path) -> None:
    """A command that was running when its arm was withdrawn ends its cells."""
    (late,) = [state.name for state in read_states(study) if state.status == "missing"]
    withdraw(study, "colormap=viridsi", "mistyped")
    other = next((study / "cells").glob("*viridis*/metrics.json"))
    (study / "cells" / late).mkdir()
    (study / "cells" / late / "metrics.json").write_text(other.read_text())
    assert late in [cell.name for cell in read_study(study).done]
    assert late in status(study)["done"]


@pytest.mark.parametrize(
    ("asked", "reason", "why"),
    [
        ("colormap=viridis", "bad", "2 cells of these arms ended with a result .* a result is not taken out"),
        ("colormap=viridsi,seed=0", "failed", "an arm is withdrawn with all of its seeds"),
        ("seed=1", "too long", "4 cells of these arms ended with a result"),
        ("colormap=inferno", "?", "unknown colormap 'inferno': .*this study has none, viridis, viridsi"),
        ("colour=viridsi", "?", "unknown factor 'colour': .*withdraw= takes factors of this study"),
        ("colormap=viridsi,seed=7", "?", "unknown seed '7'"),
        ("colormap=viridsi", " ", "say why"),
    ],
)
def test_what_an_answer_needs_is_not_withdrawn(study: Path, asked: str, reason: str, why: str) -> None:
    before = (study / "study.json").read_bytes()
    with pytest.raises(MedxferError, match=why):
        withdraw(study, asked, reason)
    assert (study / "study.json").read_bytes() == before


def test_a_cell_that_is_being_trained_is_not_withdrawn(study: Path) -> None:
    (late,) = [state.name for state in read_states(study) if state.status == "missing"]
    with claim(study / "cells" / late), pytest.raises(MedxferError, match="is being trained; stop its command first"):
        withdraw(study, "colormap=viridsi", "mistyped")


def test_before_the_first_result_a_seed_can_be_withdrawn_in_all_arms(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, missing=[{}])
    with pytest.raises(MedxferError, match="an arm is withdrawn with all of its seeds"):
        withdraw(folder, "seed=1,colormap=none", "?")
    assert withdraw(folder, "seed=1", "mistyped") == 6
    assert len(read_states(folder)) == 6
    withdraw(folder, "seed=0", "all of it")
    show_study(folder, Console(file=io.StringIO()))
    with pytest.raises(MedxferError, match="has no cells"):
        read_study(folder)


def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"], pretrained=[True], fractions=[0.1, 1.0],
                         missing=[{"train_fraction": 0.1}], tuned={"lr": [1e-3]})  # fmt: skip
    assert withdraw(folder, "train_fraction=.1,lr=1e-3", "too few patients") == 1


def test_a_reason_without_its_cells_is_refused(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"study={study}", "reason=mistyped"]) == 1
    assert "reason= goes with withdraw=" in capsys.readouterr().err
