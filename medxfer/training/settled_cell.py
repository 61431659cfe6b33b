"""A cell before its training: one that can be, with what is known of it then, or one that cannot, and why."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.series import IMAGE
from medxfer.base.window import Window, window_name
from medxfer.base.words import AUTO
from medxfer.data.external import ExternalSet
from medxfer.data.split import Split
from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.gray_store import GrayStore
from medxfer.model.weights import WeightsRecord
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import Json, cell_name, factors


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
    """A cell that can be, and what is known of it before its training."""

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


@dataclass(frozen=True, eq=False)
class Impossible:
    """A cell that cannot be, and why; it still has a name, so that a study can record it as failed."""

    config: DictConfig
    values: Json
    error: MedxferError

    def cell(self, study: Study, modality: str | None) -> Cell:
        """Its place in `study`, with the factors that it has once it can be; `modality` is that of its data, if known.

        A cell of the study that has these factors is meant: it may be done, where its weights were at hand.
        """
        window = self.values["window"]
        if modality is not None:
            with suppress(MedxferError):
                window = window_name(window, modality)
        named = factors(self.config, self.values, window)
        known = next((name for name, planned in study.planned.items() if planned == named), "")
        return Cell(study, known or cell_name(named, {"impossible": named}), named)
