"""Figures of colours: figure 1, what colormaps do to gray, and which colormaps there are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.base.window import CT_WINDOW, Window, parse_window
from medxfer.color.colormaps import colormap_table, known_names, parse_colormap, without_reversed
from medxfer.color.lightness import lightness
from medxfer.color.render import Renderer
from medxfer.color.transform import ColorTransform

Array = NDArray[np.floating]

_PANEL = 2.9  # inches, height of an image
_UNCHANGED = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # mean and std: the colours themselves
_NORMALISATION = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # mean and std of the default backbone's weights
# Told apart without colour too.
_CHANNELS = (("R", "#c0392b", "-"), ("G", "#1e8449", "--"), ("B", "#1f618d", ":"))


def save_figure1(
    ct_hu: Array, dx_gray: Array, colormaps: Sequence[str], window: str, out: str, curves: str = ""
) -> list[Path]:
    """Draw figure 1 to the file `out`, and the same colormaps' curves to `curves` if it is given; return the files.

    `window` is a CT window as `window=` takes it; images as for `draw_figure1`. The curves show what the default
    backbone sees. Raises MedxferError, before it writes anything, for a name that is unknown.
    """
    chosen = parse_window(window)
    if chosen is None:
        raise MedxferError("window=file: figure 1 needs a window in HU, for example window=40/400.")
    files = [Path(name).expanduser() for name in (out, curves) if name]
    figures = [draw_figure1(ct_hu, dx_gray, colormaps, chosen)]
    if curves:
        shown = [parse_colormap(name) for name in colormaps]
        tables = {colormap.name: colormap.table().numpy() for colormap in shown if not colormap.takes_hu}
        if not tables:
            raise MedxferError("curves=… needs a colormap of display gray: windows:… has three curves in HU.")
        figures.append(draw_color_curves(tables, *_NORMALISATION))
    for figure, file in zip(figures, files, strict=True):
        try:
            figure.savefig(file, dpi=200, bbox_inches="tight")
        except OSError as error:
            raise MedxferError(f"{file} cannot be written: {error.strerror}.") from error
    return files


def draw_figure1(
    ct_hu: Array | None,
    dx_gray: Array | None,
    colormaps: Sequence[str] = ("none", "viridis", "inferno"),
    ct_window: Window | tuple[float, float] = CT_WINDOW,
) -> Figure:
    """CT on the left, DX on the right, a row for each colormap, with colour bars; drawn by the networks' renderer.

    Args:
        ct_hu: (H, W) in HU; None leaves its column out.
        dx_gray: (H, W) display gray in [0, 1], white is 1; None leaves its column out.
        colormaps: names as `colormap=` takes them; `windows:…` leaves DX empty.
        ct_window: center and width in HU, for the colormaps that have no windows of their own.

    Raises:
        MedxferError: an unknown colormap, or none; no image.
    """
    if not colormaps:
        raise MedxferError("figure 1 needs at least one colormap, for example colormap=none,viridis,inferno.")
    images = {kind: image for kind, image in (("CT", ct_hu), ("DX", dx_gray)) if image is not None}
    if not images:
        raise MedxferError("figure 1 needs a CT or a DX image.")
    widths = [_PANEL * image.shape[1] / image.shape[0] for image in images.values()]
    figure = Figure(figsize=(sum(widths) + 0.9 * len(widths), (_PANEL + 0.3) * len(colormaps)), layout="compressed")
    panels = figure.subplots(len(colormaps), len(images), squeeze=False, width_ratios=widths)
    for row, name in zip(panels, colormaps, strict=True):
        for axes, (kind, image) in zip(row, images.items(), strict=True):
            if kind == "CT":
                _ct_panel(axes, image, name, Window(*ct_window))
            else:
                _dx_panel(axes, image, name)
        row[0].set_ylabel(name.replace("+", "+\n"))
    for axes, kind in zip(panels[0], images, strict=True):
        axes.set_title(kind, fontweight="bold")
    return figure


def _ct_panel(axes: Axes, hu: Array, name: str, window: Window) -> None:
    windows = parse_colormap(name).windows or (window,)
    low = min(w.center - w.width / 2 for w in windows)
    high = max(w.center + w.width / 2 for w in windows)
    renderer = Renderer(ColorTransform(name, *_UNCHANGED), window)
    _show(axes, _rgb(renderer, np.rint(hu).clip(-32768, 32767).astype(np.int16)))
    _bar(axes, _rgb(renderer, np.linspace(high, low, 512)[:, None].astype(np.int16)), low, high, "HU")


def _dx_panel(axes: Axes, gray: Array, name: str) -> None:
    if parse_colormap(name).takes_hu:
        axes.text(0.5, 0.5, "CT only", transform=axes.transAxes, ha="center", va="center", color="0.4")
        axes.set_axis_off()
        return
    renderer = Renderer(ColorTransform(name, *_UNCHANGED), None)
    _show(axes, _rgb(renderer, gray.astype(np.float32)))
    _bar(axes, _rgb(renderer, np.linspace(1, 0, 512, dtype=np.float32)[:, None]), 0.0, 1.0, "gray")


def _rgb(renderer: Renderer, gray: NDArray[np.generic]) -> Array:
    """(H, W, 3) sRGB in [0, 1] of gray or HU (H, W); one channel is shown three times."""
    none = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        pixels = renderer(GrayBatch(torch.from_numpy(gray).unsqueeze(0), none, none)).pixels[0]
    return np.asarray(pixels.expand(3, -1, -1).permute(1, 2, 0).clamp(0, 1).numpy())


def _show(axes: Axes, rgb: Array) -> None:
    axes.imshow(rgb, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _bar(axes: Axes, rgb: Array, low: float, high: float, unit: str) -> None:
    bar = axes.inset_axes((1.03, 0.0, 0.05, 1.0))
    bar.imshow(rgb, aspect="auto", extent=(0, 1, low, high))
    bar.set(xticks=[])
    bar.yaxis.tick_right()
    bar.set_title(unit, fontsize="small", loc="left")


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
        gray, colors = np.linspace(0, 1, len(table)), np.clip(table, 0, 1)
        left.plot(gray, lightness(colors.astype(np.float64)), color="black", linewidth=1)
        for channel, (label, color, style) in enumerate(_CHANNELS):
            seen = (table[:, channel] - mean[channel]) / std[channel]
            right.plot(gray, seen, color=color, linestyle=style, linewidth=1, label=label)
        left.set_ylabel(name)
        for axes in (left, right):  # the colours themselves, along the top edge
            strip = axes.inset_axes((0.0, 1.0, 1.0, 0.08))
            strip.imshow(colors[None], aspect="auto", interpolation="nearest")
            strip.set(xticks=[], yticks=[])
    rows[0, 0].set(title="lightness: CIE L*", ylim=(-3, 103), xlim=(0, 1))
    rows[0, 1].set_title("what the network sees: (colour − mean) / std")
    rows[0, 1].legend(ncols=3, fontsize="small", frameon=False, loc="upper left")
    for axes in rows[-1]:
        axes.set_xlabel("gray")
    return figure


def draw_colormaps() -> Figure:
    """The colormaps that have a fixed table as strips, from gray's black to gray's white; without the catalogue's."""
    names = [name for name in without_reversed(known_names()) if parse_colormap(name).kind == "fixed"]
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
