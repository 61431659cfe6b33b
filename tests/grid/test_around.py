"""What a grid says at its end of the cells that are not done."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from cells import small_config

from medxfer.base.errors import MedxferError
from medxfer.grid.around import begin, finish
from medxfer.grid.jobs import Job


def test_cells_that_are_not_done_are_one_line_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of four seeds two diverged and two were not trained."""
    grid = begin([Job(small_config(tmp_path, "study.name=s", f"seed={seed}"), {}) for seed in range(4)], "command")
    for cell in grid.cells[:2]:
        cell.record_failed(MedxferError("the loss is not finite"))
    capsys.readouterr()
    assert not finish(SimpleNamespace(grid=grid, reported=set(grid.studies)))  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert said.count("not done: ") == 2
    assert "seed 0 and 1 more: the loss is not finite" in said
    assert "seed 2 and 1 more: another process trains it, it was stopped, or it could not be recorded" in said
