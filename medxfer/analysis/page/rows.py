"""Rows of the page's figures as SVG as wide as its place: positions are percentages, text keeps its size.

The numbers that a row draws stand beside it as text, so the drawings are hidden from screen readers.
"""

from collections.abc import Sequence

from markupsafe import Markup

from medxfer.analysis.page.svg import Axis, number, tag

ROW = 34  # height of a row, px
MIDDLE = ROW / 2


def interval_row(
    estimate: float, low: float, high: float, axis: Axis, margin: float | None = None, kind: str = "solid"
) -> Markup:
    """A point with its interval, before the margin's band and the line at zero; all in the axis' units."""
    parts = [] if margin is None else [_band(axis, -margin, margin)]
    if axis.low <= 0 <= axis.high:
        parts.append(_upright(axis, 0.0, "zero", ROW))
    parts += [
        tag("line", x1=axis.percent(low), x2=axis.percent(high), y1=MIDDLE, y2=MIDDLE, cls="whisker"),
        *(_upright(axis, end, "cap", 10) for end in (low, high) if axis.low <= end <= axis.high),
        marker(axis.percent(estimate), kind),
    ]
    return _row(parts)


def dot_row(
    values: Sequence[float], axis: Axis, kind: str, mean: float, interval: tuple[float, float] | None
) -> Markup:
    """Every training a dot; the arm's mean an upright bar, with its interval where there is one."""
    parts = []
    if interval is not None:
        low, high = interval
        parts.append(tag("line", x1=axis.percent(low), x2=axis.percent(high), y1=MIDDLE, y2=MIDDLE, cls="whisker"))
    parts.append(_upright(axis, mean, "mean", 22))
    parts += [marker(axis.percent(value), kind, radius=4.0) for value in values]
    return _row(parts)


def axis_row(axis: Axis, signed: bool = False, band: float | None = None) -> Markup:
    """Ticks and their labels; `band` continues the margin's band down to the axis."""
    ticks = axis.ticks()
    parts = [] if band is None else [_band(axis, -band, band, 8)]
    parts.append(tag("line", x1=axis.percent(axis.low), x2=axis.percent(axis.high), y1=1, y2=1, cls="axis"))
    for tick in ticks:
        where = axis.percent(tick)
        parts.append(tag("line", x1=where, x2=where, y1=1, y2=6, cls="axis"))
        parts.append(tag("text", number(tick, signed), x=where, y=20, text_anchor="middle", cls="tick"))
    return _row(parts, 26)


def marker(x: str, kind: str, radius: float = 5.0) -> Markup:
    """A mark at `x` (a percentage): solid circle, hollow circle or diamond, told apart without colour."""
    if kind == "diamond":
        r = radius * 1.25
        shape = tag("path", d=f"M0 {-r}L{r} 0L0 {r}L{-r} 0Z", cls="mark solid")
    else:
        shape = tag("circle", r=radius, cls=f"mark {kind}")
    return tag("svg", shape, x=x, y=f"{MIDDLE}", overflow="visible")


def _row(parts: Sequence[Markup], height: int = ROW) -> Markup:
    return tag("svg", *parts, cls="row", width="100%", height=height, aria_hidden="true", focusable="false")


def _band(axis: Axis, low: float, high: float, height: float = ROW) -> Markup:
    width = axis(high) - axis(low)
    return tag("rect", x=axis.percent(low), width=f"{width:.2f}%", y=0, height=height, cls="band")


def _upright(axis: Axis, value: float, cls: str, height: float) -> Markup:
    where = axis.percent(value)
    return tag("line", x1=where, x2=where, y1=MIDDLE - height / 2, y2=MIDDLE + height / 2, cls=cls)
