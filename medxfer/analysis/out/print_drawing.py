"""Panels and charts of the page drawn for print by matplotlib: column widths, small type, colours that print."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath

from medxfer.analysis.page.drawing import Chart, Line, Panel, Row, number

MM = 1 / 25.4  # inches
COLUMN, BOTH = 89 * MM, 183 * MM  # widths of one column of a journal and of two
ROW, AXIS = 5.5 * MM, 11 * MM  # heights of a panel's row, and of its axis with the label
NARROWEST = 28 * MM  # a panel's plot; where one column leaves less beside the text, it takes two
ACROSS = 3  # charts beside each other on two columns
INK, SOFT, BAND = "#1c1f23", "#6a6f76", "#dfe6ee"
# Okabe and Ito's colours (2008), told apart with any colour vision; by the page's classes.
COLOURS = {
    "arm0": "#5f5f5f", "arm1": "#009E73", "arm2": "#D55E00", "arm3": "#0072B2", "arm4": "#CC79A7", "arm5": "#E69F00",
}  # fmt: skip
STYLE: dict[Any, Any] = {  # matplotlib's rc
    "font.size": 7, "font.family": "DejaVu Sans", "axes.titlesize": 7, "axes.labelsize": 7, "legend.fontsize": 7,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "axes.linewidth": 0.6, "lines.linewidth": 1.0,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "pdf.fonttype": 42,  # fonts embedded as TrueType, which journals ask for
    "svg.fonttype": "path",  # looks the same wherever it is opened
    "svg.hashsalt": "medxfer",
}  # fmt: skip


def draw_panel(panel: Panel, label: str) -> Figure:
    """Rows on a common axis: name, marks, figures; as wide as one column if that leaves room, else as two."""
    beside = [[row.name, row.figures] for _, _, rows in panel.groups for row in rows]
    beside += [[title, ""] for title, _, _ in panel.groups] if len(panel.groups) > 1 else []
    taken = sum(max(map(_width, column)) for column in zip(*beside, strict=True))
    return _panel(panel, label, COLUMN if COLUMN - taken - 6 * MM >= NARROWEST else BOTH)


def _width(text: str) -> float:
    """In inches, of a line in the style's size."""
    return float(TextPath((0, 0), text, size=7).get_extents().width) / 72 if text.strip() else 0.0


def _panel(panel: Panel, label: str, width: float) -> Figure:
    several = len(panel.groups) > 1
    lines: list[Row | str] = []
    for title, _, rows in panel.groups:
        lines += [title] * several + list(rows)
    figure = Figure(
        figsize=(width, ROW * len(lines) + AXIS), layout=ConstrainedLayoutEngine(w_pad=1 * MM, h_pad=0.5 * MM)
    )
    axes = figure.subplots()
    axes.set(ylim=(len(lines) - 0.5, -0.5), xlim=(panel.axis.low, panel.axis.high), xlabel=label)
    axes.set_yticks(range(len(lines)), [line if isinstance(line, str) else line.name for line in lines])
    axes.set_xticks(panel.axis.ticks(), [number(tick, panel.margin is not None) for tick in panel.axis.ticks()])
    axes.tick_params(axis="y", length=0)
    axes.spines[["left", "top", "right"]].set_visible(False)
    if panel.margin is not None:
        axes.axvspan(-panel.margin, panel.margin, color=BAND, linewidth=0, zorder=0)
        axes.axvline(0, color=SOFT, linewidth=0.6, zorder=1)
    if panel.chance is not None and panel.axis.low <= panel.chance <= panel.axis.high:
        axes.axvline(panel.chance, color=SOFT, linewidth=0.8, linestyle=":", zorder=1)
    for place, line in enumerate(lines):
        if isinstance(line, Row):
            _row(axes, place, line)
            axes.text(1.02, place, line.figures, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)
    figure.draw_without_rendering()
    return figure


def _row(axes: Axes, place: int, row: Row) -> None:
    if row.span is None:
        return
    middle, low, high = row.span
    colour = COLOURS.get(row.colour, INK)
    axes.plot([low, high], [place, place], color=colour, linewidth=1, solid_capstyle="butt", zorder=2)
    if row.dots is None:
        axes.plot([low, high], [place, place], "|", color=colour, markersize=4, markeredgewidth=1, zorder=2)
        _marks(axes, [middle], place, row.kind, colour, 4.5)
    else:
        axes.plot([middle], [place], "|", color=colour, markersize=9, markeredgewidth=1, zorder=2)
        _marks(axes, row.dots, place, row.kind, colour, 3.2)


def _marks(axes: Axes, xs: Sequence[float], place: int, kind: str, colour: str, size: float) -> None:
    axes.plot(
        xs, [place] * len(xs), "D" if kind == "diamond" else "o", color=colour, markersize=size, markeredgewidth=0.8,
        markerfacecolor="white" if kind == "hollow" else colour, zorder=3,
    )  # fmt: skip


def draw_charts(charts: Sequence[Chart], key: Sequence[tuple[str, str, bool]], square: bool = False) -> Figure:
    """Charts beside each other, one on one column and more on two, over a legend of `key` (name, colour, dashed)."""
    across = min(len(charts), ACROSS)
    width = COLUMN if across == 1 else BOTH
    down = -(-len(charts) // across)
    cell = width / max(across, 2) if across > 1 else 0.85 * width
    rows = -(-len(key) // (2 if across == 1 else 4))
    figure = Figure(figsize=(width, cell * down * (1.0 if square else 0.8) + rows * 4 * MM), layout="constrained")
    grid = np.asarray(figure.subplots(down, across, squeeze=False)).ravel()
    for axes, chart in zip(grid, charts, strict=False):
        _chart(axes, chart, square, titled=len(charts) > 1)
    for axes in grid[len(charts) :]:
        axes.set_axis_off()
    handles = [
        Line2D([], [], color=COLOURS[colour], linestyle="--" if dashed else "-", label=name)
        for name, colour, dashed in key
    ]
    columns = min(len(key), 2 if across == 1 else 4)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, handlelength=2.4)
    figure.draw_without_rendering()
    return figure


def _chart(axes: Axes, chart: Chart, square: bool, titled: bool) -> None:
    axes.set(xlim=(chart.x.low, chart.x.high), ylim=(chart.y.low, chart.y.high))
    axes.set(xlabel=chart.labels[0], ylabel=chart.labels[1])
    axes.set_xticks([place for place, _ in chart.x_ticks], [text for _, text in chart.x_ticks])
    axes.set_yticks(chart.y.ticks(), [number(tick) for tick in chart.y.ticks()])
    axes.spines[["top", "right"]].set_visible(False)
    if titled:
        axes.set_title(chart.title)
    if square:
        axes.set_aspect("equal")
    if chart.diagonal:
        axes.plot([chart.x.low, chart.x.high], [chart.y.low, chart.y.high], color=SOFT, linewidth=0.6, zorder=1)
    if chart.level is not None:
        axes.axhline(chart.level, color=SOFT, linewidth=0.8, linestyle=":", zorder=1)
    for line in chart.lines:
        _line(axes, line)


def _line(axes: Axes, line: Line) -> None:
    colour = COLOURS[line.colour]
    if line.band:
        low, high = zip(*line.band, strict=True)
        axes.fill_between(line.x, low, high, color=colour, alpha=0.18, linewidth=0, zorder=1)
    if len(line.y):
        mark: dict[str, Any] = {"marker": "o", "markersize": 3.5, "markerfacecolor": "white" if line.dashed else colour}
        style = "--" if line.dashed else "-"
        axes.plot(line.x, line.y, color=colour, linestyle=style, zorder=2, **(mark if line.marks else {}))
