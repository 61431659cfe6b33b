"""RQ1 and RQ2 as contrasts of arms, fixed by the planned grid before the first cell runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Arm = tuple[str, bool | str]  # (colormap, pretrained)
Question = Literal["RQ1", "RQ2"]
PRIMARY = "primary"
CONTROL = "control"


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of arms; `weights` sum to 0, and a positive value means that `subject` helps."""

    question: Question
    family: str
    subject: str
    name: str
    weights: Mapping[Arm, float]


def is_control(colormap: str) -> bool:
    """Whether the colormap exists to explain an effect (order destroyed, luminance alone, one channel)."""
    return colormap == "single" or colormap.startswith(("shuffled:", "random@")) or colormap.endswith(":luminance")


def controlled(control: str) -> str | None:
    """The colormap that a control is made from: 'shuffled:viridis@3' and 'viridis:luminance' from viridis."""
    if control.startswith("shuffled:"):
        return control.removeprefix("shuffled:").partition("@")[0]
    return control.removesuffix(":luminance") if control.endswith(":luminance") else None


def declare(arms: Iterable[Arm]) -> list[Contrast]:
    """Every contrast that a grid with these arms asks for.

    The primary ones: for RQ1 each colormap − none within pretrained=true, controls apart; for RQ2
    pretrained − random at colormap=none.
    """
    present = list(dict.fromkeys(arms))
    colormaps = list(dict.fromkeys(colormap for colormap, _ in present if colormap != "none"))
    own = list(dict.fromkeys(start for _, start in present if not isinstance(start, bool)))
    wanted = [*_colour(colormaps), *_against_controls(colormaps), *_start(["none", *colormaps]), *_own(own)]
    return [contrast for contrast in wanted if set(contrast.weights) <= set(present)]


def arm_name(arm: Arm) -> str:
    """In words: 'viridis, pretrained'."""
    return f"{arm[0]}, {weights_name(arm[1])}"


def weights_name(pretrained: bool | str) -> str:
    """What the initial weights are called: pretrained, random, or the user's own name for them."""
    return pretrained if isinstance(pretrained, str) else "pretrained" if pretrained else "random"


def _colour(colormaps: Sequence[str]) -> list[Contrast]:
    def gain(colormap: str, pretrained: bool, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, pretrained): scale, ("none", pretrained): -scale}

    contrasts = []
    for c in colormaps:
        forms = (
            (CONTROL if is_control(c) else PRIMARY, "pretrained", gain(c, True)),
            ("random weights", "random weights", gain(c, False)),
            ("averaged", "averaged over weights", gain(c, True, 0.5) | gain(c, False, 0.5)),
            ("interaction", "gain with pretrained − with random", gain(c, True) | gain(c, False, -1.0)),
        )
        contrasts += [Contrast("RQ1", family, c, f"{c} − none, {where}", weights) for family, where, weights in forms]
    return contrasts


def _against_controls(colormaps: Sequence[str]) -> list[Contrast]:
    """Each colormap − its own control: what the control takes away, and nothing else."""
    return [
        Contrast(
            "RQ1",
            CONTROL,
            control,
            f"{base} − {control}, pretrained",
            {(base, True): 1.0, (control, True): -1.0},
        )
        for control in colormaps
        if (base := controlled(control)) is not None
    ]


def _start(colormaps: Sequence[str]) -> list[Contrast]:
    def gain(colormap: str, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, True): scale, (colormap, False): -scale}

    contrasts = [
        Contrast(
            "RQ2",
            PRIMARY if c == "none" else "other colormaps",
            "pretrained",
            f"pretrained − random, {c}",
            gain(c),
        )
        for c in colormaps
    ]
    if len(colormaps) > 1:
        mean = {arm: weight for c in colormaps for arm, weight in gain(c, 1 / len(colormaps)).items()}
        contrasts.append(
            Contrast("RQ2", "averaged", "pretrained", "pretrained − random, averaged over colormaps", mean)
        )
    return contrasts


def _own(starts: Sequence[str]) -> list[Contrast]:
    return [
        Contrast(
            "RQ2",
            "own weights",
            start,
            f"{start} − {weights_name(other)}, none",
            {("none", start): 1.0, ("none", other): -1.0},
        )
        for start in starts
        for other in (True, False)
    ]
