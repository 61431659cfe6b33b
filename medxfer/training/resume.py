"""last.ckpt: the whole state of a training, from which it goes on as if it had never been stopped."""

import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint

from medxfer.base.files import whole_file
from medxfer.base.stop import SIGNALS

EVERY = 300.0  # seconds between two saves within an epoch


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints as records are written; Lightning's own are not flushed, and pass through the temporary folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(Path(path)) as file:
            torch.save(checkpoint, file)


class LastState(Checkpoint):
    """Saves `path` after each epoch, within it every five minutes, and before a signal takes its course.

    SIGTERM, SIGUSR2 and SIGINT wait for the batch that is trained (or, in validation, for the epoch's end, because
    validation belongs to it), are followed by a save, and then go to whoever would have had them. A second signal
    does not wait.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._saved = time.monotonic()
        self._before: dict[int, Any] = {}  # the signals' handlers
        self._asked = 0  # the signal that came, or 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._saved = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_last_batch:
            return
        asked, late = self._agree(trainer, self._asked, time.monotonic() - self._saved > EVERY)
        if asked or late:
            self._save(trainer)
        self._pass_on(asked)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._save(trainer)
        self._pass_on(self._agree(trainer, self._asked, False)[0])

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Before Lightning puts back the handlers that it found: those given back later would keep this trainer."""
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            self._pass_on(number)
        self._asked = number

    def _agree(self, trainer: pl.Trainer, asked: int, late: bool) -> tuple[int, bool]:
        """What any of a cell's processes was asked for, so that all of them save."""
        if trainer.world_size == 1:
            return asked, late
        wishes = torch.tensor([asked, int(late)], device=trainer.strategy.root_device)
        number, overdue = trainer.strategy.reduce(wishes, reduce_op="max").tolist()
        return number, bool(overdue)

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.path)
        self._saved = time.monotonic()

    def _pass_on(self, number: int) -> None:
        if number:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before, self._asked = {}, 0
