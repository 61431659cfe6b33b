"""RQ1 and RQ2 as contrasts of arms: the declared rules, applied to the planned grid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from medxfer.base.words import weights_name
from medxfer.study.declared import Rules

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


def declare(arms: Iterable[Arm], rules: Rules) -> list[Contrast]:
    """Every contrast that a grid with these arms asks for.

    The primary ones: for RQ1 each colormap − none within `rules.weights`, controls apart; for RQ2
    pretrained − random within `rules.colormap`.
    """
    present = list(dict.fromkeys(arms))
    colormaps = list(dict.fromkeys(colormap for colormap, _ in present if colormap != "none"))
    own = list(dict.fromkeys(start for _, start in present if not isinstance(start, bool)))
    wanted = [
        *_colour(colormaps, rules.weights),
        *_against_controls(colormaps, rules.weights),
        *_start(["none", *colormaps], rules.colormap),
        *_own(own, rules.colormap),
    ]
    return [contrast for contrast in wanted if set(contrast.weights) <= set(present)]


def images_name(colormap: str) -> str:
    """What the images of a colormap are called: gray images, or images in viridis."""
    return "gray images" if colormap == "none" else f"images in {colormap}"


def _colour(colormaps: Sequence[str], within: bool | str) -> list[Contrast]:
    def gain(colormap: str, pretrained: bool | str, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, pretrained): scale, ("none", pretrained): -scale}

    contrasts, others = [], [start for start in (True, False) if start != within]
    for c in colormaps:
        forms = (
            (CONTROL if is_control(c) else PRIMARY, weights_name(within), gain(c, within)),
            *((f"{weights_name(w)} weights", f"{weights_name(w)} weights", gain(c, w)) for w in others),
            ("averaged", "averaged over weights", gain(c, True, 0.5) | gain(c, False, 0.5)),
            ("interaction", "gain with pretrained − with random", gain(c, True) | gain(c, False, -1.0)),
        )
        contrasts += [Contrast("RQ1", family, c, f"{c} − none, {where}", weights) for family, where, weights in forms]
    return contrasts


def _against_controls(colormaps: Sequence[str], within: bool | str) -> list[Contrast]:
    """Each colormap − its own control: what the control takes away, and nothing else."""
    return [
        Contrast(
            "RQ1",
            CONTROL,
            control,
            f"{base} − {control}, {weights_name(within)}",
            {(base, within): 1.0, (control, within): -1.0},
        )
        for control in colormaps
        if (base := controlled(control)) is not None
    ]


def _start(colormaps: Sequence[str], within: str) -> list[Contrast]:
    def gain(colormap: str, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, True): scale, (colormap, False): -scale}

    contrasts = [
        Contrast(
            "RQ2",
            PRIMARY if c == within else "other colormaps",
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


def _own(starts: Sequence[str], within: str) -> list[Contrast]:
    return [
        Contrast(
            "RQ2",
            "own weights",
            start,
            f"{start} − {weights_name(other)}, {within}",
            {(within, start): 1.0, (within, other): -1.0},
        )
        for start in starts
        for other in (True, False)
    ]
