"""Line charts as SVG with round axes: learning curves, ROC and calibration. Colours are the style sheet's classes."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medxfer.analysis.page.svg import Axis, number, tag

WIDTH, HEIGHT = 360, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 350, 10, 256  # of the plotting area, px


@dataclass(frozen=True)
class Line:
    """A curve in data units; `band` holds (low, high) for each of its points."""

    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dashed: bool = False
    band: Sequence[tuple[float, float]] = ()
    marks: bool = False


def chart(
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    labels: tuple[str, str],
    description: str,
    diagonal: bool = False,
    x_ticks: Sequence[tuple[float, str]] | None = None,
) -> Markup:
    """`x` and `y` map data to pixels (see `across` and `up`); `x_ticks` are (place, label) where not round ones."""
    parts = [*_grid(x, y, x_ticks), *_labels(labels)]
    if diagonal:
        parts.append(tag("line", x1=x(x.low), y1=y(y.low), x2=x(x.high), y2=y(y.high), cls="axis faint"))
    parts += [_band(line, x, y) for line in lines if line.band]
    for line in lines:
        parts.append(_curve(line, x, y))
        if line.marks:
            kind = "hollow" if line.dashed else "solid"
            parts += [
                tag("circle", cx=x(px), cy=y(py), r=4, cls=f"mark {kind} {line.colour}")
                for px, py in zip(line.x, line.y, strict=True)
            ]
    return tag("svg", tag("title", description), *parts, view_box=f"0 0 {WIDTH} {HEIGHT}", role="img")


def across(low: float, high: float) -> Axis:
    return Axis(low, high, LEFT, RIGHT)


def up(low: float, high: float) -> Axis:
    return Axis(low, high, BOTTOM, TOP)


def key_line(colour: str, dashed: bool) -> Markup:
    """A short piece of a line for the key."""
    line = tag("line", x1=0, x2=28, y1=6, y2=6, cls=_class(colour, dashed))
    return tag("svg", line, width=28, height=12, aria_hidden="true", focusable="false")


def _class(colour: str, dashed: bool) -> str:
    return f"curve {colour}{' dashed' if dashed else ''}"


def _curve(line: Line, x: Axis, y: Axis) -> Markup:
    points = " ".join(f"{x(px):.1f},{y(py):.1f}" for px, py in zip(line.x, line.y, strict=True))
    return tag("polyline", points=points, cls=_class(line.colour, line.dashed))


def _band(line: Line, x: Axis, y: Axis) -> Markup:
    there = [f"{x(px):.1f},{y(high):.1f}" for px, (_, high) in zip(line.x, line.band, strict=True)]
    back = [f"{x(px):.1f},{y(low):.1f}" for px, (low, _) in zip(line.x, line.band, strict=True)]
    return tag("polygon", points=" ".join([*there, *reversed(back)]), cls=f"shade {line.colour}")


def _grid(x: Axis, y: Axis, x_ticks: Sequence[tuple[float, str]] | None) -> list[Markup]:
    parts = []
    for tick in y.ticks(5):
        parts.append(tag("line", x1=LEFT, x2=RIGHT, y1=y(tick), y2=y(tick), cls="grid"))
        parts.append(tag("text", number(tick), x=LEFT - 6, y=y(tick) + 4, text_anchor="end", cls="tick"))
    for place, label in x_ticks or [(tick, number(tick)) for tick in x.ticks(5)]:
        parts.append(tag("line", x1=x(place), x2=x(place), y1=BOTTOM, y2=BOTTOM + 5, cls="axis"))
        parts.append(tag("text", label, x=x(place), y=BOTTOM + 18, text_anchor="middle", cls="tick"))
    parts.append(tag("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, cls="axis"))
    return parts


def _labels(labels: tuple[str, str]) -> list[Markup]:
    middle = (TOP + BOTTOM) / 2
    return [
        tag("text", labels[0], x=(LEFT + RIGHT) / 2, y=HEIGHT - 6, text_anchor="middle", cls="label"),
        tag(
            "text",
            labels[1],
            x=12,
            y=middle,
            text_anchor="middle",
            transform=f"rotate(-90 12 {middle})",
            cls="label",
        ),
    ]
