"""Every colormap: what its name means, and its table of colours, one row for each gray level.

One kind of colormap is one entry: a function below `@Family(…)`, which says how its names look, what they mean and
which names there are. Reading a name raises an error for an unknown one, and builds nothing: `Colormap.table` does.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import groupby
from typing import Literal

import matplotlib
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.window import NAMED_WINDOWS, Window, parse_window

Colors = NDArray[np.float64]  # (levels, 3) sRGB in [0, 1]

HINT = "python -m medxfer.color lists all."

# PS3.6 Annex B.1: the well-known colour palettes (256 entries of 8 bits), in the order of their UIDs.
DICOM_PALETTES = ("hot_iron", "pet", "hot_metal_blue", "pet_20_step", "spring", "summer", "fall", "winter")
_STEPPED_PALETTES = ("pet_20_step",)

_CONTINUOUS = 256  # a listed map with as many colours or more samples a curve; one with fewer is steps
_RANDOM_KNOTS = 8


def _gray(levels: int) -> Colors:
    return np.repeat(np.linspace(0, 1, levels)[:, None], 3, axis=1)


@dataclass(frozen=True)
class Colormap:
    """What a colormap's name means."""

    name: str
    kind: Literal["fixed", "single", "windows", "learned"] = "fixed"
    windows: tuple[Window, ...] = ()  # three if `kind` is "windows"
    build: Callable[[int], Colors] = field(default=_gray, compare=False)  # from levels; a learned one starts from it

    @property
    def in_channels(self) -> Literal[1, 3]:
        """Channels that the network's first layer must take."""
        return 1 if self.kind == "single" else 3

    @property
    def takes_hu(self) -> bool:
        """Whether it colours Hounsfield units and not display gray."""
        return self.kind == "windows"

    def table(self, levels: int = 256) -> Tensor:
        """The colours, black end first: float32 (levels, 3), sRGB in [0, 1]; gray for `single` and `windows:…`.

        Raises MedxferError for fewer than 2 levels.
        """
        if levels < 2:
            raise MedxferError(f"levels={levels}: a colormap needs at least 2 levels.")
        return torch.from_numpy(self.build(levels).astype(np.float32))


@dataclass(frozen=True)
class Family:
    """One kind of colormap. It decorates the function that reads a name, given the name and the groups of `pattern`."""

    form: str  # how its names look
    meaning: str
    pattern: str  # a regular expression of its names
    names: tuple[str, ...]  # all of them, or examples if there is no end of them
    listed: Callable[[], str] | None = None  # the same for people, if it is not just these names

    def __call__(self, read: Callable[..., Colormap]) -> Callable[..., Colormap]:
        FAMILIES[self] = read
        return read


FAMILIES: dict[Family, Callable[..., Colormap]] = {}  # in the order below: a name is of the first one that it matches


def parse_colormap(name: str) -> Colormap:
    """What `name` means. Builds no table. Raises MedxferError, with the nearest names, for an unknown name."""
    matches = ((read, re.fullmatch(family.pattern, name, re.DOTALL)) for family, read in FAMILIES.items())
    return next(read(name, *match.groups()) for read, match in matches if match)  # the last family takes any name


def colormap_table(name: str, levels: int = 256) -> Tensor:
    """The colours of a colormap, black end first.

    Args:
        name: `none`, a matplotlib name, `cmap:<catalogue>:<name>`, `dicom:<palette>`, or a control made from
            one of them: `shuffled:<name>@<seed>`, `random@<seed>`, `<name>:luminance`.
        levels: number of rows, at least 2. With 256 (or the map's own number) the rows are exactly
            matplotlib's `resampled(levels)`; a finer table is interpolated from the map's own definition.

    Returns:
        float32 tensor (levels, 3), sRGB in [0, 1].

    Raises:
        MedxferError: the name is unknown, or has no fixed table (`single`, `windows:…`, `learned:…`).
    """
    return _fixed(name).table(levels)


def known_names() -> list[str]:
    """Names that an unknown one is compared with."""
    return [name for family in FAMILIES for name in family.names]


def without_reversed(names: Iterable[str]) -> list[str]:
    """`names` without those that are another one and `_r`."""
    known = list(names)
    return [name for name in known if name.removesuffix("_r") == name or name.removesuffix("_r") not in known]


def check_levels(levels: int) -> None:
    """Raise MedxferError unless `levels` is one that a table can have: a power of two from 2 to 65536."""
    if not 2 <= levels <= 65536 or levels & (levels - 1):
        raise MedxferError(f"levels={levels}: must be a power of two from 2 to 65536 (usually 256, 1024 or 4096).")


def _fixed(name: str) -> Colormap:
    colormap = parse_colormap(name)
    if colormap.kind != "fixed":
        raise MedxferError(f"colormap '{name}' has no fixed table of colours: use it through ColorTransform.")
    return colormap


@Family("none", "gray in three channels", "none", ("none",))
def _none(name: str) -> Colormap:
    return Colormap(name)


@Family("single", "control: one channel, the same function as none", "single", ("single",))
def _single(name: str) -> Colormap:
    return Colormap(name, "single")


@Family(
    "windows:<a>+<b>+<c>",
    "CT only: three windows as channels, each <center>/<width> in HU or "
    + ", ".join(f"{name} ({w.center:g}/{w.width:g})" for name, w in NAMED_WINDOWS.items()),
    "windows:(.*)",
    ("windows:brain+subdural+bone", "windows:40/80+80/200+600/2800"),
)
def _windows(name: str, text: str) -> Colormap:
    parts = text.split("+")
    if len(parts) != 3:
        raise MedxferError(f"colormap '{name}' needs three windows, for example windows:brain+subdural+bone.")
    found = tuple(window for part in parts if (window := parse_window(part)))
    if len(found) != 3:  # `file` is no CT window
        raise unknown("CT window", "file", NAMED_WINDOWS, HINT)
    return Colormap(name, "windows", found)


@Family(
    "learned:<any>",
    "trained with the network, starting as <any>",
    "learned:(.*)",
    ("learned:viridis", "learned:none"),
)
def _learned(name: str, start: str) -> Colormap:
    return Colormap(name, "learned", build=_fixed(start).build)


@Family("<any>:luminance", "control: its lightness, no hue", "(.*):luminance", ("viridis:luminance",))
def _luminance(name: str, base: str) -> Colormap:
    colors = _fixed(base).build
    return Colormap(name, build=lambda levels: np.repeat(gray_of(colors(levels))[:, None], 3, axis=1))


@Family("shuffled:<any>@<seed>", "control: the same colours, no order", "shuffled:(.*)", ("shuffled:viridis@0",))
def _shuffled(name: str, text: str) -> Colormap:
    base, _, seed = text.rpartition("@")
    number, colors = _seed(name, seed, "shuffled:viridis@0"), _fixed(base).build
    return Colormap(name, build=lambda n: colors(n)[np.argsort(np.random.default_rng(number).random(n))])


@Family("random@<seed>", "control: a smooth random map", "random@(.*)", ("random@0", "random@1"))
def _random(name: str, seed: str) -> Colormap:
    """A smooth curve through random colours; the curve does not depend on the number of levels."""
    knots = np.random.default_rng(_seed(name, seed, "random@0")).random((_RANDOM_KNOTS, 3))
    curve = PchipInterpolator(np.linspace(0, 1, _RANDOM_KNOTS), knots)  # no overshoot: stays in [0, 1]
    return Colormap(name, build=lambda levels: np.asarray(curve(np.linspace(0, 1, levels))))


@Family(
    "dicom:<name>",
    "palettes of the DICOM standard, PS3.6 Annex B",
    "dicom:(.*)",
    tuple(f"dicom:{palette}" for palette in DICOM_PALETTES),
)
def _dicom(name: str, palette: str) -> Colormap:
    if palette not in DICOM_PALETTES:
        raise unknown("colormap", name, (f"dicom:{p}" for p in DICOM_PALETTES), HINT)

    def build(levels: int) -> Colors:
        from pydicom.pixels.processing import apply_color_lut

        # By UID: pydicom 3.0's names FALL and WINTER stand for each other's palette.
        uid = f"1.2.840.10008.1.5.{DICOM_PALETTES.index(palette) + 1}"
        colors = apply_color_lut(np.arange(256, dtype=np.uint8)[None], palette=uid)[0] / 255.0
        if palette in _STEPPED_PALETTES:
            return np.asarray(colors[np.arange(levels) * 256 // levels])
        return _resample(colors, levels)

    return Colormap(name, build=build)


def cmap_names() -> list[str]:
    """Every `<catalogue>:<name>` of the package cmap; empty if it is not installed."""
    if find_spec("cmap") is None:
        return []
    from cmap import Catalog

    return sorted(Catalog().namespaced_keys(), key=str.lower)


def _listed_cmap() -> str:
    """A line for each catalogue; how to get them if they are not installed."""
    by_catalogue = groupby((name.split(":", 1) for name in cmap_names()), key=lambda parts: parts[0])
    lines = [f"{catalogue}: {', '.join(name for _, name in parts)}" for catalogue, parts in by_catalogue]
    return "\n".join(lines or ["not installed: pip install 'medxfer[cmap]'; for example cmap:crameri:batlow"])


@Family(
    "cmap:<catalogue>:<name>",
    "the package cmap's catalogues, also with _r: reversed",
    "cmap:(.*)",
    (),  # hundreds, and some of them matplotlib's
    _listed_cmap,
)
def _cmap(name: str, entry: str) -> Colormap:
    if find_spec("cmap") is None:
        raise MedxferError(f"colormap '{name}' needs the package cmap: pip install 'medxfer[cmap]'.")
    import cmap

    names = cmap_names()
    if entry.lower().removesuffix("_r") not in {known.lower() for known in names}:
        raise unknown("colormap", name, (f"cmap:{known}" for known in names), HINT)
    return Colormap(name, build=lambda levels: np.clip(cmap.Colormap(entry).lut(levels)[:, :3], 0, 1))


def matplotlib_names() -> list[str]:
    """Every name that matplotlib registers, the reversed ones (`_r`) included."""
    return sorted(matplotlib.colormaps, key=str.lower)


@Family("<name>", "matplotlib's, also with _r: reversed", ".*", tuple(matplotlib_names()))  # last: it matches any name
def _matplotlib(name: str) -> Colormap:
    if name not in matplotlib.colormaps:
        raise unknown("colormap", name, known_names(), HINT)
    cmap = matplotlib.colormaps[name]

    def build(levels: int) -> Colors:
        continuous = isinstance(cmap, ListedColormap) and cmap.N >= _CONTINUOUS
        if continuous and levels not in (256, cmap.N):  # resampled() would only repeat the entries
            return _resample(cmap(np.arange(cmap.N))[:, :3], levels)
        return np.asarray(cmap.resampled(levels)(np.arange(levels))[:, :3])

    return Colormap(name, build=build)


def _seed(name: str, text: str, example: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise MedxferError(f"colormap '{name}' needs a whole number after '@', for example {example}.")
    return int(text)


def _resample(colors: Colors, levels: int) -> Colors:
    """Linear interpolation of equally spaced `colors` at `levels` equally spaced points, ends included."""
    knots, points = np.linspace(0, 1, len(colors)), np.linspace(0, 1, levels)
    return np.stack([np.interp(points, knots, channel) for channel in colors.T], axis=1)


def _luminance_of(rgb: Colors) -> NDArray[np.float64]:
    """Relative luminance Y in [0, 1], shape (...), of sRGB colours `rgb` (..., 3) in [0, 1] (IEC 61966-2-1)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]), dtype=np.float64)  # Rec. 709 primaries


def gray_of(rgb: Colors) -> NDArray[np.float64]:
    """The sRGB gray value in [0, 1], shape (...), that is as light as each colour of `rgb` (..., 3)."""
    y = _luminance_of(rgb)
    return np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055).clip(0, 1)


def lightness(rgb: Colors) -> NDArray[np.float64]:
    """CIE 1976 L* in [0, 100], shape (...), of sRGB colours `rgb` (..., 3) in [0, 1]; white is (1, 1, 1)."""
    y, delta = _luminance_of(rgb), 6 / 29
    return 116.0 * np.where(y > delta**3, np.cbrt(y), y / (3 * delta**2) + 4 / 29) - 16.0
