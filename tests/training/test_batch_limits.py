"""How many batches a cell takes of each part: what Lightning takes, so that a plan's numbers are a training's."""

import numpy as np
import pytest
import pytorch_lightning as pl
from omegaconf import OmegaConf
from pytorch_lightning.demos.boring_classes import BoringModel, RandomDataset
from torch.utils.data import DataLoader

from medxfer.data.serve.module import EVALUATED, batches_of
from medxfer.training.batch_limits import limited_batches


def taken_by_lightning(loaders: dict[str, DataLoader], limit: float | int, folder) -> dict[str, int]:
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, default_root_dir=folder,
        limit_train_batches=limit, limit_val_batches=limit, limit_test_batches=limit,
    )  # fmt: skip
    model = BoringModel()
    trainer.fit(model, loaders["train"], loaders["val"])
    found = {"train": int(trainer.num_training_batches), "val": int(trainer.num_val_batches[0])}
    trainer.test(model, loaders["test"], verbose=False)
    return {**found, "test": int(trainer.num_test_batches[0])}


@pytest.mark.parametrize("limit", [1, 2, 5, 99, 0.29, 0.5, 0.999, 1.0])
def test_they_are_those_that_lightning_takes(tmp_path, limit):
    images = {"train": 29, "val": 53, "test": 64}  # 7 batches, for the eighth has one image; 4; 4
    parts = np.repeat(list(images), list(images.values()))
    config = OmegaConf.create({"batch_size": 4, "trainer": {f"limit_{part}_batches": limit for part in images}})
    loaders = {part: DataLoader(RandomDataset(32, batches_of(part, n, 4)), num_workers=0) for part, n in images.items()}
    assert [len(loader) for loader in loaders.values()] == [7, 4, 4]
    assert limited_batches(config, parts) == taken_by_lightning(loaders, limit, tmp_path)


def test_without_limits_they_are_all():
    parts = np.repeat(["train", "val", "test", ""], [9, 3, 17 * EVALUATED, 50])
    config = OmegaConf.create({"batch_size": 2, "trainer": {}})
    assert limited_batches(config, parts) == {"train": 4, "val": 1, "test": 9}
