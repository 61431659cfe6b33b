"""When a training ends before its budget."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping


class Patience(EarlyStopping):
    """Ends a training after `patience` epochs without a better `monitor`, also one resumed after the last of them."""

    def __init__(self, monitor: str, mode: str, patience: int) -> None:
        super().__init__(monitor, patience=patience, mode=mode, check_on_train_epoch_end=True)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True
