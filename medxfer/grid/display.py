"""What the person at the terminal sees while a study runs."""

import atexit
import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from medxfer.base.words import describe, duration
from medxfer.grid.matrix import matrix
from medxfer.study.cell import Cell
from medxfer.study.claim import tell
from medxfer.study.folder import Study
from medxfer.study.state import State, count, read_state, seconds_left

console = Console(highlight=False, soft_wrap=True)
LOOK_EVERY = 2.0  # seconds between two looks at the cells' folders
LINE_EVERY = 60.0  # seconds between two lines on the same cell, where there is no terminal


class Display:
    """One live picture at a terminal: the grid as a matrix, the bars of what goes on, the last warnings.

    Elsewhere plain lines, so that a log stays readable. The matrix is read from the cells' folders: it shows what any
    process on any machine has finished.
    """

    def __init__(self) -> None:
        self.plain = not console.is_terminal
        columns = (TextColumn("[bold]{task.description}"), BarColumn(30), MofNCompleteColumn())
        self.bars = Progress(*columns, TextColumn("{task.fields[note]}"), console=console)
        self.tasks: dict[str, TaskID] = {}
        self.cells: Sequence[Cell] = ()
        self.metrics: dict[Study, str] = {}
        self.states: dict[Path, State] = {}
        self.looked = 0.0
        self.started = 0.0
        self.to_train = 0
        self.ended = 0
        self.warnings: list[str] = []
        self.live = Live(console=console, get_renderable=self._picture, refresh_per_second=4, transient=True)

    def say(self, text: str) -> None:
        """A line that stays, above the picture; `text` is rich's markup."""
        console.print(text)

    def note(self, text: str) -> None:
        """A line for a log; the picture shows it in its own way."""
        if self.plain:
            console.print(text)

    def warn(self, message: Warning | str, *_: Any, **__: Any) -> None:
        """In place of warnings.showwarning: each text once."""
        text = str(message).strip()
        if text not in self.warnings:
            self.warnings.append(text)
            self.note(f"[yellow]warning:[/] {escape(text)}")

    def step(self, what: str, done: int, total: int, note: str = "", title: str = "") -> None:
        """Move the bar named `what`, shown as `title`; it appears when first moved."""
        if self.plain:
            return
        self.live.start()
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total, note=note)
        self.bars.update(self.tasks[what], completed=done, total=total, note=note, description=title or what)

    def drop(self, what: str) -> None:
        """Remove the bar named `what`."""
        if what in self.tasks:
            self.bars.remove_task(self.tasks.pop(what))

    def close(self) -> None:
        """Take the picture away, but keep its warnings."""
        shown = self.live.is_started
        self.live.stop()
        for what in list(self.tasks):
            self.drop(what)
        if shown:
            for text in self.warnings:
                console.print(f"[yellow]warning:[/] {escape(text)}")

    def expect(self, cells: Sequence[Cell], to_train: int) -> None:
        """Show `cells` from now on, of which `to_train` are to be trained."""
        self.cells, self.to_train, self.ended = cells, to_train, 0
        self.metrics = {study: study.metric for study in {cell.study for cell in cells}}
        self.started, self.looked, self.states = time.monotonic(), 0.0, {}
        if to_train and not self.plain:
            self.live.start()

    def cell_ended(self, cell: Cell, outcome: str, went_wrong: bool = False) -> None:
        """What became of a cell that this process has had."""
        self.ended += 1
        self.drop("cell")
        self.looked = 0.0
        if went_wrong:
            self.say(f"{escape(describe(cell.factors))}: {outcome}")
        elif self.to_train:
            seconds = (time.monotonic() - self.started) / self.ended * (self.to_train - self.ended)
            left = f"[dim], {duration(seconds)} left[/]" if self.ended < self.to_train else ""
            self.note(f"[dim]{self.ended}/{self.to_train}[/] {escape(describe(cell.factors))}: {outcome}{left}")
        else:
            self.note(f"{escape(describe(cell.factors))}: {outcome}")

    def _picture(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self.cells:
            states = self._look()
            rows = max(3, console.height - 12)
            parts += [Text(), matrix(states, rows, max(2, (console.width - 50) // 7)), Text(), self._summary(states)]
        parts.append(self.bars)
        parts += [
            Text(f"warning: {text}", style="yellow", no_wrap=True, overflow="ellipsis") for text in self.warnings[-3:]
        ]
        return Group(*parts)

    def _look(self) -> list[State]:
        """The cells' states; those that are done are not read again."""
        if time.monotonic() - self.looked > LOOK_EVERY or not self.states:
            for cell in self.cells:
                if cell.folder not in self.states or self.states[cell.folder].status != "done":
                    self.states[cell.folder] = read_state(cell.folder, cell.factors, self.metrics[cell.study])
            self.looked = time.monotonic()
        return [self.states[cell.folder] for cell in self.cells]

    def _summary(self, states: Sequence[State]) -> Text:
        counts = ", ".join(f"{number} {name}" for name, number in count(states).items() if number)
        left = seconds_left(states)
        elapsed = duration(time.monotonic() - self.started)
        return Text(
            f"{len(states)} cells: {counts}; {elapsed} so far" + (f", about {duration(left)} left" if left else "")
        )


display = Display()  # one terminal, one display
atexit.register(display.close)  # however the command ends, the terminal gets its cursor back


class EpochBar(pl.Callback):
    """Moves the bar of the cell that is trained, and tells other processes how far it is."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.steps = 0  # of the whole training
        self.before = 0  # steps that an earlier process has trained
        self.began = self.said = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.steps, self.before = int(trainer.estimated_stepping_batches), trainer.global_step
        self.began = self.said = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            tell(self.cell.folder, trainer.current_epoch, self._epochs(trainer))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        done = trainer.global_step
        seconds = (time.monotonic() - self.began) / max(done - self.before, 1)
        images = trainer.datamodule.batch_size  # type: ignore[attr-defined]
        where = f"epoch {trainer.current_epoch + 1} of {self._epochs(trainer)}"
        note = f"{where}, {images / seconds:.0f} images/s, {duration(seconds * (self.steps - done))} left"
        display.step("cell", done, self.steps, f"steps, {note}", describe(self.cell.factors))
        if time.monotonic() - self.said > LINE_EVERY:
            self.said = time.monotonic()
            display.note(f"[dim]{escape(describe(self.cell.factors))}: {note}[/]")

    def _epochs(self, trainer: pl.Trainer) -> int:
        return ceil(self.steps / int(trainer.num_training_batches))
