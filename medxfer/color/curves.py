"""What a colormap does to gray: its lightness, and the three inputs that the network sees."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medxfer.color.lightness import lightness

Array = NDArray[np.floating]

_CHANNELS = (
    ("R", "#c0392b", "-"),
    ("G", "#1e8449", "--"),
    ("B", "#1f618d", ":"),
)  # told apart without colour too


def draw_color_curves(tables: Mapping[str, Array], mean: Sequence[float], std: Sequence[float]) -> Figure:
    """A row for each table: its colours, CIE L* against gray, and (colour − mean) / std against gray.

    Args:
        tables: name → (levels, 3) sRGB, as from `colormap_table`; a learned one is clipped where shown.
        mean: the three channels' means of the weights' normalisation.
        std: the same for the standard deviations.
    """
    figure = Figure(figsize=(7.5, 1.35 * len(tables) + 0.5), layout="constrained")
    rows = figure.subplots(len(tables), 2, squeeze=False, sharex=True, sharey="col")
    for (left, right), (name, table) in zip(rows, tables.items(), strict=True):
        gray = np.linspace(0, 1, len(table))
        left.plot(gray, lightness(np.clip(table, 0, 1).astype(np.float64)), color="black", linewidth=1)
        for channel, (label, color, style) in enumerate(_CHANNELS):
            seen = (table[:, channel] - mean[channel]) / std[channel]
            right.plot(gray, seen, color=color, linestyle=style, linewidth=1, label=label)
        left.set_ylabel(name)
        _strip(left, table)
        _strip(right, table)
    rows[0, 0].set(title="lightness: CIE L*", ylim=(-3, 103), xlim=(0, 1))
    rows[0, 1].set_title("what the network sees: (colour − mean) / std")
    rows[0, 1].legend(ncols=3, fontsize="small", frameon=False, loc="upper left")
    for axes in rows[-1]:
        axes.set_xlabel("gray")
    return figure


def _strip(axes: Axes, table: Array) -> None:
    """The colours themselves, along the top edge."""
    strip = axes.inset_axes((0.0, 1.0, 1.0, 0.08))
    strip.imshow(np.clip(table, 0, 1)[None], aspect="auto", interpolation="nearest")
    strip.set(xticks=[], yticks=[])
