"""The data that a configuration names: its data set, its decoded images, its split."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import get_class
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from medxfer.base.errors import MedxferError, PrivateError
from medxfer.data.split import SplitSettings, split_images
from medxfer.data.split_file import given_parts
from medxfer.data.store.build import SAME_PICTURE, GrayStore, Progress, check_modality, open_store
from medxfer.data.store.identity import Dataset, open_dataset


def dataset_of(config: DictConfig) -> Dataset:
    """The data set; opened once a process. Raises MedxferError where a setting is missing or it is not as described."""
    settings: dict[str, Any] = OmegaConf.to_container(config.data, resolve=False)  # type: ignore[assignment]
    for key, value in settings.items():
        if value == "???":
            raise MedxferError(f"data={config.data.name} needs data.{key}: give it as data.{key}=…")
    source = OmegaConf.to_container(config.data.source, resolve=True)
    with _private():
        return _open_dataset(json.dumps(source), str(config.store.root), config.data.keep_aspect)


@contextmanager
def _private() -> Iterator[None]:
    """What is wrong with the data is said with names of files and patients, which no record may hold."""
    try:
        yield
    except MedxferError as error:
        raise PrivateError(str(error)) from error


@lru_cache(maxsize=8)
def _open_dataset(source: str, store_root: str, keep_aspect: bool) -> Dataset:
    settings = json.loads(source)
    kind = get_class(settings.pop("_target_"))  # not instantiate(), which wraps a source's own errors in Hydra's
    return open_dataset(kind(**settings), Path(store_root).expanduser().resolve(), keep_aspect)


_stores: dict[tuple[Any, ...], GrayStore] = {}  # shared by the cells of this process


def store_of(
    dataset: Dataset,
    image_size: int,
    hounsfield: bool,
    max_rejected: float,
    progress: Progress | None,
) -> GrayStore:
    """The decoded images of `dataset`; opened once a process."""
    key = (dataset, image_size, hounsfield)
    check_modality(dataset, hounsfield)
    if key not in _stores:
        with _private():
            _stores[key] = open_store(dataset, image_size, hounsfield, max_rejected, progress=progress)
    return _stores[key]


@dataclass(frozen=True, eq=False)
class Split:
    """How a configuration divides a store's images."""

    settings: SplitSettings
    store: GrayStore
    images: pd.DataFrame  # the store's, with the parts that are given in the column split
    training_seed: int
    given: str | None  # the content of data.split.file, as eight hex digits

    @property
    def name(self) -> str:
        """Tells two ways to divide the same images apart."""
        redrawn = f"-seed{self.training_seed}" if self.settings.resample else ""
        return f"split{self.settings.seed}{redrawn}" + (f"-given-{self.given}" if self.given else "")

    @property
    def identity(self) -> dict[str, Any]:
        """What of it makes a training another: the settings, with the file's content in place of its path."""
        return {**asdict(self.settings), "file": self.given}

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to say of the parts that a file gives."""
        divided = int((self.images.groupby("pixels")["split"].nunique() > 1).sum()) if self.given else 0
        return (f"{SAME_PICTURE} in two parts of data.split.file: {divided} pictures",) if divided else ()

    def draw(self) -> NDArray[np.str_]:
        """The part of every image, (N,). Raises MedxferError where there is no such split."""
        return split_images(self.images, self.store.labels, self.store.classes, self.settings, self.training_seed)


def split_of(config: DictConfig, dataset: Dataset, store: GrayStore) -> Split:
    """The split that `config` asks for, not drawn yet. Raises MedxferError where its settings cannot be."""
    settings = SplitSettings(**config.data.split)
    if not settings.file:
        return Split(settings, store, store.images, config.seed, None)
    with _private():
        parts = given_parts(settings.file, dataset, store)
    content = "\n".join(sorted(store.images["image"] + parts))
    given = hashlib.sha256(content.encode()).hexdigest()[:8]
    return Split(settings, store, store.images.assign(split=parts), config.seed, given)
