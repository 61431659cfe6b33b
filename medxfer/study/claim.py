"""Whose turn it is to train a cell: one living process's, on whatever machine."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from medxfer.base.files import read_json, write_json

BEAT = 20.0  # seconds between signs of life
SILENCE = 180.0  # seconds without one that mean death; network file systems show a file's time up to a minute late


class Taken(Exception):  # noqa: N818 - not an error: another process trains this cell
    """Another living process works on the cell."""


@dataclass(frozen=True)
class Progress:
    """How far a cell is that is being trained now."""

    epoch: int  # finished epochs
    epochs: int
    started: float  # seconds since 1970, on the clock of the machine that trains
    host: str
    pid: int


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Hold the cell in `folder` while training it. Raises Taken.

    A lock of the system's says who is first; it falls with the process that holds it, on network file systems also
    when its machine falls. Some file systems keep such locks to each machine. There, `running.json` decides between
    machines: one process only can create it, and its time tells whether that process still lives.

    What a killed process left half-written is swept away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".claim", timeout=0):
            path = folder / "running.json"
            _enter(path, folder / ".claim")
            for half in folder.rglob(".*.partial"):
                half.unlink()
            ended = threading.Event()
            beat = threading.Thread(target=_beat, args=(path, ended), daemon=True)
            beat.start()
            try:
                yield
            finally:
                ended.set()
                beat.join()
                path.unlink(missing_ok=True)
    except Timeout:
        raise Taken(folder.name) from None


def tell(folder: Path, epoch: int, epochs: int) -> None:
    """Say how far the claimed cell is."""
    path = folder / "running.json"
    write_json(path, {**read_json(path), "epoch": epoch, "epochs": epochs})


def progress(folder: Path) -> Progress | None:
    """How far the cell in `folder` is, or None where no living process trains it."""
    try:
        found = Progress(**read_json(folder / "running.json"))
        silent = time.time() - (folder / "running.json").stat().st_mtime
    except FileNotFoundError:
        return None
    alive = silent < SILENCE and (found.host != socket.gethostname() or _exists(found.pid))
    return found if alive else None


def _enter(path: Path, clock: Path) -> None:
    """Create `path` unless another machine's process lives by it; `clock` is a file that this process may touch."""
    host = socket.gethostname()
    with suppress(FileNotFoundError):
        os.utime(clock)  # the file server's time, so that machines' clocks do not matter
        silent = clock.stat().st_mtime - path.stat().st_mtime
        if silent < SILENCE and read_json(path)["host"] != host:
            raise Taken(path.parent.name)
        path.unlink()  # its process has died: here the lock is free, elsewhere it has long been silent
    mine = path.with_name(f".{path.name}.{host}.{os.getpid()}.partial")
    write_json(mine, vars(Progress(0, 0, time.time(), host, os.getpid())))
    try:
        os.link(mine, path)  # whole, and for one process only
    except (FileExistsError, FileNotFoundError):  # the latter: the one who was first has swept
        raise Taken(path.parent.name) from None
    finally:
        mine.unlink(missing_ok=True)


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with suppress(OSError):
            os.utime(path)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
