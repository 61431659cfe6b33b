"""The data that a configuration names: its data set, its window, its decoded images."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medxfer.base.errors import MedxferError, PrivateError
from medxfer.data.sources.targets import source_class
from medxfer.data.store.build import GrayStore, Progress, check_modality, open_store
from medxfer.data.store.dataset import DatasetInfo, open_dataset


def dataset_of(config: DictConfig) -> DatasetInfo:
    """The data set, opened once a process. Raises MedxferError if a setting is missing or the data are not as
    described."""
    for key in config.data:
        if OmegaConf.is_missing(config.data, key):
            raise MedxferError(f"data={config.data.name} needs data.{key}: give it as data.{key}=…")
    source = OmegaConf.to_container(config.data.source, resolve=True)
    return _open_dataset(json.dumps(source), str(config.store.root), config.data.keep_aspect)


@contextmanager
def _private() -> Iterator[None]:
    """An error in the data names files and patients, which no record may hold."""
    try:
        yield
    except MedxferError as error:
        raise PrivateError(str(error)) from error


@lru_cache(maxsize=8)
@_private()
def _open_dataset(source: str, store_root: str, keep_aspect: bool) -> DatasetInfo:
    settings = json.loads(source)
    kind: Any = source_class(settings.pop("_target_"))  # not instantiate(): Hydra wraps a source's own errors
    return open_dataset(kind(**settings), Path(store_root).expanduser().resolve(), keep_aspect)


_stores: dict[tuple[Any, ...], GrayStore] = {}  # shared by the cells of this process


def store_of(
    dataset: DatasetInfo,
    image_size: int,
    hounsfield: bool,
    max_rejected: float,
    progress: Progress | None,
) -> GrayStore:
    """The decoded images of `dataset`, opened once a process. Raises MedxferError as `open_store`."""
    check_modality(dataset, hounsfield)
    key = (dataset, image_size, hounsfield)
    if key not in _stores:
        with _private():
            _stores[key] = open_store(dataset, image_size, hounsfield, max_rejected, progress=progress)
    return _stores[key]
