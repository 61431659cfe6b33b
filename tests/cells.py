"""Cells of random pictures and a small network, trained in this process."""

from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.training.run import train


def small_settings(folder: Path, n: int = 40) -> list[str]:
    """The settings of a cell that trains in a second; its pictures, cache and studies lie in `folder`."""
    images = folder / "in"
    if not images.is_dir():
        make_pictures(images, n=n)
    return [
        "data=images", f"data.root={images}", "backbone=test_efficientnet", "pretrained=false", "image_size=32",
        "batch_size=8", "trainer.max_epochs=2", "logger=none", f"store.root={folder / 'cache'}",
        f"study.root={folder / 'studies'}",
    ]  # fmt: skip


def small_config(folder: Path, *overrides: str, n: int = 40) -> DictConfig:
    """The configuration of such a cell."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [*small_settings(folder, n), *overrides])


def train_small(folder: Path, *overrides: str) -> tuple[Path, dict[str, Any]]:
    """Train that cell; its folder, and the objects that it was trained with."""
    before = set(folder.glob("studies/*/cells/*"))
    _, objects = train(small_config(folder, *overrides))
    (cell,) = set(folder.glob("studies/*/cells/*")) - before
    return cell, objects
