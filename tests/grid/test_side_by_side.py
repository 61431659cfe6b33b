"""How many cells at once are fastest here: measured by training them, and said in the plan of a long grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cells import small_config

from medxfer.grid import side_by_side
from medxfer.grid.pace import Pace
from medxfer.grid.side_by_side import AtOnce, fastest, measure_side_by_side


@pytest.mark.parametrize(
    ("images", "cells"),
    [([100], 1), ([100, 105], 1), ([100, 150, 160], 2), ([100, 150, 230, 180], 4), ([100, 180, 300, 320], 4)],
)
def test_the_fewest_cells_that_are_nearly_fastest(images: list[float], cells: int) -> None:
    found = [AtOnce(2**n, speed) for n, speed in enumerate(images)]
    assert fastest(found).cells == cells


@dataclass
class Worker:
    """A process whose speed is known; the fifth has no memory."""

    config: str
    number = 0

    def __post_init__(self) -> None:
        Worker.number += 1
        self.place = Worker.number

    def ready(self) -> None:
        if self.place > 4:
            raise EOFError

    def order(self, seconds: float, threads: int) -> None:
        self.threads = threads

    def images_a_second(self) -> float:
        return 10.0 * self.threads

    def end(self) -> None:
        Worker.number -= 1


@pytest.mark.parametrize(("cores", "found"), [(2, [20, 20]), (16, [160, 160]), (1, [10, 20, 40])])
def test_it_ends_with_the_first_number_that_is_no_gain_or_has_no_memory(
    cores: int, found: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(side_by_side, "_Worker", Worker)
    monkeypatch.setattr(side_by_side.joblib, "cpu_count", lambda: cores)
    measured = list(measure_side_by_side(small_config(tmp_path), 8))
    assert [one.images for one in measured] == found
    assert Worker.number == 0


class Missing:
    """A job whose configuration is never looked at."""

    def config(self) -> None:
        return None


def said(monkeypatch: pytest.MonkeyPatch, found: list[AtOnce], cells: int, seconds: float, devices: int) -> str | None:
    asked: list[int] = []
    monkeypatch.setattr(side_by_side, "measure_side_by_side", lambda _, most: asked.append(most) or found)
    monkeypatch.setattr(side_by_side.joblib, "cpu_count", lambda: 8)
    missing: Any = [(Missing(), None)] * cells
    text = side_by_side.side_by_side(missing, [Pace(seconds, 0, 0)] * cells, devices)
    assert asked in ([], [min(-(-cells // devices), 8)])
    return text


def test_a_plan_says_what_to_add_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [AtOnce(1, 1000.0), AtOnce(2, 1800.0), AtOnce(4, 3000.0), AtOnce(8, 3100.0)]
    text = said(monkeypatch, found, 12, 300.0, 1)
    assert "1: 1,000, 2: 1,800, 4: 3,000, 8: 3,100" in text
    assert "hydra/launcher=joblib hydra.launcher.n_jobs=4 the grid takes about 20 min" in text
    on_two = said(monkeypatch, found, 12, 300.0, 2)
    assert "n_jobs=8 the grid takes about 10 min" in on_two


def test_a_plan_says_where_one_after_another_is_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, [AtOnce(1, 100.0), AtOnce(2, 95.0)], 6, 200.0, 1)
    assert text == "cells at once and images a second: 1: 100, 2: 95; one after another is as fast."


@pytest.mark.parametrize(("cells", "seconds"), [(6, 99.0), (1, 5000.0)])
def test_a_short_grid_is_not_measured(monkeypatch: pytest.MonkeyPatch, cells: int, seconds: float) -> None:
    assert said(monkeypatch, [AtOnce(1, 1.0)], cells, seconds, 1) is None


@pytest.mark.slow
def test_cells_are_really_trained_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "WORTHWHILE", 0.0)
    monkeypatch.setattr(side_by_side, "SECONDS", 0.5)
    config = small_config(tmp_path, "plan=true")
    found = list(measure_side_by_side(config, 2))
    assert [one.cells for one in found] == [1, 2]
    assert all(one.images > 0 for one in found)
    assert not (tmp_path / "studies").exists()
    config.backbone = "no_such_network"
    assert list(measure_side_by_side(config, 2)) == []
