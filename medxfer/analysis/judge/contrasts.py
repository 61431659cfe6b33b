"""RQ1 and RQ2 as contrasts of arms: the declared rules, applied to the planned grid."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from medxfer.analysis.judge.results import Arm
from medxfer.base.words import weights_name
from medxfer.study.declared import Rules

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
    own = list(dict.fromkeys(start for _, start in present if isinstance(start, str)))
    wanted = [*_colour(colormaps, rules.weights), *_start(colormaps, own, rules.colormap)]
    return [contrast for contrast in wanted if set(contrast.weights) <= set(present)]


def images_name(colormap: str) -> str:
    """What the images of a colormap are called: gray images, or images in viridis."""
    return "gray images" if colormap == "none" else f"images in {colormap}"


def _colour(colormaps: Sequence[str], within: bool | str) -> Iterator[Contrast]:
    """Each colormap − gray, and each colormap − its own control: what the control takes away, and nothing else."""

    def gain(colormap: str, pretrained: bool | str, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, pretrained): scale, ("none", pretrained): -scale}

    others = [start for start in (True, False) if start != within]
    for c in colormaps:
        forms = (
            (CONTROL if is_control(c) else PRIMARY, weights_name(within), gain(c, within)),
            *((f"{weights_name(w)} weights", f"{weights_name(w)} weights", gain(c, w)) for w in others),
            ("averaged", "averaged over weights", gain(c, True, 0.5) | gain(c, False, 0.5)),
            ("interaction", "gain with pretrained − with random", gain(c, True) | gain(c, False, -1.0)),
        )
        for family, where, weights in forms:
            yield Contrast("RQ1", family, c, f"{c} − none, {where}", weights)
    for control in colormaps:
        if (base := controlled(control)) is not None:
            weights = {(base, within): 1.0, (control, within): -1.0}
            yield Contrast("RQ1", CONTROL, control, f"{base} − {control}, {weights_name(within)}", weights)


def _start(colormaps: Sequence[str], own: Sequence[str], within: str) -> Iterator[Contrast]:
    """Pretrained − random in each colormap, and weights of one's own − either."""

    def gain(colormap: str, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, True): scale, (colormap, False): -scale}

    colormaps = ["none", *colormaps]
    for c in colormaps:
        family = PRIMARY if c == within else "other colormaps"
        yield Contrast("RQ2", family, "pretrained", f"pretrained − random, {c}", gain(c))
    if len(colormaps) > 1:
        mean = {arm: weight for c in colormaps for arm, weight in gain(c, 1 / len(colormaps)).items()}
        yield Contrast("RQ2", "averaged", "pretrained", "pretrained − random, averaged over colormaps", mean)
    for start in own:
        for other in (True, False):
            weights: dict[Arm, float] = {(within, start): 1.0, (within, other): -1.0}
            yield Contrast("RQ2", "own weights", start, f"{start} − {weights_name(other)}, {within}", weights)
