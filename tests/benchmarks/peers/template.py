"""Peer (c): the shape of the community's Lightning + Hydra template: a fresh DataModule, module and Trainer a cell.

All cells in one process (Hydra's basic launcher); DataLoader workers that persist, a checkpoint of the best epoch, a
CSV logger, no progress bar and no model summary, which a terminal would have to be paid for.
"""

from pathlib import Path
from types import SimpleNamespace

import hydra
import pytorch_lightning as pl
import torch
from common import write_scores
from lightning_loop import Lit
from omegaconf import DictConfig
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from student import loaders
from torch.utils.data import DataLoader


class Data(pl.LightningDataModule):
    """The student's images, as a DataModule."""

    def __init__(self, config: DictConfig) -> None:
        super().__init__()
        self.config = config

    def setup(self, stage: str) -> None:
        options = SimpleNamespace(table=self.config.table, size=self.config.size, batch=self.config.batch)
        self.loaders = loaders(options, self.config.colormap)  # type: ignore[arg-type]

    def train_dataloader(self) -> DataLoader:
        return self.loaders["train"]

    def val_dataloader(self) -> DataLoader:
        return self.loaders["val"]

    def test_dataloader(self) -> DataLoader:
        return self.loaders["test"]


@hydra.main(version_base="1.3", config_path=".", config_name="template")
def main(config: DictConfig) -> None:
    pl.seed_everything(config.seed)
    model = Lit(config.network, Path(config.weights) if config.pretrained else None)
    cell = Path(config.out) / f"{config.colormap}-{config.pretrained}"
    best = ModelCheckpoint(dirpath=cell, monitor="val/auroc", mode="max", save_last=True)
    trainer = pl.Trainer(
        max_epochs=config.epochs, precision=config.precision, callbacks=[best], logger=CSVLogger(cell),
        gradient_clip_val=1.0,
        num_sanity_val_steps=0, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    data = Data(config)
    trainer.fit(model, data)
    trainer.test(model, data, ckpt_path=best.best_model_path, verbose=False)
    write_scores(Path(config.out), config.colormap, config.pretrained, torch.cat(model.scores), torch.cat(model.labels))


if __name__ == "__main__":
    main()
