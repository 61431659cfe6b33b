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

from medxfer.base.errors import MedxferError, first_line
from medxfer.base.files import whole_file
from medxfer.base.stop import SIGNALS
from medxfer.model.classifier import ends_epoch
from medxfer.study.checkpoints import LAST, tell_saved
from medxfer.training.callbacks import epochs_of

EVERY = 300.0  # seconds between two saves within an epoch


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints are written like records; Lightning does not flush its own, and it uses the temporary folder.

    One that cannot be read, as a disk may leave it, is said in a sentence.
    """

    def load_checkpoint(self, path: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return super().load_checkpoint(path, *arguments, **options)
        except Exception as error:  # damaged in any way
            raise MedxferError(
                f"{Path(path).name} is damaged ({first_line(error)}): delete the cell's folder, and the same command "
                "trains it anew"
            ) from error

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(Path(path)) as file:
            torch.save(checkpoint, file)


class LastState(Checkpoint):
    """Saves last.ckpt after each epoch, within it every five minutes, and before a signal ends the training.

    SIGTERM, SIGUSR2 and SIGINT wait for the optimiser's next step (in validation for the end of the epoch, which
    validation belongs to): between steps there are gradients that no state holds. Then the state is saved, and the
    signal goes to the handler that was there before. A second signal does not wait.
    """

    def __init__(self, checkpoints: Path) -> None:
        self.path = checkpoints / LAST
        self._saved = time.monotonic()
        self._before: dict[int, Any] = {}  # the signals' handlers
        self._asked = 0  # the signal that came, or 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._saved = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if ends_epoch(trainer) or (trainer.fit_loop.batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if self._asked or time.monotonic() - self._saved > EVERY:
            self._save(trainer, trainer.current_epoch)
        self._pass_on(self._asked)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._save(trainer, trainer.current_epoch + 1)
        self._pass_on(self._asked)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore before Lightning restores the handlers that it found, which would keep this trainer alive."""
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            self._pass_on(number)
        self._asked = number

    def _save(self, trainer: pl.Trainer, finished: int) -> None:
        trainer.save_checkpoint(self.path)
        tell_saved(self.path.parent, finished, epochs_of(trainer))
        self._saved = time.monotonic()

    def _pass_on(self, number: int) -> None:
        if number:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before, self._asked = {}, 0
