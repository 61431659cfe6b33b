"""A disk that takes no more: what was not written, in one sentence, and whether there is room before it begins."""

import errno
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medxfer.base.errors import MedxferError
from medxfer.base.words import size

REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}  # full, over a quota or limit, broken


class NotWrittenError(MedxferError, OSError):
    """A file that its disk did not take, in a sentence."""

    def __init__(self, text: str, error: OSError | None = None) -> None:
        super().__init__(text)
        if error is not None:
            self.errno, self.strerror = error.errno, error.strerror

    def __str__(self) -> str:
        return str(self.args[0])


@contextmanager
def disk_errors(what: str = "") -> Iterator[None]:
    """Turn what a disk raises that is full, read-only or broken into NotWrittenError, on `what` or the error's file."""
    try:
        yield
    except NotWrittenError:
        raise
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        raise NotWrittenError(
            f"{what or error.filename or 'a file'} was not written ({error.strerror}): free some space, or name a "
            "folder on another disk, and run the same command again",
            error,
        ) from error


def check_space(folder: Path, needed: int, what: str, way_out: str) -> None:
    """Raise MedxferError where the disk of `folder`, which need not exist, has less than `needed` bytes for `what`."""
    if (free := free_space(folder)) < needed:
        raise MedxferError(
            f"{what} takes about {size(needed)} of disk, and that of {folder} has {size(free)} left: {way_out}"
        )


def free_space(folder: Path) -> int:
    """Bytes that this user may still write where `folder` is, or would be."""
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


class Disk(io.FileIO):
    """A file that keeps why its disk refused it: what writes into it (torch) may raise something else."""

    refused: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.refused = error
            raise
