"""The stores of decoded images under store.root: which there are, and how to be rid of them."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class StoreFolder:
    """One store: a data set at one size, in HU or as display gray."""

    folder: Path
    source: str  # the kind of release, such as DicomFolder
    root: str  # where its files lay when it was last opened; "" where that is not known
    images: int
    bytes: int
    built: float  # seconds since the epoch
    used: float  # when the data set was last opened

    @property
    def settings(self) -> str:
        return self.folder.name


def find_stores(root: Path) -> list[StoreFolder]:
    """All finished stores under `root`, last used first."""
    found = [_read(path.parent) for path in root.glob("*/*/store.json") if (path.parent / "gray.npy").is_file()]
    return sorted(found, key=lambda store: -store.used)


def other_folders(root: Path) -> dict[str, int]:
    """What else lies under `root` (drawn phantoms, downloads, headers that were read), with its bytes."""
    stores = {store.folder.parent for store in find_stores(root)}
    folders = [path for path in sorted(root.glob("*")) if path.is_dir() and path not in stores]
    return {path.name: _bytes(path) for path in folders if _bytes(path)}


def prune(root: Path, unused_days: float) -> tuple[list[StoreFolder], list[StoreFolder]]:
    """Remove the stores that have not been used for `unused_days`. Returns those removed, and those that another
    process is building and that were kept. A training that has a store open keeps what it has mapped."""
    old = [store for store in find_stores(root) if time.time() - store.used >= unused_days * DAY]
    removed, kept = [], []
    for store in old:
        try:
            with FileLock(store.folder.with_name(f"{store.settings}.lock"), timeout=0):
                (store.folder / "store.json").unlink()  # first, so that what is half removed does not count
                shutil.rmtree(store.folder)
            removed.append(store)
        except Timeout:
            kept.append(store)
    for folder in {store.folder.parent for store in removed}:
        if not any(path.is_dir() for path in folder.iterdir()):
            shutil.rmtree(folder)
    return removed, kept


def _read(folder: Path) -> StoreFolder:
    record = folder.parent / "dataset.json"
    about = json.loads(record.read_text()) if record.is_file() else {}
    built = (folder / "store.json").stat().st_mtime
    return StoreFolder(
        folder=folder,
        source=about.get("source", folder.parent.name.partition("-")[0]),
        root=about.get("root", ""),
        images=len(np.load(folder / "gray.npy", mmap_mode="r")),
        bytes=_bytes(folder),
        built=built,
        used=max(built, record.stat().st_mtime) if about else built,
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
