"""A data set's store: built if it is not there yet, by one process for all, and opened."""

import shutil
from typing import Any

import numpy as np
from filelock import FileLock

from medxfer.base.display import Step
from medxfer.base.errors import MedxferError
from medxfer.base.files import private_folder, replace_folder
from medxfer.data.sources.joined import JoinedSets
from medxfer.data.store.build import build_store
from medxfer.data.store.dataset import DatasetInfo, open_dataset, private_errors
from medxfer.data.store.gray_range import check_odd
from medxfer.data.store.gray_store import VERSION, GrayStore, load_store
from medxfer.data.store.joined_store import join_stores
from medxfer.data.store.rejected import check_rejected


def open_store(
    dataset: DatasetInfo,
    image_size: int,
    hounsfield: bool,
    max_rejected: float = 0.2,
    workers: int | None = None,
    progress: Step | None = None,
    max_missing: float = 0.2,
) -> GrayStore:
    """The store of `dataset` at `image_size` pixels, built if it is not there yet.

    With `hounsfield` it holds HU (int16), else display gray. Two processes that want the same store build it once; one
    that is killed meanwhile leaves nothing that counts as a store. Files that are missing or cannot be read are left
    out and counted. Raises MedxferError if more than the share `max_missing` of the files is missing, or, with the
    reasons, more than the share `max_rejected` of those that are there cannot be used.
    """
    check_modality(dataset, hounsfield)
    settings = f"v{VERSION}-{image_size}px-{'hu' if hounsfield else 'gray'}"
    folder = dataset.folder / settings
    with FileLock(dataset.folder / f"{settings}.lock"):
        if not (folder / "store.json").is_file():
            partial = dataset.folder / f"{settings}.partial"
            try:
                shutil.rmtree(partial, ignore_errors=True)
                private_folder(partial)
                if isinstance(dataset.source, JoinedSets):
                    sets = _opened(dataset, dataset.source)
                    stores = [
                        open_store(one, image_size, hounsfield, 1.0, workers, progress, 1.0) for one in sets.values()
                    ]
                    join_stores(dataset, sets, stores, partial)
                else:
                    build_store(dataset, partial, image_size, hounsfield, max_rejected, max_missing, workers, progress)
                replace_folder(partial, folder)
            except OSError as error:
                raise MedxferError(
                    f"store.root: {partial} cannot be written ({error.strerror or error}); free some space, or give "
                    "another folder by store.root="
                ) from error
    store = load_store(dataset, folder)
    check_rejected(dataset, store.rejected, len(np.unique(store.rows)), max_rejected, max_missing)
    if dataset.odd_range is None:
        check_odd(list(store.images["odd"]), folder / "files.csv", max_rejected)
    return store


def _opened(dataset: DatasetInfo, source: JoinedSets) -> dict[str, DatasetInfo]:
    """The data sets that are joined, by name."""
    return {
        name: open_dataset(one, dataset.folder.parent, dataset.keep_aspect, dataset.keep, odd_range=dataset.odd_range)
        for name, one in source.sets.items()
    }


def check_modality(dataset: DatasetInfo, hounsfield: bool) -> None:
    """Raise MedxferError if Hounsfield units are asked for and the images are not CT."""
    if hounsfield and dataset.modality != "CT":
        raise MedxferError(
            f"a window in Hounsfield units needs CT images; these are '{dataset.modality}': use window=file"
        )


_stores: dict[tuple[Any, ...], GrayStore] = {}  # shared by the cells of this process


def store_of(
    dataset: DatasetInfo,
    image_size: int,
    hounsfield: bool,
    max_rejected: float,
    progress: Step | None,
    max_missing: float = 0.2,
) -> GrayStore:
    """The decoded images of `dataset`, opened once a process. Raises MedxferError as `open_store`."""
    check_modality(dataset, hounsfield)
    key = (dataset, image_size, hounsfield)
    if key not in _stores:
        with private_errors():
            _stores[key] = open_store(
                dataset, image_size, hounsfield, max_rejected, progress=progress, max_missing=max_missing
            )
    return _stores[key]
