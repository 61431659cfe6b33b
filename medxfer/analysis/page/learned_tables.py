"""Learned tables as the page shows them: where each started, and what every training made of it."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from medxfer.analysis.judge.results import Cell, StudyRecord
from medxfer.analysis.judge.selection import at_fraction, full_fraction
from medxfer.analysis.page.page import Picture
from medxfer.analysis.page.panels import block_name
from medxfer.analysis.page.sections import Chart, Section
from medxfer.analysis.page.svg import Axis, tag
from medxfer.base.errors import MedxferError
from medxfer.base.words import arm_name
from medxfer.color import parse_colormap

Colors = NDArray[np.floating]  # (levels, 3) sRGB, black end first; a learned one may leave [0, 1]

FILE = "colors.parquet"
TEXT = (
    "A learned table starts as a colormap and is trained with the network. Bars: the colours that it started from, and "
    "those that it was tested with, a strip for each training. Curves: its channels against gray, dashed where they "
    "started, with a thin line for each training."
)
CHANNELS = (("red", "arm2"), ("green", "arm1"), ("blue", "arm3"))  # and the style sheet's class
SHOWN = 256  # levels that are drawn of a longer table
WIDTH, LEFT, RIGHT = 360, 58, 350  # px, of the drawing and of what stands beside the names
BAR, STRIP, PANEL, GAP = 14, 6, 72, 10  # heights, px


def learned_tables(study: StudyRecord) -> Section | None:
    """A drawing for each arm with learned colours in each block, or None where the study has none.

    Raises:
        MedxferError: a cell's table cannot be read.
    """
    blocks = at_fraction(study, full_fraction(study))
    charts = []
    for block, cells in blocks.items():
        trained = [cell for cell in cells if cell.status == "done" and (cell.folder / FILE).is_file()]
        for arm in dict.fromkeys(cell.arm for cell in trained):
            tables = [_read(cell) for cell in trained if cell.arm == arm]
            start = parse_colormap(arm[0]).table(len(tables[0])).numpy()
            title = f"{block_name(block, blocks)} · {arm_name(arm)}"
            charts.append(Chart(title, _drawing(_sampled(start), [_sampled(table) for table in tables], title)))
    return Section("learned", "Learned colours", [TEXT], charts=charts) if charts else None


def _read(cell: Cell) -> Colors:
    path = cell.folder / FILE
    try:
        return pd.read_parquet(path, columns=["r", "g", "b"]).to_numpy(dtype=np.float64)
    except (OSError, ValueError) as error:
        raise MedxferError(f"cannot read {path}: {error}; delete the cell's folder and train it again") from error


def _sampled(table: Colors) -> Colors:
    return table[np.linspace(0, len(table) - 1, min(len(table), SHOWN)).round().astype(int)]


def _drawing(start: Colors, learned: Sequence[Colors], name: str) -> Markup:
    below = 2 * GAP + BAR + max(BAR, STRIP * len(learned))
    parts = [
        *_bar("start", [start], GAP, BAR),
        *_bar("learned", learned, GAP + BAR + 2, below - 2 * GAP - BAR),
    ]
    values = np.concatenate([start, *learned])
    ends = min(0.0, float(values.min())), max(1.0, float(values.max()))
    for channel, (label, colour) in enumerate(CHANNELS):
        y = Axis(*ends, start=below + PANEL, stop=below + GAP)
        parts += _channel(label, colour, start[:, channel], [table[:, channel] for table in learned], y)
        below += PANEL
    parts += _gray_axis(below)
    description = f"{name}: colours and channels against gray at the start and after each of {len(learned)} trainings"
    size = f"0 0 {WIDTH} {below + 40}"
    return tag("svg", tag("title", description), *parts, view_box=size, role="img")


def _bar(label: str, tables: Sequence[Colors], y: float, height: float) -> Iterator[Markup]:
    """The tables' colours, black end left, one strip below the other."""
    file = io.BytesIO()
    Image.fromarray((np.stack(tables).clip(0, 1) * 255).round().astype(np.uint8)).save(file, "png")
    yield tag("text", label, x=LEFT - 8, y=y + height / 2 + 4, text_anchor="end", cls="label")
    yield tag(
        "image", href=Picture("image/png", file.getvalue()).url, x=LEFT, y=y, width=RIGHT - LEFT, height=height,
        preserve_aspect_ratio="none", cls="strips",
    )  # fmt: skip


def _channel(label: str, colour: str, start: Colors, learned: Sequence[Colors], y: Axis) -> Iterator[Markup]:
    yield tag("text", label, x=4, y=y(0.5) + 4, cls="label")
    for tick in (0, 1):
        yield tag("line", x1=LEFT, x2=RIGHT, y1=y(tick), y2=y(tick), cls="grid")
        yield tag("text", f"{tick}", x=LEFT - 8, y=y(tick) + 4, text_anchor="end", cls="tick")
    for values in learned:
        yield _curve(values, y, f"curve thin {colour}")
    yield _curve(start, y, "curve thin dashed arm0")


def _curve(values: Colors, y: Axis, cls: str) -> Markup:
    x = np.linspace(LEFT, RIGHT, len(values))
    return tag("polyline", points=" ".join(f"{a:.1f},{y(b):.1f}" for a, b in zip(x, values, strict=True)), cls=cls)


def _gray_axis(y: float) -> Iterator[Markup]:
    for place, label in ((LEFT, "0"), ((LEFT + RIGHT) / 2, "0.5"), (RIGHT, "1")):
        yield tag("line", x1=place, x2=place, y1=y, y2=y + 5, cls="axis")
        yield tag("text", label, x=place, y=y + 18, text_anchor="middle", cls="tick")
    yield tag("text", "gray", x=(LEFT + RIGHT) / 2, y=y + 34, text_anchor="middle", cls="label")
