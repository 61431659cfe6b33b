"""The few pieces of SVG that the page's figures are made of; text and attributes are escaped.

Colours are classes, given by the page's style sheet, so that one drawing serves light, dark and print.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """One element: `view_box` and `preserve_aspect_ratio` get SVG's own names, other underscores become hyphens;
    None attributes are left out."""
    parts = [
        Markup(' {}="{}"').format(_attribute(key), f"{value:.6g}" if isinstance(value, float) else value)
        for key, value in attributes.items()
        if value is not None
    ]
    return Markup("<{0}{1}>{2}</{0}>").format(name, Markup().join(parts), Markup().join(map(escape, children)))


def _attribute(key: str) -> str:
    return {"view_box": "viewBox", "preserve_aspect_ratio": "preserveAspectRatio", "cls": "class"}.get(
        key, key.strip("_").replace("_", "-")
    )


@dataclass(frozen=True)
class Axis:
    """Maps [low, high] in data units to [start, stop] on the drawing."""

    low: float
    high: float
    start: float = 3.0
    stop: float = 97.0

    @classmethod
    def around(cls, values: Sequence[float], start: float = 3.0, stop: float = 97.0) -> "Axis":
        """An axis with round ends that holds all finite values."""
        ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(min(values), max(values))
        return cls(float(ticks[0]), float(ticks[-1]), start, stop)

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + (self.stop - self.start) * min(max(share, 0.0), 1.0)

    def percent(self, value: float) -> str:
        return f"{self(value):.2f}%"

    def ticks(self, count: int = 5) -> list[float]:
        places = MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(place) for place in places if self.low - slack <= place <= self.high + slack]


def number(value: float, signed: bool = False) -> str:
    """A tick's label, without trailing zeros and with a real minus sign."""
    text = f"{value:+.6g}" if signed and value else f"{value:.6g}"
    return text.replace("-", "−")
