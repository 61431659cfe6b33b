"""Figure 1: the same CT and DX image under each colormap, drawn by the renderer that feeds the networks."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.base.window import CT_WINDOW, Window
from medxfer.color import ColorTransform, Renderer, parse_colormap

Array = NDArray[np.floating]

_PANEL = 2.9  # inches, height of an image
_UNCHANGED = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # mean and std: the colours themselves


def draw_figure1(
    ct_hu: Array,
    dx_gray: Array,
    colormaps: Sequence[str] = ("none", "viridis", "inferno"),
    ct_window: Window | tuple[float, float] = CT_WINDOW,
) -> Figure:
    """CT on the left, DX on the right, a row for each colormap, with colour bars.

    Args:
        ct_hu: (H, W) in HU.
        dx_gray: (H, W) display gray in [0, 1], white is 1.
        colormaps: names as `colormap=` takes them; `windows:…` leaves DX empty.
        ct_window: center and width in HU, for the colormaps that have no windows of their own.

    Raises:
        MedxferError: an unknown colormap, or none.
    """
    if not colormaps:
        raise MedxferError("Figure 1 needs at least one colormap, for example colormap=none,viridis,inferno.")
    widths = [_PANEL * image.shape[1] / image.shape[0] for image in (ct_hu, dx_gray)]
    figure = Figure(figsize=(sum(widths) + 1.8, (_PANEL + 0.3) * len(colormaps)), layout="compressed")
    panels = figure.subplots(len(colormaps), 2, squeeze=False, width_ratios=widths)
    for (left, right), name in zip(panels, colormaps, strict=True):
        _ct_panel(left, ct_hu, name, Window(*ct_window))
        _dx_panel(right, dx_gray, name)
        left.set_ylabel(name.replace("+", "+\n"))
    panels[0, 0].set_title("CT", fontweight="bold")
    panels[0, 1].set_title("DX", fontweight="bold")
    return figure


def _ct_panel(axes: Axes, hu: Array, name: str, window: Window) -> None:
    windows = parse_colormap(name).windows or (window,)
    low = min(w.center - w.width / 2 for w in windows)
    high = max(w.center + w.width / 2 for w in windows)
    renderer = Renderer(_colors(name), None if len(windows) > 1 else window)
    _show(axes, _rgb(renderer, np.rint(hu).clip(-32768, 32767).astype(np.int16)))
    _bar(axes, _rgb(renderer, np.linspace(high, low, 512)[:, None].astype(np.int16)), low, high, "HU")


def _dx_panel(axes: Axes, gray: Array, name: str) -> None:
    if parse_colormap(name).takes_hu:
        axes.text(0.5, 0.5, "CT only", transform=axes.transAxes, ha="center", va="center", color="0.4")
        axes.set_axis_off()
        return
    renderer = Renderer(_colors(name), None)
    _show(axes, _rgb(renderer, gray.astype(np.float32)))
    _bar(axes, _rgb(renderer, np.linspace(1, 0, 512, dtype=np.float32)[:, None]), 0.0, 1.0, "gray")


def _colors(name: str) -> ColorTransform:
    return ColorTransform(name, *_UNCHANGED)


def _rgb(renderer: Renderer, gray: NDArray[np.generic]) -> Array:
    """(H, W, 3) sRGB in [0, 1] of gray or HU (H, W); one channel is shown three times."""
    none = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        pixels = renderer(GrayBatch(torch.from_numpy(gray).unsqueeze(0), none, none)).pixels[0]
    return pixels.expand(3, -1, -1).permute(1, 2, 0).clamp(0, 1).numpy()


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
