"""The DataModule: the same batches in the same order for every arm, whole epochs, rendered in Lightning's hook."""

from itertools import chain

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pictures import make_pictures
from torch import nn

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.data.serve.module import GrayDataModule, StoredBatches, batches_of
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.dataset import open_dataset
from medxfer.data.store.open import open_store


class Recorder(nn.Module):
    """A renderer that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[list[int], tuple[int, ...] | None]] = []

    def forward(self, batch: GrayBatch, key: tuple[int, ...] | None) -> RenderedBatch:
        self.calls.append((batch.row.tolist(), key))
        return RenderedBatch(batch.gray[:, None].float(), batch.label, batch.row)


class Nothing(pl.LightningModule):
    """Trains nothing; it is there so that a Trainer can run."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def training_step(self, batch: RenderedBatch, batch_idx: int) -> torch.Tensor:
        return self.weight * batch.pixels.mean()

    def validation_step(self, batch: RenderedBatch, batch_idx: int) -> None: ...

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def module_of(tmp_path, renderer: Recorder, batch_size: int, seed: int = 0) -> GrayDataModule:
    """Twelve training images, four of validation, four of test."""
    root = make_pictures(tmp_path / "in", n=20)
    source = ImageFolder(str(root), str(root / "labels.csv"))
    store = open_store(open_dataset(source, tmp_path / "cache"), 8, hounsfield=False)
    return GrayDataModule(store, np.array(["train"] * 12 + ["val"] * 4 + ["test"] * 4), renderer, batch_size, seed)


def calls(tmp_path, seed: int, epochs: int = 2, batch_size: int = 4):
    recorder = Recorder()
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Nothing(), module_of(tmp_path, recorder, batch_size, seed))
    return recorder.calls


def test_training_batches_are_keyed_and_validation_is_not_augmented(tmp_path):
    made = calls(tmp_path, seed=5)
    keys = [key for _, key in made]
    assert keys == [(5, 0, 0), (5, 0, 1), (5, 0, 2), None, (5, 1, 0), (5, 1, 1), (5, 1, 2), None]


def test_each_epoch_has_every_image_once_in_a_new_order(tmp_path):
    train = [index for index, key in calls(tmp_path, seed=0) if key is not None]
    first, second = [*chain(*train[:3])], [*chain(*train[3:])]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_the_same_seed_gives_the_same_batches_and_another_does_not(tmp_path):
    assert calls(tmp_path, seed=1) == calls(tmp_path, seed=1)
    assert calls(tmp_path, seed=1) != calls(tmp_path, seed=2)


def test_validation_is_in_the_stores_order(tmp_path):
    val = [index for index, key in calls(tmp_path, seed=0) if key is None]
    assert val == [[12, 13, 14, 15]] * 2


def test_a_last_batch_of_one_is_left_out(tmp_path):
    train = [index for index, key in calls(tmp_path, seed=0, epochs=1, batch_size=11) if key is not None]
    assert [len(batch) for batch in train] == [11]


@pytest.mark.parametrize("batch_size", [1, 2, 5, 11, 12, 13])
def test_batches_are_counted_as_they_are_served(tmp_path, batch_size):
    module = module_of(tmp_path, Recorder(), batch_size)
    assert batches_of("train", 12, batch_size) == len(list(module.train_dataloader()))
    assert batches_of("val", 4, batch_size) == len(list(module.val_dataloader()))


def test_a_training_on_resident_images_is_the_same(tmp_path, monkeypatch):
    of_map = calls(tmp_path, seed=0)
    monkeypatch.setattr("medxfer.data.serve.module.resident", lambda store, _: torch.from_numpy(np.array(store.gray)))
    asked = []

    def record(self: StoredBatches, rows: list[int], get=StoredBatches.__getitems__):
        assert isinstance(self.values, torch.Tensor)
        asked.append(rows)
        return get(self, rows)

    monkeypatch.setattr(StoredBatches, "__getitems__", record)
    assert calls(tmp_path, seed=0) == of_map
    assert len(asked) == len(of_map)
