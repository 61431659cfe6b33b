"""What a cell of a grid takes, measured on a few training steps in a folder that is thrown away."""

import tempfile
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf

from medxfer.base.disk import disk_errors
from medxfer.base.memory import keep_pages
from medxfer.base.quiet import quiet_trainer
from medxfer.data.split import part_sizes
from medxfer.training.batch_limits import limited_batches
from medxfer.training.settled_cell import Prepared
from medxfer.training.wire import wire

WARM_UP, MEASURED = 2, 6  # training steps
PREDICTION = 80  # bytes of an image's row in predictions.parquet


@dataclass(frozen=True)
class Pace:
    """What a cell of one size takes."""

    seconds: float
    bytes: int  # once it is done
    running: int  # bytes more while it is trained


def measure(prepared: Prepared) -> Pace:
    """Train a few steps of the cell in a folder that is thrown away, and reckon what the whole takes."""
    keep_pages()
    config, began = prepared.config, time.perf_counter()
    settings: dict[str, Any] = OmegaConf.to_container(config.trainer, resolve=True)  # type: ignore[assignment]
    model, data = wire(prepared)
    timer = _Timer()
    with disk_errors("a temporary file (TMPDIR)"), tempfile.TemporaryDirectory() as folder:
        trainer = quiet_trainer(**{
            **settings, "max_epochs": 1, "max_steps": -1, "limit_train_batches": WARM_UP + MEASURED,
            "limit_val_batches": 2, "profiler": None, "default_root_dir": folder, "callbacks": [timer],
            "deterministic": config.deterministic,
        })  # fmt: skip
        trainer.fit(model, data)
        start_up = time.perf_counter() - began - sum(timer.train) - sum(timer.evaluate)
        path = Path(folder) / "last.ckpt"
        began = time.perf_counter()
        trainer.save_checkpoint(path)
        save, whole = time.perf_counter() - began, path.stat().st_size
    images = part_sizes(prepared.parts, prepared.store.images["patient"].to_numpy())["images"]
    batches = limited_batches(config, prepared.parts)
    step, look = median(timer.train[WARM_UP:] or timer.train), median(timer.evaluate)
    steps = settings["max_steps"] * settings.get("accumulate_grad_batches", 1)
    steps = steps if settings["max_epochs"] == -1 else settings["max_epochs"] * batches["train"]
    epochs = ceil(steps / batches["train"])
    seconds = start_up + steps * step + epochs * (batches["val"] * look + save) + batches["test"] * look
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    return Pace(seconds, weights + PREDICTION * (images["val"] + images["test"]), whole)


class _Timer(pl.Callback):
    """Seconds of each training step and of each evaluated batch, loading included."""

    def __init__(self) -> None:
        self.train: list[float] = []
        self.evaluate: list[float] = []
        self.last = 0.0

    def on_train_epoch_start(self, *_: Any, **__: Any) -> None:
        self.last = _now()

    on_validation_epoch_start = on_train_epoch_start

    def on_train_batch_end(self, *_: Any) -> None:
        self._note(self.train)

    def on_validation_batch_end(self, *_: Any) -> None:
        self._note(self.evaluate)

    def _note(self, seconds: list[float]) -> None:
        now = _now()
        seconds.append(now - self.last)
        self.last = now


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
