"""What the person at the terminal sees while a study runs: a bar for the grid and one for the epoch."""

import atexit
import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from medxfer.study.cell import Cell

console = Console(highlight=False, soft_wrap=True)


class Display:
    """Live bars at a terminal; elsewhere a plain line for each cell, so that a log stays readable."""

    def __init__(self) -> None:
        self.live = Progress(
            TextColumn("[bold]{task.description:<28.28}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("[dim]elapsed"),
            TimeElapsedColumn(), TextColumn("[dim]left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
            console=console, transient=True, speed_estimate_period=3600, disable=not console.is_terminal,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}
        self.cells_left = 0
        self.cells = 0
        self.started = 0.0

    def say(self, text: str) -> None:
        """A line that stays, above the bars."""
        self.live.console.print(text)

    def step(self, what: str, done: int, total: int, note: str = "") -> None:
        """Move the bar named `what`; it appears when first moved."""
        if self.live.disable:
            return
        self.live.start()
        if what not in self.tasks:
            self.tasks[what] = self.live.add_task(what, total=total, note=note)
        self.live.update(self.tasks[what], completed=done, total=total, note=note)

    def drop(self, what: str) -> None:
        """Remove the bar named `what`."""
        if what in self.tasks:
            self.live.remove_task(self.tasks.pop(what))

    def close(self) -> None:
        self.live.stop()
        for what in list(self.tasks):
            self.drop(what)

    def expect(self, cells: int) -> None:
        """How many cells are to be trained from now on."""
        self.cells = self.cells_left = cells
        self.started = time.monotonic()
        if cells:
            self.step("grid", 0, cells, "cells")

    def cell_ended(self, cell: Cell, outcome: str) -> None:
        """One line for the cell, with the time left for the rest."""
        self.cells_left = max(0, self.cells_left - 1)
        done = self.cells - self.cells_left
        self.drop("epoch")
        if self.cells:
            self.step("grid", done, self.cells, "cells")
            seconds = (time.monotonic() - self.started) / done * self.cells_left
            left = (
                f", {seconds / 60:.0f} min left"
                if seconds > 90
                else f", {seconds:.0f} s left"
                if self.cells_left
                else ""
            )
            self.say(f"[dim]{done}/{self.cells}[/] {describe(cell)}: {outcome}[dim]{left}[/]")
        else:
            self.say(f"{describe(cell)}: {outcome}")


display = Display()  # one terminal, one display
atexit.register(display.close)  # however the command ends, the terminal gets its cursor back


def describe(cell: Cell) -> str:
    """The cell's factors as one reads them."""
    f = cell.factors
    start = {True: "pretrained", False: "random"}.get(f["pretrained"], f["pretrained"])
    return f"{f['data']} {f['backbone']} {f['colormap']} × {start}, seed {f['seed']}"


class EpochBar(pl.Callback):
    """Moves the epoch's bar; it counts batches of the whole training, so that the time left is the cell's."""

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.steps = int(trainer.estimated_stepping_batches)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        display.step("epoch", trainer.global_step, self.steps, f"batches, epoch {trainer.current_epoch + 1}")
