"""What a cell costs beside its arithmetic, and what a frozen network's features save.

`make bench` prints the figures and adds them to results.csv; run it on a machine that does nothing else.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from cells import small_config
from hydra import compose, initialize_config_dir
from measure import record
from omegaconf import DictConfig
from scale import LONG_ONLY, setting
from torch import nn
from torch.utils.data import DataLoader

import medxfer.training.fit
from medxfer.base.batch import RenderedBatch
from medxfer.base.config import CONF
from medxfer.model.recipe import create_optimizer, parameter_groups, warmup_cosine
from medxfer.training.prepare import prepare
from medxfer.training.run import train_cell
from medxfer.training.settled_cell import Prepared
from medxfer.training.wire import wire

pytestmark = pytest.mark.benchmark

THREADS = int(os.environ.get("OMP_NUM_THREADS", 2))
PAIRS = setting("TRAININGS", 1, 7)
EPOCHS, BATCHES, BATCH, SIZE = 2, 40, 32, 64  # of the long cell; the short one has one epoch of one batch


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


class Synthetic(pl.LightningDataModule):
    """Rendered batches that lie on the device already."""

    def __init__(self, prepared: Prepared, renderer: nn.Module, batches: int, device: torch.device) -> None:
        super().__init__()
        self.renderer, self.batch_size = renderer, BATCH  # for the record, and the line at the terminal
        generator = torch.Generator().manual_seed(0)
        rows = {part: torch.from_numpy(np.flatnonzero(prepared.parts == part)) for part in ("val", "test")}
        pixels = torch.randn(4 * BATCH, 3, SIZE, SIZE, generator=generator)
        label = torch.arange(4 * BATCH) % 2

        def batch(start: int, row: torch.Tensor) -> RenderedBatch:
            part = pixels[start : start + len(row)].contiguous(memory_format=torch.channels_last)
            return RenderedBatch(part.to(device), label[: len(row)].to(device), row.to(device))

        self.train = [batch(BATCH * (n % 4), torch.arange(BATCH)) for n in range(batches)]
        self.val, self.test = ([batch(0, rows[part])] for part in ("val", "test"))

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.train, batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.val, batch_size=None)  # type: ignore[arg-type]

    def test_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.test, batch_size=None)  # type: ignore[arg-type]


def bare(model: nn.Module, data: Synthetic, config: DictConfig) -> None:
    """The arithmetic alone: steps, validation and test."""
    optimizer = create_optimizer("adamw", parameter_groups(model.backbone, None, lr=1e-3, weight_decay=0.05))
    schedule = warmup_cosine(optimizer, config.trainer.max_epochs * len(data.train), 0.1)
    for _ in range(config.trainer.max_epochs):
        model.train()
        for pixels, label, _ in data.train:
            optimizer.zero_grad()
            model.loss(model(pixels), label).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        evaluate(model, data.val)
    evaluate(model, data.test)


@torch.no_grad()
def evaluate(model: nn.Module, batches: list[RenderedBatch]) -> None:
    model.eval()
    for batch in batches:
        model(batch.pixels).softmax(dim=1).cpu()


def test_what_a_cell_costs_beside_its_arithmetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainer, W&B's offline run, curves, checkpoints, predictions and records over a bare loop."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    numbers = iter(range(10_000))

    def prepared(batches: int, epochs: int) -> tuple[Prepared, Any, Synthetic]:
        config = small_config(
            tmp_path, "backbone=tf_efficientnet_lite0", f"image_size={SIZE}", f"trainer.max_epochs={epochs}",
            "logger=wandb", f"study.name=s{next(numbers)}", n=320,
        )  # fmt: skip
        cell = prepare(config)
        model, data = wire(cell)
        return cell, model, Synthetic(cell, data.renderer, batches, device)

    def ours(batches: int, epochs: int) -> Callable[[], object]:
        def call() -> object:
            cell, model, data = prepared(batches, epochs)
            monkeypatch.setattr(medxfer.training.fit, "wire", lambda _: (model, data))
            started = time.perf_counter()
            train_cell(cell)
            return time.perf_counter() - started

        return call

    def plain(batches: int, epochs: int) -> Callable[[], object]:
        def call() -> object:
            cell, model, data = prepared(batches, epochs)
            model.to(device)
            started = time.perf_counter()
            bare(model, data, cell.config)
            return time.perf_counter() - started

        return call

    long, short = (BATCHES, EPOCHS), (1, 1)
    calls = {"cell": ours(*long), "bare": plain(*long), "short cell": ours(*short), "short bare": plain(*short)}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(PAIRS + 1):
        for name, call in calls.items():
            taken = call()
            if number:  # the first round warms up
                seconds[name].append(taken)  # type: ignore[arg-type]
    each = list(zip(*seconds.values(), strict=True))
    name = f"EfficientNet-Lite0, {EPOCHS} × {BATCHES} batches of {BATCH} × {SIZE} px"
    print()
    record(name, "bare loop", seconds["bare"], "s")
    record(name, "a whole cell / bare loop", [cell / plain for cell, plain, *_ in each], "×")
    growth = [(cell - small) / (plain - tiny) for cell, plain, small, tiny in each]
    record(name, "what grows with the training / bare loop", growth, "×", "at most 1.03")
    record(name, "what every cell costs once", [small - tiny for *_, small, tiny in each], "s", "at most 1")
    assert len(each) == PAIRS


@pytest.mark.parametrize(("size", "goal"), [(64, ""), pytest.param(224, "at least 20", marks=LONG_ONLY)])
def test_what_features_save(tmp_path: Path, size: int, goal: str) -> None:
    """Four seeds of a frozen arm on 5,000 images: the first computes the features, the others find them."""
    random = np.random.default_rng(0)
    parts = {"train": 4000, "val": 500, "test": 500}
    arrays = {f"{part}_images": random.integers(0, 256, (n, 28, 28), np.uint8) for part, n in parts.items()}
    arrays |= {f"{part}_labels": random.integers(0, 2, (n, 1), np.uint8) for part, n in parts.items()}
    np.savez(tmp_path / "breastmnist.npz", **arrays)
    seconds = []
    for seed in range(4):
        overrides = [
            "data=medmnist", f"data.path={tmp_path / 'breastmnist.npz'}", f"seed={seed}", "finetune=head",
            "augment=null", f"image_size={size}", f"batch_size={BATCH}", "logger=none",
            f"store.root={tmp_path / 'cache'}", f"study.root={tmp_path / 'studies'}",
        ]  # fmt: skip
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", overrides)
        prepared = prepare(config)
        started = time.perf_counter()
        train_cell(prepared)
        seconds.append(time.perf_counter() - started)
    name = f"EfficientNet-Lite0 frozen, 5,000 images of {size} px, 8 epochs"
    print()
    record(name, "first seed", seconds[:1], "s")
    record(name, "each later seed", seconds[1:], "s")
    ratio = record(name, "first / later", [seconds[0] / later for later in seconds[1:]], "×", goal)
    assert ratio > 1
