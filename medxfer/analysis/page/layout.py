"""What sections of the page are made of, and the names and colours that all of them use."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from medxfer.analysis.judge.results import Arm, Block, level_of
from medxfer.analysis.page.drawing import Chart, LearnedDrawing
from medxfer.base.words import NO_START, arm_name

COLOURS = 6  # classes arm0 … arm5 of the style sheet; more colormaps than that repeat them


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    text: Sequence[str] = ()
    key: Sequence[tuple[str, str, bool]] = ()  # (name, colour, dashed)
    charts: Sequence[Chart] = ()
    learned: Sequence[LearnedDrawing] = ()
    tables: Sequence[Table] = ()
    folded: bool = False  # shown on demand


def colour_classes(arms: Iterable[Arm]) -> dict[Arm, str]:
    """A class of the style sheet for every arm: one for each colormap, gray for none."""
    arms = list(dict.fromkeys(arms))
    colormaps = ["none", *dict.fromkeys(colormap for colormap, _ in arms if colormap != "none")]
    place = {name: 1 + (i - 1) % (COLOURS - 1) if i else 0 for i, name in enumerate(colormaps)}
    return {arm: f"arm{place[arm[0]]}" for arm in arms}


def is_dashed(arm: Arm) -> bool:
    """Whether its curves are: those of every arm but ImageNet's weights, and of a table's arms none."""
    return arm[1] not in (True, NO_START)


def key_of(colours: Mapping[Arm, str]) -> list[tuple[str, str, bool]]:
    """A section's key for these arms."""
    return [(arm_name(arm), colour, is_dashed(arm)) for arm, colour in colours.items()]


def block_title(block: Block, blocks: Collection[Block], arm: Arm | None = None) -> str:
    """Over what is of one block, and perhaps of one arm there; a block is named only beside others."""
    named = block_name(block, blocks) if len(blocks) > 1 else ""
    return " · ".join(filter(None, [arm_name(arm) if arm else "", named]))


def block_name(block: Block, blocks: Iterable[Block]) -> str:
    """The block's factors, without those that all blocks share (data always stays)."""
    others = list(blocks)
    varied = [place for place in range(1, len(block)) if len({other[place] for other in others}) > 1]
    return " · ".join([str(block[0]), *(level_of(block, place) for place in varied)])
