"""A grid at the terminal: the matrix of its cells, and what became of each."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from medxfer.base.display import console, display
from medxfer.base.words import describe, duration, metric_in_words
from medxfer.grid.matrix import about_folds, about_looks, caption, matrix
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import Json
from medxfer.study.plan_record import needless_cells, planned_cells
from medxfer.study.state import State, as_needed, before_next_look, count, read_state, seconds_left
from medxfer.study.stopping import declared_looks

LOOK_EVERY = 2.0  # seconds between two looks at the cells' folders


def validated(metrics: Mapping[str, float], metric: str) -> str:
    """What is said of a finished cell: the declared `metric` on validation images, never on test."""
    value = metrics.get(f"val/{metric}")
    name = metric_in_words(metric)
    return f"{name} on validation {value:.3f}" if value is not None else f"done, {name} is undefined on validation"


class LiveGrid:
    """The cells that this command asks for. The matrix is read from their folders: it shows what any process on any
    machine has finished."""

    def __init__(self) -> None:
        self.cells: Sequence[Cell] = ()
        self.metrics: dict[Study, str] = {}
        self.records: dict[Study, Json] = {}
        self.needless: dict[Study, set[str]] = {}
        self.ended_elsewhere: dict[Study, set[str]] = {}  # of cells that this command does not ask for
        self.varied: dict[Study, tuple[str, ...]] = {}
        self.states: dict[Path, State] = {}
        self.looked = 0.0
        self.started = 0.0
        self.to_train = 0
        self.ended = 0

    def expect(self, cells: Sequence[Cell], to_train: int) -> None:
        """Show `cells` from now on, of which `to_train` are to be trained."""
        self.cells, self.to_train, self.ended = cells, to_train, 0
        studies = {cell.study for cell in cells}
        self.metrics = {study: study.metric for study in studies}
        self.varied = {study: study.varied for study in studies}
        self.records, self.needless, self.ended_elsewhere = {}, {}, {}
        self.started, self.looked, self.states = time.monotonic(), 0.0, {}
        if to_train:
            display.open(self.picture)

    def cell_ended(self, cell: Cell, outcome: str, went_wrong: bool = False) -> None:
        """Say what became of a cell that this process has had; `outcome` is rich's markup."""
        self.ended += 1
        display.drop("cell")
        self.looked = 0.0
        text = f"{escape(describe(cell.factors, self.varied.get(cell.study, ())))}: {outcome}"
        if went_wrong:
            display.say(text)
        elif self.to_train:
            seconds = (time.monotonic() - self.started) / self.ended * (self.to_train - self.ended)
            left = f"[dim], {duration(seconds)} left[/]" if self.ended < self.to_train else ""
            display.note(f"[dim]{self.ended}/{self.to_train}[/] {text}{left}")
        else:
            display.note(text)

    def picture(self) -> list[RenderableType]:
        """The matrix, and a line that sums it up."""
        states = self._look()
        table = matrix(states, max(3, console.height - 13), max(2, (console.width - 50) // 7))
        counts = ", ".join(f"{number} {name}" for name, number in count(states).items() if number)
        left, said = self._ahead(states)
        elapsed = duration(time.monotonic() - self.started)
        summary = f"{len(states)} cells: {counts}; {elapsed} so far"
        figures = [Text(caption(metric), "dim") for metric in sorted(set(self.metrics.values()))]
        time_left = Text(summary + (f", about {duration(left)} left" if left else ""))
        return [Text(), table, *figures, *said, Text(), time_left]

    def _ahead(self, states: Sequence[State]) -> tuple[float | None, list[Text]]:
        """The seconds left, to the next look where one was declared, and where each study with looks stands."""
        ahead: list[State] = []
        said: list[Text] = []
        for study, record in self.records.items():
            of_study = [state for cell, state in zip(self.cells, states, strict=True) if cell.study == study]
            until = before_next_look(of_study, record, self.ended_elsewhere[study])
            ahead += until.states
            if text := about_folds(of_study, record):
                said.append(Text(f"{study.name}: {text}" if len(self.records) > 1 else text))
            if text := about_looks(record, until, count(of_study)["not needed"]):
                said.append(Text(f"{study.name}: {text}" if len(self.records) > 1 else text))
        return seconds_left(ahead), said

    def _look(self) -> list[State]:
        """The cells' states; those that are done are not read again."""
        if time.monotonic() - self.looked > LOOK_EVERY or not self.states:
            for cell in self.cells:
                if cell.folder not in self.states or self.states[cell.folder].status != "done":
                    self.states[cell.folder] = read_state(cell.folder, cell.factors, self.metrics[cell.study])
            self._look_at_studies()
            self.looked = time.monotonic()
        return [as_needed(self.states[cell.folder], self.needless[cell.study]) for cell in self.cells]

    def _look_at_studies(self) -> None:
        """Where their looks stand, which other commands move too."""
        for study in self.metrics:
            record, asked = study.record, {cell.name for cell in self.cells if cell.study == study}
            planned = planned_cells(record) if declared_looks(record) else {}
            self.records[study], self.needless[study] = record, needless_cells(record)
            self.ended_elsewhere[study] = {name for name in planned if name not in asked and study.has_ended(name)}


live_grid = LiveGrid()  # one command, one grid
