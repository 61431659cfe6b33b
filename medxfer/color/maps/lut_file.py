"""A colour table of the user's own, from a file; and where the file of a finished cell lies."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType

import numpy as np

from medxfer.base.errors import MedxferError
from medxfer.color.colormaps import Colormap, Colors, Family, resample

LEVELS = 256
_FORM = f"{LEVELS} lines of red, green and blue with commas, from 0 to 1 or from 0 to 255, for black first"
_KEPT: ContextVar[Mapping[str, Path]] = ContextVar("kept", default=MappingProxyType({}))


@contextmanager
def kept_files(files: Mapping[str, Path]) -> Iterator[None]:
    """Within it, `file:<name>` means the file that `files` has under that name: what cells have kept."""
    token = _KEPT.set(files)
    try:
        yield
    finally:
        _KEPT.reset(token)


@Family("file:<path>", f"a table of your own: {_FORM}", "file:(.*)", (), lambda: "for example file:lut.csv")
def lut_file(name: str, text: str) -> Colormap:
    path = _KEPT.get().get(text, Path(text).expanduser())
    colors = _read(path)
    return Colormap(name, build=lambda levels: resample(colors, levels), file=path)


def _read(path: Path) -> Colors:
    """(256, 3) in [0, 1]. Raises MedxferError where the file holds something else."""
    told = f"colormap=file:{path.name}"  # a folder's name can tell of patients
    if not path.is_file():
        raise MedxferError(f"{told}: there is no such file; give the path of one")
    try:
        values = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        raise MedxferError(f"{told}: cannot be read as numbers; give {_FORM}") from error
    if values.shape != (LEVELS, 3):
        raise MedxferError(f"{told}: holds {' × '.join(map(str, values.shape))} numbers; give {_FORM}")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        raise MedxferError(f"{told}: holds numbers that are no colours; give {_FORM}")
    if values.max() <= 1:
        return values
    if (values % 1).any():
        raise MedxferError(f"{told}: holds fractions and numbers above 1; give {_FORM}")
    return np.asarray(values / 255)
