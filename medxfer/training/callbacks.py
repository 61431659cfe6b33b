"""What watches a training: its curves, its early stop, and how far it is."""

import time
from math import ceil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.words import describe, duration
from medxfer.model.metrics import less_is_better
from medxfer.study.cell import Cell
from medxfer.study.checkpoints import BEST
from medxfer.study.claim import tell

LINE_EVERY = 60.0  # seconds between two lines on the same cell, where there is no terminal


def _mode(monitor: str) -> str:
    return "min" if less_is_better(monitor) else "max"


def _rounded(value: Any) -> float:
    """A score in fewer digits than a float32 has: the last bits of equal scores differ by the order of a sum."""
    return round(float(value), 6)


class History(pl.Callback):
    """What was logged in each finished epoch; a checkpoint carries it over a restart."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        logged = {name: _rounded(value) for name, value in trainer.callback_metrics.items()}
        self.epochs.append({"epoch": trainer.current_epoch, **dict(sorted(logged.items()))})

    def best(self, monitor: str, mode: str) -> int:
        """The epoch with the best `monitor` ("min" or "max"), the first of equals, as BestEpoch chooses."""
        sign = 1 if mode == "min" else -1
        return min(range(len(self.epochs)), key=lambda epoch: sign * self.epochs[epoch][monitor])

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = state_dict["epochs"]


class BestEpoch(ModelCheckpoint):
    """Keeps the epoch with the best `monitor` in `folder`/best.ckpt, also where the folder has moved.

    Lightning's own class forgets the best score where a resumed training's folder has another path, and then replaces
    the best epoch by the next one, however bad; and it takes a later epoch for better whose score differs in what
    rounding leaves.
    """

    def __init__(self, folder: Path, monitor: str) -> None:
        super().__init__(
            dirpath=str(folder), filename="best", monitor=monitor, mode=_mode(monitor), save_weights_only=True,
            save_on_train_epoch_end=True, enable_version_counter=False,
        )  # fmt: skip
        self.path = folder / BEST

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        moved = str(self.path)
        scores = {moved: state_dict["best_model_score"]} if state_dict["best_k_models"] else {}
        paths = {"best_k_models": scores, "best_model_path": moved, "kth_best_model_path": moved}
        super().load_state_dict({**state_dict, **paths, "dirpath": self.dirpath})

    def check_monitor_top_k(self, trainer: pl.Trainer, current: torch.Tensor | None = None) -> bool:
        if current is None or not self.best_k_models:
            return super().check_monitor_top_k(trainer, current)
        now, best = _rounded(current), _rounded(self.best_k_models[self.kth_best_model_path])
        return now < best if self.mode == "min" else now > best

    def check(self, chosen: int) -> None:
        """Raise MedxferError if best.ckpt holds another epoch than `chosen`, whose curves the record would show."""
        epoch = torch.load(self.path, map_location="cpu", weights_only=True, mmap=True)["epoch"]
        if epoch != chosen:
            raise MedxferError(
                f"best.ckpt holds epoch {epoch}, and by its curves epoch {chosen} is the best: the checkpoints were "
                "changed from outside; delete the cell's folder 'checkpoints', and the same command trains it anew"
            )


class Patience(EarlyStopping):
    """Ends a training after `patience` epochs without a better `monitor`, also one resumed after the last of them."""

    def __init__(self, monitor: str, patience: int) -> None:
        super().__init__(monitor, patience=patience, mode=_mode(monitor), check_on_train_epoch_end=True)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def epochs_of(trainer: pl.Trainer) -> int:
    """How many epochs the training has, the last of them maybe in part."""
    steps = ceil(int(trainer.num_training_batches) / trainer.accumulate_grad_batches)  # of an epoch
    return ceil(int(trainer.estimated_stepping_batches) / steps)


class EpochBar(pl.Callback):
    """Moves the bar of the cell that is trained, or prints a line in a log, and tells other processes how far it is."""

    def __init__(self, cell: Cell, batch_size: int) -> None:
        self.cell, self.batch_size, self.name = cell, batch_size, ""
        self.steps = self.epochs = 0  # of the whole training
        self.before = 0  # steps that an earlier process has trained
        self.began = self.said = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.steps, self.before = int(trainer.estimated_stepping_batches), trainer.global_step
        self.epochs = epochs_of(trainer)
        self.began = self.said = time.monotonic()
        self.name = describe(self.cell.factors, self.cell.study.varied)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        tell(self.cell.folder, trainer.current_epoch, self.epochs)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        done = trainer.global_step
        seconds = (time.monotonic() - self.began) / max(done - self.before, 1)
        where = f"epoch {trainer.current_epoch + 1} of {self.epochs}"
        images = self.batch_size * trainer.accumulate_grad_batches / seconds
        pace = f"{images:.0f} images/s, {duration(seconds * (self.steps - done))} left"
        display.step("cell", done, self.steps, f"steps, {where}, {pace}", self.name)
        if time.monotonic() - self.said > LINE_EVERY:
            self.said = time.monotonic()
            display.note(f"[dim]{escape(self.name)}: {where}, {pace}[/]")
