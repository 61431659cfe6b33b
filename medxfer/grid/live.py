"""A grid at the terminal: the matrix of its cells, and what became of each."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from medxfer.base.display import console, display
from medxfer.base.words import describe, duration, metric_in_words
from medxfer.grid.matrix import caption, matrix
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.state import State, count, read_state, seconds_left

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
        left = seconds_left(states)
        elapsed = duration(time.monotonic() - self.started)
        summary = f"{len(states)} cells: {counts}; {elapsed} so far"
        said = [Text(caption(metric), "dim") for metric in sorted(set(self.metrics.values()))]
        return [Text(), table, *said, Text(), Text(summary + (f", about {duration(left)} left" if left else ""))]

    def _look(self) -> list[State]:
        """The cells' states; those that are done are not read again."""
        if time.monotonic() - self.looked > LOOK_EVERY or not self.states:
            for cell in self.cells:
                if cell.folder not in self.states or self.states[cell.folder].status != "done":
                    self.states[cell.folder] = read_state(cell.folder, cell.factors, self.metrics[cell.study])
            self.looked = time.monotonic()
        return [self.states[cell.folder] for cell in self.cells]


live_grid = LiveGrid()  # one command, one grid
