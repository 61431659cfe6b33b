"""Rounds: with declared looks a study trains seed after seed, is reported at each look, and stops when decided."""

import json
import shutil
from pathlib import Path

import pytest
from analysis.synthetic_study import write_study
from omegaconf import OmegaConf

from medxfer.grid import rounds as of_rounds
from medxfer.grid.around import finish
from medxfer.grid.introduction import introduce
from medxfer.grid.rounds import Grid, Rounds
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.state import status

COLORMAPS = ("none", "viridis")


class Trained:
    """A study of two arms on real records; `train` gives a cell the result that it will have."""

    def __init__(self, folder: Path, seeds: int, looks: list[int], effect: float, **about) -> None:
        shape = {
            "colormaps": COLORMAPS,
            "pretrained": [True],
            "seeds": seeds,
            "declared": {"looks": looks},
            "effect": lambda factors: effect * (factors["colormap"] != "none"),
            **about,
        }
        self.whole = write_study(folder / "whole" / "s", **shape)
        self.study = Study(write_study(folder / "study" / "s", missing=[{}], **shape))
        self.trained: list[tuple[str, int]] = []

    @property
    def cells(self) -> list[Cell]:
        return [Cell(self.study, name, factors) for name, factors in self.study.record["planned"].items()]

    def train(self, cell: Cell) -> None:
        shutil.copytree(self.whole / "cells" / cell.name, cell.folder, dirs_exist_ok=True)
        self.trained.append((cell.factors["colormap"], cell.factors["seed"]))

    def train_but_viridis_of_seed_1(self, cell: Cell) -> None:
        if (cell.factors["colormap"], cell.factors["seed"]) == ("viridis", 1):
            cell.record_failed(RuntimeError("out of memory"))
        else:
            self.train(cell)


def rounds_of(*studies: Trained, seeds: set[int] | None = None) -> Rounds:
    cells = [cell for one in studies for cell in one.cells if seeds is None or cell.factors["seed"] in seeds]
    config = OmegaConf.create({"report": {"images": False}, "store": {"root": "nowhere"}})
    return Rounds(Grid((), tuple(cells), config))


def run(rounds: Rounds, train) -> list[list[int]]:
    """Train round after round; the seeds of each round."""
    found = []
    while numbers := rounds.next():
        cells = [rounds.grid.cells[n] for n in numbers]
        found.append([cell.factors["seed"] for cell in cells])
        for cell in cells:
            train(cell)
    return found


@pytest.fixture
def reports(monkeypatch) -> list[str]:
    """The names of the studies that were reported, in order."""
    made: list[str] = []
    monkeypatch.setattr(of_rounds, "answer_study", lambda study, *_: made.append(study.folder.parent.parent.name))
    return made


CLEAR, NOTHING = 3.0, 0.0


def test_without_looks_all_cells_are_one_round_in_the_order_of_the_command(tmp_path, reports):
    one = Trained(tmp_path, 3, [], CLEAR)
    assert [len(seeds) for seeds in run(rounds_of(one), one.train)] == [6]
    assert not reports


def test_a_decided_study_stops_at_its_look_and_the_rest_is_not_needed(tmp_path, reports):
    one = Trained(tmp_path, 6, [3, 5], CLEAR)
    rounds = rounds_of(one)
    assert run(rounds, one.train) == [[0, 0, 1, 1, 2, 2]]
    stop = one.study.record["stopped"]
    assert (stop["seeds"], stop["decided"]) == (3, True)
    assert "decided" in stop["reason"]
    assert stop["time"][:2] == "20"
    assert finish(rounds)
    assert len(reports) == 1
    found = status(one.study.folder)
    assert (len(found["done"]), len(found["not_needed"]), found["missing"]) == (6, 6, [])
    assert found["looks"]["next"] is None
    assert found["looks"]["stopped"]["seeds"] == 3
    assert found["seconds_left"] == 0


def test_the_same_command_trains_nothing_more_says_why_and_is_complete(tmp_path, reports, capsys):
    one = Trained(tmp_path, 6, [3, 5], CLEAR)
    run(rounds_of(one), one.train)
    before = one.study.record["stopped"]
    one.study.plan({cell.name: cell.factors for cell in one.cells}, "again")
    introduce(one.study, one.cells)
    again = rounds_of(one)
    assert run(again, one.train) == []
    assert finish(again)
    said = " ".join(capsys.readouterr().out.split())
    assert "stopped at the look at 3 seeds" in said
    assert "6 cells not needed" in said
    assert "are not trained" in said
    assert one.study.record["stopped"] == before


def test_an_undecided_study_goes_on_look_by_look_and_never_beyond_the_last(tmp_path, reports, monkeypatch):
    monkeypatch.setattr(of_rounds, "next_look", by_number({0: 2, 2: 4, 4: None}))
    one = Trained(tmp_path, 6, [2, 4], NOTHING)
    assert run(rounds_of(one), one.train) == [[0, 0, 1, 1], [2, 2, 3, 3]]
    assert len(reports) == 2
    assert one.study.record["stopped"]["seeds"] == 4
    assert len(status(one.study.folder)["not_needed"]) == 4


def by_number(following: dict[int, int | None], hopeless: bool = False):
    """A next_look that goes by how many seeds are done in both arms."""

    def next_look(folder: Path) -> of_rounds.Look:
        done = len(list(folder.glob("cells/*/metrics.json"))) // 2
        reached = max(number for number in following if number <= done)
        return of_rounds.Look(following[reached], False, hopeless and bool(reached), f"{reached} seeds are looked at.")

    return next_look


def test_what_cannot_be_decided_stops_too_and_says_so(tmp_path, reports, monkeypatch):
    monkeypatch.setattr(of_rounds, "next_look", by_number({0: 2, 2: 4}, hopeless=True))
    one = Trained(tmp_path, 4, [2, 4], NOTHING)
    assert run(rounds_of(one), one.train) == [[0, 0, 1, 1]]
    stop = one.study.record["stopped"]
    assert (stop["seeds"], stop["decided"], stop["reason"]) == (2, False, "2 seeds are looked at.")


def test_each_study_of_a_command_stops_by_itself(tmp_path, reports):
    clear, open_ = Trained(tmp_path / "clear", 4, [2, 4], CLEAR), Trained(tmp_path / "open", 4, [2, 4], NOTHING)
    plain = Trained(tmp_path / "plain", 4, [], NOTHING)
    train = {one.study.folder: one.train for one in (clear, open_, plain)}
    run(rounds_of(clear, open_, plain), lambda cell: train[cell.study.folder](cell))
    assert clear.study.record["stopped"]["seeds"] == 2
    assert len(clear.trained) == 4
    assert len(plain.trained) == 8
    assert len(open_.trained) > 4 or open_.study.record["stopped"]["reason"].startswith("Look 1")


def test_a_command_that_was_killed_before_its_look_takes_it_first(tmp_path, reports):
    one = Trained(tmp_path, 4, [2, 4], CLEAR)
    for cell in one.cells:
        if cell.factors["seed"] < 2:
            one.train(cell)
    assert run(rounds_of(one), one.train) == []
    assert one.study.record["stopped"]["seeds"] == 2


def test_a_look_that_a_failed_cell_prevents_does_not_keep_the_others_from_training(
    tmp_path, reports, monkeypatch, capsys
):
    monkeypatch.setattr(of_rounds, "next_look", lambda folder: of_rounds.Look(2, False, False, "A cell failed."))
    one = Trained(tmp_path, 4, [2, 4], NOTHING)

    rounds = rounds_of(one)
    assert run(rounds, one.train_but_viridis_of_seed_1) == [[0, 0, 1, 1], [2, 2, 3, 3]]
    assert not finish(rounds)
    said = " ".join(capsys.readouterr().out.split())
    assert "no look at 2 seeds yet: 1 of its 4 cells failed or belong to other commands; training goes on to 4" in said
    assert "not done:" in said
    assert "out of memory" in said
    assert one.study.record.get("stopped") is None


def test_a_look_that_lacks_no_cell_is_not_said_to_lack_some(tmp_path, reports, monkeypatch, capsys):
    """As where a study asks no question that a look decides."""
    monkeypatch.setattr(of_rounds, "next_look", lambda folder: of_rounds.Look(2, False, False, "No question."))
    one = Trained(tmp_path, 4, [2, 4], NOTHING)
    assert run(rounds_of(one), one.train) == [[0, 0, 1, 1], [2, 2, 3, 3]]
    assert "no look at 2 seeds yet" not in " ".join(capsys.readouterr().out.split())


def test_where_a_failed_cell_makes_the_rest_useless_the_same_command_tries_it_again(tmp_path, reports):
    one = Trained(tmp_path, 4, [2, 4], CLEAR)

    rounds = rounds_of(one)
    assert run(rounds, one.train_but_viridis_of_seed_1) == [[0, 0, 1, 1]]
    assert "failed" in one.study.record["stopped"]["reason"]
    assert not finish(rounds)
    again = rounds_of(one)
    assert run(again, one.train) == [[1]]
    assert one.study.record["stopped"]["decided"]
    assert finish(again)


def test_seeds_in_several_commands_take_the_look_when_the_last_one_ends(tmp_path, reports):
    """As the jobs of an array, each of which trains one seed; those that start after the stop train nothing."""
    one = Trained(tmp_path, 5, [3, 5], CLEAR)
    planned = one.study.record["planned"]
    record = one.study.record
    record["planned"] = {}
    (one.study.folder / "study.json").write_text(json.dumps(record))
    for seed in (2, 0, 1, 4, 3):
        cells = {name: factors for name, factors in planned.items() if factors["seed"] == seed}
        one.study.plan(cells, "python -m medxfer.train")
        rounds = rounds_of(one, seeds={seed})
        run(rounds, one.train)
        assert finish(rounds)
    assert sorted(seed for _, seed in one.trained) == [0, 0, 1, 1, 2, 2]
    assert one.study.record["stopped"]["seeds"] == 3


def test_a_seed_beyond_the_last_look_is_added_to_a_stopped_study_and_it_is_said(tmp_path, reports, capsys):
    one = Trained(tmp_path, 6, [2, 3], CLEAR)
    everything = one.study.record["planned"]
    record = one.study.record
    record["planned"] = {name: factors for name, factors in everything.items() if factors["seed"] < 4}
    (one.study.folder / "study.json").write_text(json.dumps(record))
    run(rounds_of(one), one.train)
    assert len(one.trained) == 4
    one.study.plan(everything, "more seeds")
    introduce(one.study, one.cells)
    rounds = rounds_of(one)
    run(rounds, one.train)
    assert sorted({seed for _, seed in one.trained}) == [0, 1, 2, 3, 4, 5]
    assert finish(rounds)
    assert "a look that was not declared" in " ".join(capsys.readouterr().out.split())
    assert one.study.record["stopped"]["seeds"] == 2


def test_an_arm_that_is_added_to_a_stopped_study_is_trained_up_to_that_look(tmp_path, reports):
    one = Trained(tmp_path, 4, [2, 4], CLEAR, colormaps=("none", "viridis", "inferno"))
    everything = one.study.record["planned"]
    record = one.study.record
    record["planned"] = {name: factors for name, factors in everything.items() if factors["colormap"] != "inferno"}
    (one.study.folder / "study.json").write_text(json.dumps(record))
    run(rounds_of(one), one.train)
    one.study.plan(everything, "another arm")
    run(rounds_of(one), one.train)
    assert [cell for cell in one.trained if cell[0] == "inferno"][:2] == [("inferno", 0), ("inferno", 1)]


@pytest.mark.parametrize(
    ("seeds", "looks", "words"),
    [
        (2, [3, 5], "the looks at 3 and 5 seeds cannot be taken with the 2 seeds that are planned: give 3 more seeds"),
        (4, [3, 5], "the look at 5 seeds cannot be taken with the 4 seeds that are planned: give 1 more seed,"),
        (6, [3, 5], "2 cells beyond the last look at 5 seeds are not trained"),
    ],
)
def test_seeds_and_looks_that_do_not_fit_are_said_before_the_first_training(tmp_path, capsys, seeds, looks, words):
    one = Trained(tmp_path, seeds, looks, NOTHING)
    introduce(one.study, one.cells)
    assert words in " ".join(capsys.readouterr().out.split())
