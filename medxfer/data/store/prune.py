"""The stores of decoded images under store.root: list them, and delete those that are not used."""

import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from medxfer.base.files import read_json

DAY = 86_400.0  # seconds
KEPT = ("contents", "headers")  # folders of what was read of files
DATA_SET = re.compile(r"-[0-9a-f]{16}$")  # how the name of a data set's folder ends
PARTIAL = re.compile(r"\.partial(-[0-9a-f]+)?$")  # how the name of what is not written whole ends


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
    found = [_store(folder, folder.parent / "dataset.json") for folder in root.glob("*/v*px-*/")]
    return sorted(found, key=lambda store: -store.used)


def other_folders(root: Path) -> dict[str, int]:
    """The other folders under `root` (drawn phantoms, downloads, what was read of files), with their bytes."""
    stores = {store.folder.parent for store in find_stores(root)}
    folders = [path for path in sorted(root.glob("*")) if path.is_dir() and path not in stores]
    return {path.name: _bytes(path) for path in folders if _bytes(path)}


class Pruned(NamedTuple):
    """What became of what is old enough."""

    removed: list[StoreFolder]
    kept: list[StoreFolder]  # another process builds them
    refused: dict[Path, str]  # what the disk or its rights did not let go, and why


def prune(root: Path, unused_days: float) -> Pruned:
    """Remove the stores, and what was read of files, that have not been used for `unused_days`, and what killed
    processes have left half-written.

    A training that has a store open keeps what it has mapped.
    """
    removed, kept = [], []
    refused: dict[Path, str] = {}
    before = time.time() - unused_days * DAY
    unbuilt = [path for path in root.glob("*") if DATA_SET.search(path.name) and not _has_folders(path)]
    for store in find_stores(root):
        if store.used > before:
            continue
        try:
            with FileLock(store.folder.with_name(f"{store.kept_as.removesuffix('.partial')}.lock"), timeout=0):
                (store.folder / "store.json").unlink(missing_ok=True)  # first: what is half removed is no store
                shutil.rmtree(store.folder)
            removed.append(store)
        except Timeout:
            kept.append(store)
        except OSError as error:
            refused[store.folder] = error.strerror or str(error)
    old = [path for path in (*_half_written(root), *_kept_files(root), *unbuilt) if _last_written(path) < before]
    emptied = [folder for folder in {store.folder.parent for store in removed} if not _has_folders(folder)]
    for path in (*old, *emptied):
        try:
            _remove(path)
        except OSError as error:
            refused[path] = error.strerror or str(error)
    for name in KEPT:
        with suppress(OSError):  # it is not there, or not empty
            (root / name).rmdir()
    return Pruned(removed, kept, refused)


def _half_written(root: Path) -> list[Path]:
    """Files and folders that a process which was killed has left, but for stores (`find_stores` lists these)."""
    stores = {store.folder for store in find_stores(root)}
    found = [path for path in root.rglob("*") if PARTIAL.search(path.name) and path not in stores]
    return [
        path for path in found if not any(parent in stores or PARTIAL.search(parent.name) for parent in path.parents)
    ]


def _kept_files(root: Path) -> list[Path]:
    """What was read of files (`kept_of_files`), whose time is that of its last use, with the locks."""
    return [path for folder in KEPT for path in (root / folder).glob("*") if path.is_file()]


def _has_folders(folder: Path) -> bool:
    return any(path.is_dir() for path in folder.glob("*"))


def _last_written(path: Path) -> float:
    """When the newest of what lies there was written, in seconds since the epoch; 0 if it is gone."""
    times = [0.0]
    for one in (path, *path.rglob("*")):
        with suppress(OSError):  # it is gone meanwhile
            times.append(one.stat().st_mtime)
    return max(times)


def _remove(path: Path) -> None:
    if path.is_dir():
        with suppress(FileNotFoundError):  # it is gone meanwhile
            shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _store(folder: Path, record: Path) -> StoreFolder:
    """`record` may be missing: then the process was killed before it wrote it."""
    finished = folder / "store.json"
    built = (finished if finished.is_file() else folder).stat().st_mtime
    known = record.is_file()
    return StoreFolder(
        folder=folder,
        kept_as=folder.name,
        **(read_json(record) if known else {"source": folder.parent.name.rpartition("-")[0], "root": "unknown"}),
        images=len(np.load(folder / "gray.npy", mmap_mode="r")) if finished.is_file() else 0,
        bytes=_bytes(folder),
        built=built,
        used=max(built, record.stat().st_mtime if known else 0.0),
    )


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it is gone meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total
