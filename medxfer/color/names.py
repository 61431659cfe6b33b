"""What a `colormap=` may say, checked without building anything."""

import math
from dataclasses import dataclass
from typing import Literal

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.window import NAMED_WINDOWS, Window, parse_window
from medxfer.color.tables import HINT, find_table


@dataclass(frozen=True)
class Colormap:
    """A colormap's name, taken apart."""

    name: str
    kind: Literal["fixed", "single", "windows", "learned"]
    table: str  # what colormap_table resolves: the table itself, what a learned one starts from, else `none`
    windows: tuple[Window, ...] = ()  # three where kind is `windows`

    @property
    def in_channels(self) -> Literal[1, 3]:
        """Channels that the network's first layer must take."""
        return 1 if self.kind == "single" else 3

    @property
    def takes_hu(self) -> bool:
        """Whether it colours Hounsfield units and not display gray."""
        return self.kind == "windows"


def parse_colormap(name: str) -> Colormap:
    """Take `name` apart, or raise MedxferError with the nearest names; reads no data and builds no table."""
    family, _, rest = name.partition(":")
    if name == "single":
        return Colormap(name, "single", "none")
    if family == "windows":
        return Colormap(name, "windows", "none", _three_windows(name, rest))
    if family == "learned":
        find_table(rest)
        return Colormap(name, "learned", rest)
    find_table(name)
    return Colormap(name, "fixed", name)


def check_levels(levels: int) -> None:
    """Raise MedxferError unless `levels` is one that a table can have: a power of two from 2 to 65536."""
    if not (2 <= levels <= 65536 and math.log2(levels).is_integer()):
        raise MedxferError(f"levels={levels}: must be a power of two from 2 to 65536 (usually 256, 1024 or 4096).")


def _three_windows(name: str, text: str) -> tuple[Window, ...]:
    parts = text.split("+")
    if len(parts) != 3:
        raise MedxferError(f"colormap '{name}' needs three windows, for example windows:brain+subdural+bone.")
    windows = [parse_window(part) for part in parts]
    found = tuple(window for window in windows if window is not None)
    if len(found) != 3:  # `file` is no CT window
        raise unknown("CT window", "file", NAMED_WINDOWS, HINT)
    return found
