"""How far a study is, as its folder says; light, because a running study looks every two seconds."""

from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json
from medxfer.study.checkpoints import Saved, saved
from medxfer.study.claim import Progress, progress
from medxfer.study.identity import FOLD
from medxfer.study.last_epochs import Chosen, chosen
from medxfer.study.plan_record import needless_cells, planned_cells, withdrawals, withdrawn_cells
from medxfer.study.stopping import declared_looks, fewest_seeds, look_cells, next_seeds

Json = dict[str, Any]


@dataclass(frozen=True)
class State:
    """Where one cell stands."""

    name: str
    factors: Mapping[str, Any]
    status: Literal["done", "running", "failed", "missing", "not needed"]  # not needed: by no look
    score: float | None = None  # the declared metric on the validation images, once done
    seconds: float | None = None  # that it took, once done
    chosen: Chosen | None = None  # the epoch that is tested, once done
    running: Progress | None = None
    saved: Saved | None = None  # of a missing cell that was stopped: where it goes on
    reason: str = ""  # why it failed

    @property
    def arm(self) -> tuple[tuple[str, Any], ...]:
        """Every factor but the seed and the fold."""
        return tuple((key, value) for key, value in self.factors.items() if key not in ("seed", FOLD))


@dataclass(frozen=True)
class Ahead:
    """What a study trains before its next look."""

    seeds: int | None  # of the next look; None where none is left, or none was declared
    states: tuple[State, ...]  # of the cells until then; of all cells where `seeds` is None
    failed: int = 0  # cells of the look that failed
    planned: int = 0  # seeds that are planned in every arm


def read_state(folder: Path, factors: Mapping[str, Any], metric: str) -> State:
    """The state of the cell in `folder`. A cell that is tried again after a failure is running."""
    if (record := _read(folder / "metrics.json")) is not None:
        score, seconds = record["metrics"].get(f"val/{metric}"), record["timings"]["total_s"]
        return State(folder.name, record["factors"], "done", score, seconds, chosen(record))
    if (running := progress(folder)) is not None:
        return State(folder.name, factors, "running", running=running)
    if (failed := _read(folder / "failed.json")) is not None:
        return State(folder.name, failed["factors"], "failed", reason=failed["reason"])
    return State(folder.name, factors, "missing", saved=saved(folder / "checkpoints"))


def read_states(study: Path) -> list[State]:
    """Every cell that is planned or has a record, without those that were withdrawn.

    Raises MedxferError if the folder holds no study.
    """
    record = read_record(study)
    planned: dict[str, Json] = record["planned"]
    found = {path.parent.name for name in ("metrics", "failed") for path in study.glob(f"cells/*/{name}.json")}
    cells = {**planned, **{name: {} for name in sorted(found - set(planned))}}
    metric = record["declared"]["metric"]
    states = [read_state(study / "cells" / name, factors, metric) for name, factors in cells.items()]
    withdrawn, needless = withdrawn_cells(record), needless_cells(record)
    kept = [state for state in states if state.status == "done" or state.name not in withdrawn]
    return [as_needed(state, needless) for state in kept]


def as_needed(state: State, needless: Container[str]) -> State:
    """`state`, as "not needed" where the cell is one of those that no look needs, and has no training."""
    waits = state.status in ("missing", "failed")
    return replace(state, status="not needed", reason="") if waits and state.name in needless else state


def before_next_look(states: Sequence[State], record: Json, also_ended: Set[str] = frozenset()) -> Ahead:
    """What is trained before the study's next look; `also_ended` are names of ended cells that `states` leaves out.

    A cell that failed does not keep the others from being trained on.
    """
    planned = planned_cells(record)
    ended = {state.name for state in states if state.status in ("done", "failed")}
    seeds = next_seeds(record, planned, ended | also_ended)
    if seeds is None:
        return Ahead(None, tuple(states))
    cells = look_cells(planned, seeds)
    within = tuple(state for state in states if state.name in cells)
    failed = sum(state.status == "failed" for state in within)
    return Ahead(seeds, within, failed, fewest_seeds(planned))


def read_record(study: Path) -> Json:
    """What study.json holds. Raises MedxferError if the folder holds no study of trainings."""
    record = _read(study / "study.json")
    if record is None:
        raise MedxferError(f"{study}: no study is there; study= takes a folder that medxfer.train made")
    if record.get("declared", {}).get("table"):
        raise MedxferError(
            f"{study}: made of a table of scores, so that nothing is trained in it; medxfer.report makes it"
        )
    return record


def seconds_left(states: Sequence[State]) -> float | None:
    """What running and missing cells will take, judged by finished ones of the same size; None before the first.

    As many cells at once as are running now, or one.
    """
    finished: dict[tuple[Any, ...], list[float]] = {}
    for state in states:
        if state.seconds is not None:
            finished.setdefault(_size(state), []).append(state.seconds)
    if not finished:
        return None
    usual = median(value for values in finished.values() for value in values)
    left, at_once = 0.0, 0
    for state in states:
        seconds = median(finished[_size(state)]) if _size(state) in finished else usual
        if state.status == "missing":
            left += seconds * (1 - _share(state.saved))
        elif state.running is not None:
            at_once += 1
            left += seconds * (1 - _share(state.running))
    return left / max(at_once, 1)


def _share(done: Progress | Saved | None) -> float:
    return done.epoch / max(done.epochs, 1) if done else 0.0


def count(states: Iterable[State]) -> dict[str, int]:
    """Cells by status, in the order in which one reads them."""
    counts = dict.fromkeys(("done", "running", "failed", "missing", "not needed"), 0)
    for state in states:
        counts[state.status] += 1
    return counts


def finished(states: Iterable[State]) -> bool:
    """Whether nothing is left to train but cells that failed."""
    return not {"running", "missing"} & {state.status for state in states}


def trainings(states: Sequence[State], record: Json) -> Json:
    """How many trainings `states` are (a seed of an arm, with all of its folds), how many of them are done, and the
    number of folds by data set."""
    folds = {data: division["folds"] for data, division in record.get("divided", {}).items()}
    cells: dict[tuple[Any, ...], list[State]] = {}
    for state in states:
        cells.setdefault((state.arm, state.factors["seed"]), []).append(state)
    done = sum(
        sum(state.status == "done" for state in of_one) >= folds.get(of_one[0].factors["data"], 1)
        for of_one in cells.values()
    )
    return {"all": len(cells), "done": done, "folds": folds}


def status(study: Path) -> Json:
    """How far a study is, for programs: counts, the cells of each status, what was withdrawn, and the seconds left.

    Those are None before the first cell is done, and of a study with declared looks they are those to the next look.
    `looks` is None where none were declared; else which were, the next one, and where the study stopped.
    `stopped` are the missing cells that go on from a saved state. `trainings` counts seeds of arms; a training with
    folds is done when all of its folds are. Its `folds` has the number of folds of each data set that has them.

    Raises MedxferError if the folder holds no study.
    """
    states, record = read_states(study), read_record(study)
    ahead = before_next_look(states, record)
    looks = {"declared": declared_looks(record), "next": ahead.seeds, "stopped": record.get("stopped")}
    return {
        "study": study.resolve().name,
        "cells": len(states),
        "trainings": trainings(states, record),
        "done": [state.name for state in states if state.status == "done"],
        "running": [
            {"cell": state.name, "epoch": state.running.epoch, "epochs": state.running.epochs}
            for state in states
            if state.running is not None
        ],
        "failed": [{"cell": state.name, "reason": state.reason} for state in states if state.status == "failed"],
        "missing": [state.name for state in states if state.status == "missing"],
        "stopped": [
            {"cell": state.name, "epoch": state.saved.epoch, "epochs": state.saved.epochs}
            for state in states
            if state.saved is not None
        ],
        "not_needed": [state.name for state in states if state.status == "not needed"],
        "withdrawn": withdrawals(record),
        "looks": looks if looks["declared"] else None,
        "seconds_left": seconds_left(ahead.states),
    }


def _size(state: State) -> tuple[Any, ...]:
    """What a cell's duration depends on."""
    return tuple(level for key, level in state.factors.items() if key not in ("colormap", "pretrained", "seed", FOLD))


def _read(path: Path) -> Json | None:
    try:
        return read_json(path)
    except FileNotFoundError:
        return None
