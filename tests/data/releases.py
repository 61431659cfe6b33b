"""Miniature releases for the tests: pictures, CT and DX files, and what becomes of them in a cell."""

from pathlib import Path
from typing import Any

import numpy as np
from dicom_files import write_dicom
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from PIL import Image

from medxfer.base.config import CONF
from medxfer.data.sources.source import Source
from medxfer.data.store.dataset import dataset_of
from medxfer.training.prepare import prepare
from medxfer.training.settled_cell import Prepared

_rng = np.random.default_rng(0)


def picture(path: Path) -> Path:
    """A random gray picture, PNG or JPEG by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_rng.integers(0, 256, (12, 10), dtype=np.uint8)).save(path)
    return path


def dicom(path: Path, **elements: Any) -> Path:
    """A random 12-bit DX image, or what `elements` make of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_dicom(
        path, _rng.integers(0, 3000, (12, 10), dtype=np.uint16), **{"BitsStored": 12, "HighBit": 11} | elements
    )


def compose_cell(folder: Path, *overrides: str) -> DictConfig:
    """The configuration of a small cell with its store and its study under `folder`."""
    common = [
        "backbone=test_efficientnet", "pretrained=false", "image_size=32", "batch_size=8", "logger=none",
        "trainer.max_epochs=1", f"store.root={folder / 'cache'}", f"study.root={folder / 'studies'}",
    ]  # fmt: skip
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [*common, *overrides])


def prepared(folder: Path, *overrides: str) -> Prepared:
    """That cell with its store and its split; its refusal is raised."""
    return prepare(compose_cell(folder, *overrides))


def split_of(cell: Prepared, source: Source) -> dict[str, set[str]]:
    """The names of the files in train, val and test."""
    files = source.index().images["file"]
    names = dict(zip(dataset_of(cell.config).pseudonyms("image", files), files, strict=True))
    images = cell.store.images["image"].map(names)
    return {part: set(images[cell.parts == part]) for part in ("train", "val", "test")}
