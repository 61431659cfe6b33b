"""What the page's figures are made of; the macros of drawing.svg.j2 draw it.

Colours are classes of the page's style sheet, so that one drawing serves light, dark and print.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

from medxfer.analysis.judge.results import Arm
from medxfer.base.words import arm_name


@dataclass(frozen=True)
class Axis:
    """Maps [low, high] in data units to [start, stop] on the drawing, in percent or px."""

    low: float
    high: float
    start: float = 3.0
    stop: float = 97.0

    @classmethod
    def around(cls, values: Sequence[float]) -> "Axis":
        """An axis with round ends that holds all finite values."""
        ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(min(values), max(values))
        return cls(float(ticks[0]), float(ticks[-1]))

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + (self.stop - self.start) * min(max(share, 0.0), 1.0)

    def percent(self, value: float) -> str:
        return f"{self(value):.2f}%"

    def ticks(self) -> list[float]:
        places = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(place) for place in places if self.low - slack <= place <= self.high + slack]


@dataclass(frozen=True)
class Row:
    """One line of a panel: a name, marks on the panel's axis, and the same in figures."""

    name: str
    figures: str
    kind: str = "solid"  # the mark: solid, hollow or diamond, told apart without colour
    span: tuple[float, float, float] | None = None  # the estimate or mean, and its interval
    dots: Sequence[float] | None = None  # every training; None where the row is an estimate
    colour: str = ""


@dataclass(frozen=True)
class Panel:
    """Groups of rows on one axis, whose unit is points."""

    groups: Sequence[tuple[str, str, Sequence[Row]]]  # (title, note, rows)
    axis: Axis
    margin: float | None = None  # where differences are shown: the band that does not matter
    caption: str = ""
    chance: float | None = None  # what guessing reaches, where arms are shown


@dataclass(frozen=True)
class Line:
    """A curve of a chart in data units; `band` holds (low, high) for each of its points. Without y, the band alone."""

    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dashed: bool = False
    band: Sequence[tuple[float, float]] = ()
    marks: bool = False


@dataclass(frozen=True)
class Chart:
    title: str
    lines: Sequence[Line]
    x: Axis  # in px, see `chart_axes`
    y: Axis
    labels: tuple[str, str]
    description: str
    ticks: Sequence[tuple[float, str]] = ()  # (place, label) on the x axis, where not round ones
    diagonal: bool = False
    level: float | None = None  # of a line across: chance

    @property
    def x_ticks(self) -> Sequence[tuple[float, str]]:
        return self.ticks or [(tick, number(tick)) for tick in self.x.ticks()]


@dataclass(frozen=True)
class Picture:
    kind: str  # media type
    content: bytes
    caption: str = ""

    @property
    def url(self) -> str:
        return f"data:{self.kind};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class SeenImage:
    """A test image, as networks see it under each colormap."""

    data: str
    label: str  # its class, or what it shows of several labels
    window: str  # "window 40/400"; empty where images are shown as their files say
    pictures: Sequence[Picture]  # a colormap each


@dataclass(frozen=True)
class ChangedImage:
    """A test image that arms disagree on. `image` is its pseudonym, which the page does not show."""

    data: str
    image: str
    label: str  # its own class, or classes
    said: str  # the class whose score changed most
    scores: Mapping[Arm, float]  # of `said`, averaged over an arm's trainings
    pictures: Sequence[Picture] = ()  # one for each colormap, which is the caption


@dataclass(frozen=True)
class LearnedDrawing:
    """The colours that an arm started from, and those that its trainings were tested with."""

    title: str
    trainings: int
    start: Picture
    learned: Picture  # a strip for each training
    channels: Sequence[tuple[str, Sequence[Line]]]  # against gray, each training's and the start's
    x: Axis
    y: Axis


def chart_axes(x: tuple[float, float], y: tuple[float, float]) -> tuple[Axis, Axis]:
    """The axes of a chart that shows these ranges."""
    return Axis(*x, 46, 350), Axis(*y, 256, 10)


def polyline(xs: Sequence[float], ys: Sequence[float], x: Axis, y: Axis) -> str:
    """The `points` of a polyline."""
    return " ".join(f"{x(px):.1f},{y(py):.1f}" for px, py in zip(xs, ys, strict=True))


def number(value: float, signed: bool = False) -> str:
    """A tick's label, without trailing zeros and with a real minus sign."""
    text = f"{value:+.6g}" if signed and value else f"{value:.6g}"
    return text.replace("-", "−")


def environment() -> Environment:
    """Where the page's templates are found; all that they insert is escaped."""
    made = Environment(
        loader=FunctionLoader(read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"arm_name": arm_name, "broken": broken, "glued": glued, "number": number, "px": "{:.6g}".format}
    made.globals |= {"polyline": polyline}
    return made


def read(name: str) -> str:
    return files("medxfer.analysis.page").joinpath(name).read_text(encoding="utf-8")


def glued(text: str) -> str:
    """Figures keep their unit, their sign of comparison and the other end of their interval on the same line."""
    text = re.sub(r"(?<=\d) to (?=[+−\d])", "\u00a0to\u00a0", text)
    return re.sub(r"(?<=\d) (?=%|points?\b)|(?<=\bp) (?=[=<>])|(?<=[=<>]) (?=\d)", "\u00a0", text)


def broken(text: str) -> Markup:
    """A table's cell as `glued`; where the table is too wide, an interval stands below its figure."""
    return escape(glued(text)).replace(" (", Markup(" <wbr/>("))
