"""A cell before its training, and what is known of it then."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.base.series import IMAGE
from medxfer.base.window import Window
from medxfer.base.words import AUTO
from medxfer.data.external import ExternalSet
from medxfer.data.split import Split
from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.gray_store import GrayStore
from medxfer.model.weights import WeightsRecord
from medxfer.study.cell import Cell


@dataclass(frozen=True)
class ColorFile:
    """The user's own table of colours, which the cell keeps."""

    name: str  # without folder
    content: bytes

    @classmethod
    def of(cls, path: Path) -> "ColorFile":
        return cls(path.name, path.read_bytes())

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, eq=False)
class Settled:
    """A cell that can be."""

    cell: Cell
    dataset: DatasetInfo
    store: GrayStore
    split: Split
    parts: NDArray[np.str_]  # (N,) train, val, test, or "" for what train_fraction leaves out
    window: Window | None  # in HU; None for display gray
    weights: WeightsRecord | None  # None for random initialisation
    external: tuple[ExternalSet, ...] = ()  # what it is scored on beside its own test part
    colors: ColorFile | None = None  # the file of colormap=file:<path>
    score: str = IMAGE  # what is judged: data.score

    def prepared(self, config: DictConfig) -> "Prepared":
        """The same with its `config`, in which image_size is a number."""
        if config.image_size == AUTO:
            config = config.copy()
            config.image_size = self.cell.factors["image_size"]
        return Prepared(**vars(self), config=config)


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared(Settled):
    """A cell with all that its training needs."""

    config: DictConfig
