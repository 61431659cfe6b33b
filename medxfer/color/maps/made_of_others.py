"""Colormaps that are made of another one, named after it, or of random numbers: learned ones and controls."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from medxfer.base.errors import MedxferError
from medxfer.color.colormaps import Colormap, Colors, Family, fixed
from medxfer.color.lightness import gray_of

_RANDOM_KNOTS = 8


@Family(
    "learned:<any>",
    "trained with the network, starting as <any>",
    "learned:(.*)",
    ("learned:viridis", "learned:none"),
    asked="first",
)
def learned(name: str, start: str) -> Colormap:
    base = fixed(start)
    return Colormap(name, "learned", build=base.build, file=base.file)


@Family("<any>:luminance", "control: its lightness, no hue", "(.*):luminance", ("viridis:luminance",), asked="first")
def luminance(name: str, text: str) -> Colormap:
    base = fixed(text)
    return Colormap(
        name, build=lambda levels: np.repeat(gray_of(base.build(levels))[:, None], 3, axis=1), file=base.file
    )


@Family(
    "shuffled:<any>@<seed>",
    "control: the same colours, no order",
    "shuffled:(.*)",
    ("shuffled:viridis@0",),
    asked="first",
)
def shuffled(name: str, text: str) -> Colormap:
    of, _, seed = text.rpartition("@")
    number, base = _seed(name, seed, "shuffled:viridis@0"), fixed(of)

    def build(levels: int) -> Colors:
        return base.build(levels)[np.argsort(np.random.default_rng(number).random(levels))]

    return Colormap(name, build=build, file=base.file)


@Family("random@<seed>", "control: a smooth random map", "random@(.*)", ("random@0", "random@1"))
def random(name: str, seed: str) -> Colormap:
    """A smooth curve through random colours; the curve does not depend on the number of levels."""
    knots = np.random.default_rng(_seed(name, seed, "random@0")).random((_RANDOM_KNOTS, 3))
    curve = PchipInterpolator(np.linspace(0, 1, _RANDOM_KNOTS), knots)  # no overshoot: stays in [0, 1]
    return Colormap(name, build=lambda levels: np.asarray(curve(np.linspace(0, 1, levels))))


def _seed(name: str, text: str, example: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise MedxferError(f"colormap '{name}' needs a whole number after '@', for example {example}.")
    return int(text)
