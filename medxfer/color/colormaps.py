"""What a colormap's name means, and its table of colours, one row for each gray level.

One kind of colormap is one file in medxfer/color/maps: a function below `@Family(…)`, which says how its names look,
what they mean and which names there are. Reading a name raises an error for an unknown one, and builds nothing:
`Colormap.table` does.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.window import Window

if TYPE_CHECKING:  # names are read, listed and completed without torch
    from torch import Tensor

Colors = NDArray[np.float64]  # (levels, 3) sRGB in [0, 1]

HINT = "python -m medxfer.color lists all."


def gray_ramp(levels: int) -> Colors:
    """Gray from black to white, (levels, 3)."""
    return np.repeat(np.linspace(0, 1, levels)[:, None], 3, axis=1)


@dataclass(frozen=True)
class Colormap:
    """What a colormap's name means."""

    name: str
    kind: Literal["fixed", "single", "windows", "learned"] = "fixed"
    windows: tuple[Window, ...] = ()  # three if `kind` is "windows"
    build: Callable[[int], Colors] = field(
        default=gray_ramp, compare=False
    )  # from levels; a learned one starts from it
    file: Path | None = None  # the user's file that its colours come from

    @property
    def in_channels(self) -> Literal[1, 3]:
        """Channels that the network's first layer must take."""
        return 1 if self.kind == "single" else 3

    @property
    def takes_hu(self) -> bool:
        """Whether it colours Hounsfield units and not display gray."""
        return self.kind == "windows"

    def table(self, levels: int = 256) -> "Tensor":
        """The colours, black end first: float32 (levels, 3), sRGB in [0, 1]; gray for `single` and `windows:…`.

        Raises MedxferError for fewer than 2 levels.
        """
        if levels < 2:
            raise MedxferError(f"levels={levels}: a colormap needs at least 2 levels.")
        import torch

        return torch.from_numpy(self.build(levels).astype(np.float32))


@dataclass(frozen=True)
class Family:
    """One kind of colormap. It decorates the function that reads a name, given the name and the groups of `pattern`."""

    form: str  # how its names look
    meaning: str
    pattern: str  # a regular expression of its names
    names: tuple[str, ...]  # all of them, or examples if there is no end of them
    listed: Callable[[], str] | None = None  # the same for people, if it is not just these names
    more: Callable[[], Iterable[str]] = tuple  # those of hundreds that an unknown name is not compared with
    asked: Literal["first", "then", "last"] = "then"  # first: its names hold others' names; last: it takes any name

    def __call__(self, read: Callable[..., Colormap]) -> Callable[..., Colormap]:
        _READERS[self] = read
        return read


_READERS: dict[Family, Callable[..., Colormap]] = {}
_ORDER = ("first", "then", "last")


def families() -> dict[Family, Callable[..., Colormap]]:
    """Every kind of colormap, with the function that reads its names, in the order in which they are asked."""
    for found in iter_modules([str(Path(__file__).parent / "maps")]):
        import_module(f"medxfer.color.maps.{found.name}")
    return dict(sorted(_READERS.items(), key=lambda item: _ORDER.index(item[0].asked)))


def parse_colormap(name: str) -> Colormap:
    """What `name` means. Builds no table. Raises MedxferError, with the nearest names, for an unknown name."""
    matches = ((read, re.fullmatch(family.pattern, name, re.DOTALL)) for family, read in families().items())
    return next(read(name, *match.groups()) for read, match in matches if match)  # the last family takes any name


def colormap_table(name: str, levels: int = 256) -> "Tensor":
    """The colours of a colormap, black end first.

    Args:
        name: `none`, a matplotlib name, `cmap:<catalogue>:<name>`, `dicom:<palette>`, `file:<path>`, or a control made
            from one of them: `shuffled:<name>@<seed>`, `random@<seed>`, `<name>:luminance`.
        levels: number of rows, at least 2. With 256 (or the map's own number) the rows are exactly
            matplotlib's `resampled(levels)`; a finer table is interpolated from the map's own definition.

    Returns:
        float32 tensor (levels, 3), sRGB in [0, 1].

    Raises:
        MedxferError: the name is unknown, or has no fixed table (`single`, `windows:…`, `learned:…`).
    """
    return fixed(name).table(levels)


def known_names() -> list[str]:
    """Names that an unknown one is compared with."""
    return [name for family in families() for name in family.names]


def offered_names() -> list[str]:
    """Every name that a shell can complete, without those that end in _r."""
    return without_reversed(name for family in families() for name in (*family.names, *family.more()))


def without_reversed(names: Iterable[str]) -> list[str]:
    """`names` without those that are another one and `_r`."""
    known = list(names)
    return [name for name in known if name.removesuffix("_r") == name or name.removesuffix("_r") not in known]


def check_levels(levels: int) -> None:
    """Raise MedxferError unless `levels` is one that a table can have: a power of two from 2 to 65536."""
    if not 2 <= levels <= 65536 or levels & (levels - 1):
        raise MedxferError(f"levels={levels}: must be a power of two from 2 to 65536 (usually 256, 1024 or 4096).")


def fixed(name: str) -> Colormap:
    """What `name` means, for colormaps that are made of it. Raises MedxferError where it has no fixed table."""
    colormap = parse_colormap(name)
    if colormap.kind != "fixed":
        raise MedxferError(f"colormap '{name}' has no fixed table of colours: use it through ColorTransform.")
    return colormap


def resample(colors: Colors, levels: int) -> Colors:
    """Linear interpolation of equally spaced `colors` at `levels` equally spaced points, ends included."""
    knots, points = np.linspace(0, 1, len(colors)), np.linspace(0, 1, levels)
    return np.stack([np.interp(points, knots, channel) for channel in colors.T], axis=1)
