"""Files are written whole or not at all: content is on the disk before the name that says it is whole."""

import errno
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self
from uuid import uuid4

from filelock import FileLock

from medxfer.base.disk import Disk, disk_errors
from medxfer.base.errors import MedxferError

if TYPE_CHECKING:  # status answers without it
    import pandas as pd


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file beside `path` that takes its place when the block ends, flushed to the disk, or is gone when it fails.

    A reader sees the old file or the new one, also after a power cut. Raises NotWrittenError if the disk refuses it.
    """
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        with disk_errors(f"{path.name} in {path.parent}"):
            disk = Disk(partial, "wb")
            try:
                with io.BufferedWriter(disk) as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
            except Exception as error:
                if disk.refused is not None and error is not disk.refused:
                    raise disk.refused from error
                raise
            partial.replace(path)
            flush(path.parent)  # the name is the folder's: an earlier file's could be lost, and this one's not
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path, name: str, *files: str) -> Iterator[None]:
    """Hold the lock `name` of `folder`, and sweep what killed processes left half-written of `files`.

    `files` are patterns of names that only who holds this lock writes. Waits for the lock.
    """
    with disk_errors(str(folder)):
        lock = FileLock(folder / f".{name}.lock").acquire()
    with lock:
        for file in files:
            parent, _, last = file.rpartition("/")
            for half in (folder / parent).glob(f".{last}.*.partial"):
                half.unlink(missing_ok=True)
        yield


def write_text(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """`value` as JSON. A value that is not a number (NaN) is an error, never a record."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False, default=str) + "\n")


def write_parquet(path: Path, table: "pd.DataFrame") -> None:
    with whole_file(path) as file:
        table.to_parquet(file, index=False)


def read_json(path: Path) -> dict[str, Any]:
    """A record. Raises FileNotFoundError, and MedxferError where the file holds something else than a record."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_hook=lambda part: _Record.of(part, path))
    except ValueError as error:
        raise MedxferError(_damaged(path, error)) from error
    if not isinstance(content, dict):
        raise MedxferError(_damaged(path, "no JSON object"))
    return content


def _damaged(path: Path, why: object) -> str:
    return (
        f"{path} is damaged or of another version of medxfer ({why}); delete it and run the command that made it again"
    )


class _LackedError(MedxferError, KeyError):
    """A record without what every record of its kind has."""

    __str__ = Exception.__str__  # KeyError's would quote the sentence


class _Record(dict[str, Any]):
    """What a record holds, or a part of it; who asks for what it lacks is told which file is damaged."""

    path: Path  # no argument: `dataclasses.asdict` copies a dictionary by calling its class with the items alone

    @classmethod
    def of(cls, content: dict[str, Any], path: Path) -> Self:
        record = cls(content)
        record.path = path
        return record

    def __missing__(self, key: str) -> Any:
        raise _LackedError(_damaged(self.path, f"it has no '{key}'"))


def private_folder(folder: Path) -> Path:
    """Make `folder`, readable by its owner only. Raises MedxferError if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise MedxferError(
            f"store.root={folder.parent}: cannot be written ({error.strerror}); give a writable folder by store.root="
        ) from error
    return folder


def replace_folder(partial: Path, folder: Path) -> None:
    """Rename the finished `partial` to `folder`. What is at `folder` after a power cut is whole."""
    for file in partial.iterdir():
        flush(file)
    flush(partial)
    partial.replace(folder)
    flush(folder.parent)


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems (exFAT, CIFS) cannot flush a folder; a file must be flushed everywhere.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)
