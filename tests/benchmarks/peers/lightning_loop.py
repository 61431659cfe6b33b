"""The LightningModule of the peers that train with Lightning, as its documentation writes it."""

from pathlib import Path

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from common import network, positive, recipe
from torch import Tensor
from torchmetrics.classification import BinaryAUROC


class Lit(pl.LightningModule):
    """Cross-entropy, AUROC of validation, and the test's scores."""

    def __init__(self, name: str, weights: Path | None) -> None:
        super().__init__()
        self.model = network(name, weights)
        self.auroc = BinaryAUROC()
        self.scores: list[Tensor] = []
        self.labels: list[Tensor] = []

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(pixels.contiguous(memory_format=torch.channels_last))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        pixels, label = batch
        loss = F.cross_entropy(self(pixels), label)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        pixels, label = batch
        self.auroc(positive(self(pixels)), label)
        self.log("val/auroc", self.auroc, on_step=False, on_epoch=True)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        pixels, label = batch
        self.scores.append(positive(self(pixels)).cpu())
        self.labels.append(label.cpu())

    def configure_optimizers(self) -> dict:
        optimizer, schedule = recipe(self.model, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
