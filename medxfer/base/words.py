"""Cells and times as one reads them."""

from collections.abc import Mapping
from typing import Any


def initialisation(pretrained: bool | str) -> str:
    """'pretrained', 'random', or the weights' name."""
    if isinstance(pretrained, str):
        return pretrained
    return "pretrained" if pretrained else "random"


def describe(factors: Mapping[str, Any]) -> str:
    """A cell by its factors: 'phantom_dx resnet18 viridis × pretrained, seed 0'."""
    start = initialisation(factors["pretrained"])
    return f"{factors['data']} {factors['backbone']} {factors['colormap']} × {start}, seed {factors['seed']}"


def duration(seconds: float) -> str:
    """'40 s', '12 min', '3.5 h', '2.1 days'."""
    for limit, unit, size in ((90, "s", 1), (5400, "min", 60), (48 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.1f} {unit}" if unit == "h" else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"
