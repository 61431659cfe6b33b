"""A name → a table of colours, one row a gray level.

The tables of matplotlib, of the catalogue `cmap` and of the DICOM standard, and the controls made from them.
A name is resolved (and refused) by `find_table` without building anything; the table itself is built on
demand.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import matplotlib
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from medxfer.base.errors import MedxferError, unknown
from medxfer.color.lightness import gray_of

Colors = NDArray[np.float64]  # (levels, 3) sRGB in [0, 1]
Builder = Callable[[int], Colors]

HINT = "python -m medxfer.color lists all."

# PS3.6 Annex B.1: the well-known colour palettes (256 entries of 8 bits), in the order of their UIDs.
DICOM_PALETTES = ("hot_iron", "pet", "hot_metal_blue", "pet_20_step", "spring", "summer", "fall", "winter")
_STEPPED_PALETTES = ("pet_20_step",)

_CONTINUOUS = 256  # a listed map with as many colours or more samples a curve; one with fewer is steps
_RANDOM_KNOTS = 8


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
        MedxferError: the name is unknown, or is one without a fixed table (`single`, `windows:…`,
            `learned:…`).
    """
    if levels < 2:
        raise MedxferError(f"levels={levels}: a colormap needs at least 2 levels.")
    return torch.from_numpy(find_table(name)(levels).astype(np.float32))


def find_table(name: str) -> Builder:
    """What builds the table called `name` from a number of levels; raises MedxferError, builds nothing."""
    family, _, rest = name.partition(":")
    if name == "none":
        return _gray
    if name.endswith(":luminance"):
        return _luminance(find_table(name.removesuffix(":luminance")))
    if family == "shuffled":
        base, seed = _seeded(name, rest)
        return _shuffled(find_table(base), seed)
    if name.startswith("random@"):
        return _random(_seeded(name, name)[1])
    if family == "dicom":
        return _dicom(rest)
    if family == "cmap":
        return _cmap(rest)
    if family in ("single", "windows", "learned"):
        raise MedxferError(f"colormap '{name}' has no fixed table of colours: use it through ColorTransform.")
    if name in matplotlib.colormaps:
        return _matplotlib(name)
    raise unknown("colormap", name, known_names(), HINT)


def matplotlib_names() -> list[str]:
    """Every name that matplotlib registers, the reversed ones (`_r`) included."""
    return sorted(matplotlib.colormaps, key=str.lower)


def cmap_names() -> list[str]:
    """Every `<catalogue>:<name>` of the package cmap; empty where it is not installed."""
    if find_spec("cmap") is None:
        return []
    from cmap import Catalog

    return sorted(Catalog().namespaced_keys(), key=str.lower)


def known_names() -> Iterator[str]:
    """Names that an unknown one is compared with: all but the catalogue's, and an example of each family."""
    yield from ("none", "single", "windows:brain+subdural+bone", "learned:viridis", "learned:none")
    yield from ("shuffled:viridis@0", "random@0", "viridis:luminance")
    yield from (f"dicom:{palette}" for palette in DICOM_PALETTES)
    yield from matplotlib_names()


def _seeded(name: str, text: str) -> tuple[str, int]:
    base, at, seed = text.rpartition("@")
    if not at or not seed.isascii() or not seed.isdigit():
        example = "random@0" if name.startswith("random") else "shuffled:viridis@0"
        raise MedxferError(f"colormap '{name}' needs a whole number after '@', for example {example}.")
    return base, int(seed)


def _resample(colors: Colors, levels: int) -> Colors:
    """Linear interpolation of equally spaced `colors` at `levels` equally spaced points, ends included."""
    knots, points = np.linspace(0, 1, len(colors)), np.linspace(0, 1, levels)
    return np.stack([np.interp(points, knots, channel) for channel in colors.T], axis=1)


def _gray(levels: int) -> Colors:
    return np.repeat(np.linspace(0, 1, levels)[:, None], 3, axis=1)


def _matplotlib(name: str) -> Builder:
    cmap = matplotlib.colormaps[name]

    def build(levels: int) -> Colors:
        continuous = isinstance(cmap, ListedColormap) and cmap.N >= _CONTINUOUS
        if continuous and levels not in (256, cmap.N):  # resampled() would only repeat the entries
            return _resample(cmap(np.arange(cmap.N))[:, :3], levels)
        return np.asarray(cmap.resampled(levels)(np.arange(levels))[:, :3])

    return build


def _cmap(name: str) -> Builder:
    if find_spec("cmap") is None:
        raise MedxferError(f"colormap 'cmap:{name}' needs the package cmap: pip install 'medxfer[cmap]'.")
    from cmap import Colormap

    catalogue, _, entry = name.partition(":")
    names = cmap_names()
    if not entry or name.lower().removesuffix("_r") not in {n.lower() for n in names}:
        raise unknown("colormap", f"cmap:{catalogue}:{entry}", (f"cmap:{n}" for n in names), HINT)
    return lambda levels: np.clip(Colormap(name).lut(levels)[:, :3], 0, 1)


def _dicom(palette: str) -> Builder:
    if palette not in DICOM_PALETTES:
        raise unknown("colormap", f"dicom:{palette}", (f"dicom:{p}" for p in DICOM_PALETTES), HINT)

    def build(levels: int) -> Colors:
        from pydicom.pixels import apply_color_lut

        # By UID: pydicom 3.0's names FALL and WINTER stand for each other's palette.
        uid = f"1.2.840.10008.1.5.{DICOM_PALETTES.index(palette) + 1}"
        colors = apply_color_lut(np.arange(256, dtype=np.uint8)[None], palette=uid)[0] / 255.0
        if palette in _STEPPED_PALETTES:
            return colors[np.arange(levels) * 256 // levels]
        return _resample(colors, levels)

    return build


def _luminance(base: Builder) -> Builder:
    """Each colour's lightness and no hue: the gray of equal luminance."""
    return lambda levels: np.repeat(gray_of(base(levels))[:, None], 3, axis=1)


def _shuffled(base: Builder, seed: int) -> Builder:
    """The same colours in random order."""
    return lambda levels: base(levels)[np.argsort(np.random.default_rng(seed).random(levels))]


def _random(seed: int) -> Builder:
    """A smooth curve through random colours, the same curve at every number of levels."""
    knots = np.random.default_rng(seed).random((_RANDOM_KNOTS, 3))
    curve = PchipInterpolator(np.linspace(0, 1, _RANDOM_KNOTS), knots)  # no overshoot: stays in [0, 1]
    return lambda levels: np.asarray(curve(np.linspace(0, 1, levels)))
