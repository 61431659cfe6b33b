"""A cell's curves for its own record; they survive a restart with the checkpoint."""

from typing import Any

import pytorch_lightning as pl


class History(pl.Callback):
    """What was logged in each finished epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        logged = {name: round(float(value), 7) for name, value in trainer.callback_metrics.items()}
        self.epochs.append({"epoch": trainer.current_epoch, **dict(sorted(logged.items()))})

    def best(self, monitor: str, mode: str) -> int:
        """The epoch with the best `monitor` ("min" or "max"), the first of equals, as ModelCheckpoint chooses."""
        sign = 1 if mode == "min" else -1
        return min(range(len(self.epochs)), key=lambda epoch: sign * self.epochs[epoch][monitor])

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = state_dict["epochs"]
