"""What colormaps there are: as a table for the terminal and as a picture."""

from itertools import groupby
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from medxfer.base.window import NAMED_WINDOWS
from medxfer.color.tables import DICOM_PALETTES, cmap_names, colormap_table, matplotlib_names


class Family(NamedTuple):
    """Colormaps of one kind."""

    form: str  # how the names look
    meaning: str
    names: str  # what stands in the brackets, or whole examples where there is no end of them


def families() -> list[Family]:
    """All that `colormap=` takes, family by family."""
    windows = ", ".join(f"{name} {w.center:g}/{w.width:g}" for name, w in NAMED_WINDOWS.items())
    return [
        Family("none", "gray in three channels", "none"),
        Family("<name>", "matplotlib's, also with _r: reversed", ", ".join(_forward_names())),
        Family("dicom:<name>", "palettes of the DICOM standard, PS3.6 Annex B", ", ".join(DICOM_PALETTES)),
        Family(
            "windows:<a>+<b>+<c>",
            "CT only: three windows as channels, named or <center>/<width> in HU",
            f"windows:brain+subdural+bone, windows:40/80+80/200+600/2800; named are {windows}",
        ),
        Family("single", "control: one channel, the same function as none", "single"),
        Family("shuffled:<any>@<seed>", "control: the same colours, no order", "shuffled:viridis@0"),
        Family("random@<seed>", "control: a smooth random map", "random@0, random@1"),
        Family("<any>:luminance", "control: its lightness, no hue", "viridis:luminance"),
        Family("learned:<any>", "trained with the network, starting as <any>", "learned:viridis, learned:none"),
        _catalogue(),
    ]


def draw_colormaps() -> Figure:
    """The fixed colormaps (the catalogue's left out) as strips, from gray's black to gray's white."""
    names = ["none", *_forward_names(), *(f"dicom:{palette}" for palette in DICOM_PALETTES)]
    names += ["shuffled:viridis@0", "random@0", "viridis:luminance"]
    columns = 4
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 0.22 * rows), layout="constrained")
    axes = np.asarray(figure.subplots(rows, columns)).T.ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, name in zip(axes, names, strict=False):
        axis.imshow(colormap_table(name).numpy()[None], aspect="auto")
        axis.text(-0.02, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize=7)
    return figure


def _forward_names() -> list[str]:
    return [n for n in matplotlib_names() if n.removesuffix("_r") == n or n[:-2] not in matplotlib.colormaps]


def _catalogue() -> Family:
    """The package cmap's names, catalogue by catalogue; how to get it where it is not installed."""
    form, meaning = "cmap:<catalogue>:<name>", "the package cmap's catalogues, also with _r: reversed"
    names = [name.split(":", 1) for name in cmap_names()]
    if not names:
        return Family(form, f"{meaning}; not installed: pip install 'medxfer[cmap]'", "cmap:crameri:batlow")
    by_catalogue = groupby(names, key=lambda parts: parts[0])
    lines = (f"{catalogue}: {', '.join(name for _, name in parts)}" for catalogue, parts in by_catalogue)
    return Family(form, meaning, "\n".join(lines))
