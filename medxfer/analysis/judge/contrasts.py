"""RQ1 and RQ2 as contrasts of arms, study.contrasts as contrasts of levels: the rules, applied to the planned grid."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medxfer.analysis.judge.results import Arm, CellRecord
from medxfer.base.words import NO_START, level_name, weights_name
from medxfer.study.comparison import Comparison
from medxfer.study.declared import Declared, Rules

Question = str  # RQ1, RQ2, or the name of a comparison of study.contrasts
Factors = Mapping[str, Any]  # of a cell
PRIMARY = "primary"
CONTROL = "control"


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of arms, or of levels of one factor; a positive value means that `subject` helps.

    `weights` sum to 0. Their keys are arms (colormap, pretrained), or with `compared` levels of its factor.
    """

    question: Question
    family: str
    subject: str
    name: str
    weights: Mapping[Any, float]
    compared: Comparison | None = None

    def key(self, cell: CellRecord) -> Hashable:
        """Which arm, or level, of the contrast a cell belongs to."""
        return cell.arm if self.compared is None else cell.factors.get(self.compared.factor)


def questions(declared: Declared) -> list[Question]:
    """RQ1, RQ2, and the comparisons that were declared beside them."""
    return [*(() if declared.arms else ("RQ1", "RQ2")), *(one.name for one in declared.comparisons)]


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
    `rules.treated` − `rules.reference` weights within `rules.colormap`.
    """
    present = list(dict.fromkeys(arms))
    colormaps = list(dict.fromkeys(colormap for colormap, _ in present if colormap != "none"))
    starts = list(dict.fromkeys(start for _, start in present))
    wanted = [*_colour(colormaps, rules), *_start(colormaps, starts, rules)]
    return [contrast for contrast in wanted if set(contrast.weights) <= set(present)]


def declare_levels(comparison: Comparison, cells: Iterable[Factors]) -> list[Contrast]:
    """Every other level of the factor in these cells − the reference; empty where one of the two is not there."""
    reference, *others = comparison.levels(cells) or [None]
    if reference != comparison.reference:
        return []
    where = f", {comparison.where}" if comparison.where else ""
    than = level_name(comparison.factor, reference, bare=True)
    return [
        Contrast(
            comparison.name,
            PRIMARY,
            better := level_name(comparison.factor, level),
            f"{better} − {than}{where}",
            {level: 1.0, reference: -1.0},
            comparison,
        )
        for level in others
    ]


def declare_arms(comparison: Comparison, cells: Iterable[Factors]) -> list[Contrast]:
    """Every other arm of a table of scores − the one that `comparison` names."""
    reference, *others = map(str, comparison.levels(cells))
    return [
        Contrast(
            comparison.name, PRIMARY, arm, f"{arm} − {reference}", {(arm, NO_START): 1.0, (reference, NO_START): -1.0}
        )
        for arm in others
    ]


def images_name(colormap: str) -> str:
    """What the images of a colormap are called: gray images, or images in viridis."""
    return "gray images" if colormap == "none" else f"images in {colormap}"


def _colour(colormaps: Sequence[str], rules: Rules) -> Iterator[Contrast]:
    """Each colormap − gray, and each colormap − its own control: what the control takes away, and nothing else."""

    def gain(colormap: str, pretrained: bool | str, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, pretrained): scale, ("none", pretrained): -scale}

    within, both = rules.weights, (rules.treated, rules.reference)
    others = [start for start in both if start != within]
    between = f"gain with {weights_name(both[0])} − with {weights_name(both[1])}"
    for c in colormaps:
        forms = (
            (CONTROL if is_control(c) else PRIMARY, weights_name(within), gain(c, within)),
            *((f"{weights_name(w)} weights", f"{weights_name(w)} weights", gain(c, w)) for w in others),
            ("averaged", "averaged over weights", gain(c, both[0], 0.5) | gain(c, both[1], 0.5)),
            ("interaction", between, gain(c, both[0]) | gain(c, both[1], -1.0)),
        )
        for family, where, weights in forms:
            yield Contrast("RQ1", family, c, f"{c} − none, {where}", weights)
    for control in colormaps:
        if (base := controlled(control)) is not None:
            weights = {(base, within): 1.0, (control, within): -1.0}
            yield Contrast("RQ1", CONTROL, control, f"{base} − {control}, {weights_name(within)}", weights)


def _start(colormaps: Sequence[str], starts: Sequence[bool | str], rules: Rules) -> Iterator[Contrast]:
    """Treated − reference weights in each colormap, and other weights of the grid − either."""
    within, both = rules.colormap, (rules.treated, rules.reference)
    treated, reference = map(weights_name, both)

    def gain(colormap: str, scale: float = 1.0) -> dict[Arm, float]:
        return {(colormap, both[0]): scale, (colormap, both[1]): -scale}

    colormaps = ["none", *colormaps]
    for c in colormaps:
        family = PRIMARY if c == within else "other colormaps"
        yield Contrast("RQ2", family, treated, f"{treated} − {reference}, {c}", gain(c))
    if len(colormaps) > 1:
        mean = {arm: weight for c in colormaps for arm, weight in gain(c, 1 / len(colormaps)).items()}
        yield Contrast("RQ2", "averaged", treated, f"{treated} − {reference}, averaged over colormaps", mean)
    for start in (start for start in starts if start not in both):
        for other in both:
            weights: dict[Arm, float] = {(within, start): 1.0, (within, other): -1.0}
            name = f"{weights_name(start)} − {weights_name(other)}, {within}"
            yield Contrast("RQ2", "other weights", weights_name(start), name, weights)
