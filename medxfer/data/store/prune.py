"""The stores of decoded images under store.root: list them, and delete those that are not used."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from medxfer.base.files import read_json

DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class StoreFolder:
    """A store, or what a build that was killed has left of one."""

    folder: Path
    kept_as: str  # the folder's name: version, size, and HU or display gray, such as "v4-224px-hu"
    source: str  # the kind of release, such as DicomFolder
    root: str  # where its files were when it was last opened
    images: int  # 0 if it is not finished
    bytes: int
    built: float  # seconds since the epoch
    used: float  # when the data set was last opened


def find_stores(root: Path) -> list[StoreFolder]:
    """All stores under `root`, last used first."""
    found = [_store(folder, record) for record in root.glob("*/dataset.json") for folder in record.parent.glob("v*/")]
    return sorted(found, key=lambda store: -store.used)


def other_folders(root: Path) -> dict[str, int]:
    """The other folders under `root` (drawn phantoms, downloads, headers that were read), with their bytes."""
    stores = {store.folder.parent for store in find_stores(root)}
    folders = [path for path in sorted(root.glob("*")) if path.is_dir() and path not in stores]
    return {path.name: _bytes(path) for path in folders if _bytes(path)}


def prune(root: Path, unused_days: float) -> tuple[list[StoreFolder], list[StoreFolder]]:
    """Remove the stores that have not been used for `unused_days`. Returns those removed, and those kept because
    another process builds them. A training that has a store open keeps what it has mapped."""
    removed, kept = [], []
    for store in find_stores(root):
        if time.time() - store.used < unused_days * DAY:
            continue
        try:
            with FileLock(store.folder.with_name(f"{store.kept_as.removesuffix('.partial')}.lock"), timeout=0):
                (store.folder / "store.json").unlink(missing_ok=True)  # first: what is half removed is no store
                shutil.rmtree(store.folder)
            removed.append(store)
        except Timeout:
            kept.append(store)
    for folder in {store.folder.parent for store in removed}:
        if not any(path.is_dir() for path in folder.iterdir()):
            shutil.rmtree(folder)
    return removed, kept


def _store(folder: Path, record: Path) -> StoreFolder:
    finished = folder / "store.json"
    built = (finished if finished.is_file() else folder).stat().st_mtime
    return StoreFolder(
        folder=folder,
        kept_as=folder.name,
        **read_json(record),
        images=len(np.load(folder / "gray.npy", mmap_mode="r")) if finished.is_file() else 0,
        bytes=_bytes(folder),
        built=built,
        used=max(built, record.stat().st_mtime),
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
