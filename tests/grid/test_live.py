"""What a terminal and a log show while a grid runs."""

import io
import json

import pytest
from rich.console import Console
from rich.text import Text

from medxfer.base import display as displays
from medxfer.grid import live
from medxfer.study.cell import Cell
from medxfer.study.folder import Study

FACTORS = {"data": "d", "backbone": "b", "colormap": "none", "pretrained": True, "window": "file", "image_size": 32,
           "train_fraction": 1.0}  # fmt: skip


@pytest.fixture
def cells(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"declared": {"metric": "accuracy"}, "planned": {}}))
    study = Study(tmp_path)
    return [Cell(study, f"c{seed}", {**FACTORS, "seed": seed}) for seed in range(2)]


def grid_on(monkeypatch, terminal: bool) -> tuple[live.LiveGrid, displays.Display, Console]:
    console = Console(file=io.StringIO(), width=100, height=30, force_terminal=terminal, highlight=False)
    for module in (displays, live):
        monkeypatch.setattr(module, "console", console)
    display = displays.Display()
    monkeypatch.setattr(live, "display", display)
    return live.LiveGrid(), display, console


def finish(cell: Cell) -> None:
    cell.folder.mkdir(parents=True)
    record = {
        "factors": cell.factors,
        "metrics": {"val/accuracy": 0.75, "test/accuracy": 0.25},
        "timings": {"total_s": 60.0},
    }
    (cell.folder / "metrics.json").write_text(json.dumps(record))


def test_a_log_gets_a_line_a_cell_with_the_time_left(monkeypatch, cells):
    grid, display, console = grid_on(monkeypatch, terminal=False)
    grid.expect(cells, to_train=2)
    display.step("cell", 1, 2)
    grid.cell_ended(cells[0], live.validated({"val/accuracy": 0.75, "test/accuracy": 0.25}, "accuracy"))
    display.close()
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("1/2 none × pretrained, seed 0: accuracy on validation 0.750, ")
    assert lines[0].endswith(" left")


def test_a_terminal_gets_a_matrix_that_fills_with_results_of_any_process(monkeypatch, cells):
    grid, display, console = grid_on(monkeypatch, terminal=True)
    grid.expect(cells, to_train=2)
    finish(cells[0])
    display.step("cell", 3, 8, "steps, epoch 1 of 2, 640 images/s, 5 s left")
    display.warn("the data has a flaw")
    display.warn("the data has a flaw")
    grid.looked = 0.0
    with console.capture() as captured:
        console.print(display._render())
    display.close()
    text = captured.get()
    for part in ("0.750", "2 cells: 1 done, 1 missing", "about 60 s left", "640 images/s", "3/8"):
        assert part in text
    assert "figures: accuracy on validation images; those of test are in the report alone" in text
    assert "0.250" not in text
    assert text.count("the data has a flaw") == 1


def test_the_matrix_says_which_look_is_next(monkeypatch, cells):
    grid, display, console = grid_on(monkeypatch, terminal=True)
    planned = {cell.name: cell.factors for cell in cells}
    record = {"declared": {"metric": "accuracy", "looks": [2, 3]}, "planned": planned}
    (cells[0].study.folder / "study.json").write_text(json.dumps(record))
    grid.expect(cells, to_train=2)
    with console.capture() as captured:
        console.print(display._render())
    display.close()
    assert "next look at 2 seeds" in captured.get()


def test_warnings_are_not_lost_with_the_picture(monkeypatch, cells):
    grid, display, console = grid_on(monkeypatch, terminal=True)
    grid.expect(cells, to_train=2)
    display.warn("the data has a flaw")
    display.close()
    assert Text.from_ansi(console.file.getvalue()).plain.splitlines()[-1] == "warning: the data has a flaw"


def test_a_failure_stays_on_the_terminal(monkeypatch, cells):
    grid, display, console = grid_on(monkeypatch, terminal=True)
    grid.expect(cells, to_train=2)
    grid.cell_ended(cells[0], "[red]failed:[/] out of memory", went_wrong=True)
    display.close()
    assert "seed 0: failed: out of memory" in Text.from_ansi(console.file.getvalue()).plain
