"""Whose turn it is to train a cell: one living process's, on whatever machine."""

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psutil

from medxfer.base.disk import disk_errors
from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json, write_json

BEAT = 20.0  # seconds between signs of life
SILENCE = 180.0  # seconds without one that mean death; network file systems show a file's time up to a minute late


class Taken(Exception):  # noqa: N818 - not an error: another process trains this cell
    """Another living process works on the cell."""


@dataclass(frozen=True)
class Progress:
    """A claim's content: who trains a cell now, and how far it is."""

    epoch: int  # finished epochs
    epochs: int
    started: float  # seconds since 1970, on the clock of the machine that trains
    host: str
    place: str  # of the process's number: one boot of one machine, one container
    pid: int
    born: float  # seconds since 1970; numbers of processes are used again


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Hold the cell in `folder` while training it. Raises Taken.

    A claim is a numbered file, claim.<n>.json, that one process alone can create; this needs neither locks nor hard
    links, so it works on every file system. Its time is a sign of life. If the process of claim n has died, claim
    n + 1 takes its place, and again one process alone can create it.

    Sweeps away what a killed process left half-written.
    """
    with disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        mine = _take(folder)
    for half in folder.rglob(".*.partial"):
        half.unlink(missing_ok=True)
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(mine, ended), daemon=True)
    beat.start()
    try:
        yield
    finally:
        ended.set()
        beat.join()
        mine.unlink(missing_ok=True)


def tell(folder: Path, epoch: int, epochs: int) -> None:
    """Say how far the cell is that this process has claimed."""
    for path in _claims(folder):
        about = _read(path)
        if about is not None and (about.place, about.pid) == (_place(), os.getpid()):
            write_json(path, {**asdict(about), "epoch": epoch, "epochs": epochs})


def progress(folder: Path) -> Progress | None:
    """How far the cell in `folder` is, or None if no living process trains it."""
    living = [_read(path) for path in _claims(folder) if _lives(path, time.time())]
    return living[-1] if living else None


def _take(folder: Path) -> Path:
    clock = folder / ".clock"
    clock.touch()
    now = clock.stat().st_mtime  # the file server's time, so that machines' clocks do not matter
    found = _claims(folder)
    if any(_lives(path, now) for path in found):
        raise Taken(folder.name)
    mine = folder / f"claim.{_number(found[-1]) + 1 if found else 1}.json"
    about = Progress(0, 0, time.time(), socket.gethostname(), _place(), os.getpid(), psutil.Process().create_time())
    try:
        with mine.open("x") as file:
            file.write(json.dumps(asdict(about)))
    except FileExistsError:
        raise Taken(folder.name) from None
    except OSError:  # a full disk: half a claim would count as one
        mine.unlink(missing_ok=True)
        raise
    if any(_lives(path, now) for path in _claims(folder) if path != mine):  # it came between the two looks
        mine.unlink()
        raise Taken(folder.name)
    for dead in found:
        dead.unlink(missing_ok=True)
    return mine


def _claims(folder: Path) -> list[Path]:
    """The claims of a cell, the newest last."""
    return sorted(folder.glob("claim.*.json"), key=_number)


def _number(path: Path) -> int:
    return int(path.name.split(".")[1])


def _lives(path: Path, now: float) -> bool:
    """Whether the process of the claim still runs, by its number here and by its sign of life elsewhere."""
    try:
        silent, about = now - path.stat().st_mtime, _read(path)
    except FileNotFoundError:
        return False
    if about is None or about.place != _place():  # not written yet, or of another machine
        return silent < SILENCE
    try:
        return bool(abs(psutil.Process(about.pid).create_time() - about.born) < 1)
    except psutil.NoSuchProcess:
        return False


def _read(path: Path) -> Progress | None:
    try:
        return Progress(**read_json(path))
    except (FileNotFoundError, MedxferError):  # given back, or not written yet
        return None


@cache
def _place() -> str:
    """Tells apart what can hold two processes of one number: machines, their boots, containers."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # Linux alone has them
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), str(Path("/proc/self/ns/pid").readlink())]
    with suppress(OSError):
        parts.append(_token(Path(tempfile.gettempdir()) / f".medxfer-{os.getuid()}"))
    return sha256(" ".join(parts).encode()).hexdigest()[:16]


def _token(path: Path) -> str:
    """What the file `path` on this machine's own disk says: drawn by the first process that asks.

    Where names and namespaces of two containers are alike, as in some sandboxes, this is not.
    """
    if not path.is_file():
        draft = path.with_name(f"{path.name}.{uuid4().hex}")
        draft.write_text(uuid4().hex)
        with suppress(FileExistsError):  # another process was first
            os.link(draft, path)
        draft.unlink()
    return path.read_text()


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with suppress(OSError):
            os.utime(path)
