"""How far the cell is that is trained: a bar at the terminal, a line in a log, and a word to other processes."""

import time
from math import ceil
from typing import Any

import pytorch_lightning as pl
from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.words import describe, duration
from medxfer.study.cell import Cell
from medxfer.study.claim import tell

LINE_EVERY = 60.0  # seconds between two lines on the same cell, where there is no terminal


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
