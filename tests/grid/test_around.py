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


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (
            "sbatch: error: invalid partition specified: gpux\nsbatch: error: Batch job submission failed",
            "Slurm took no job (sbatch: error: invalid partition specified: gpux): run the command again with other",
        ),
        ("a worker was killed", "the workers were lost (a worker was killed); the same command goes on where this"),
    ],
)
def test_what_ended_the_workers_is_said_with_what_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: str, said: str
) -> None:
    grid = begin([Job(small_config(tmp_path), {})], "command")
    capsys.readouterr()
    assert not finish(SimpleNamespace(grid=grid, reported=set(grid.studies)), RuntimeError(lost))  # type: ignore[arg-type]
    found = " ".join(capsys.readouterr().out.split())
    assert said in found
    assert "seed 0: its worker did not come to its end" in found
