"""Declared looks: which of them a contrast has reached, which trainings belong to it, and what its levels are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medxfer.analysis.judge.contrasts import Contrast
from medxfer.analysis.judge.results import Block, CellRecord

Blocks = Mapping[Block, Sequence[CellRecord]]


@dataclass(frozen=True)
class AtLook:
    """The declared look that a contrast's figures are of."""

    number: int  # from 1
    looks: int  # declared
    seeds: int  # an arm
    information: tuple[float, ...]  # fractions of this look and of those taken before; this one last
    spent: float  # of the error, after this look
    z: float  # normal critical value of one contrast
    nominal: float  # the level that goes with it
    chance: float | None  # that the last look decides; None at the last
    decided_before: int | None = None  # seeds of an earlier look whose p decides


def key_of(contrast: Contrast) -> str:
    """Its name in looks.json."""
    return f"{contrast.question} {contrast.name}"


def first_seeds(blocks: Blocks, contrast: Contrast) -> dict[str, list[Any]]:
    """By data set: the seeds planned in every arm of the contrast, in all blocks that plan these arms; sorted."""
    found: dict[str, set[Any]] = {}
    for cells in blocks.values():
        if not set(contrast.weights) <= {contrast.key(cell) for cell in cells}:
            continue
        data = str(cells[0].factors["data"])
        by_arm = [{c.factors["seed"] for c in cells if contrast.key(c) == arm} for arm in contrast.weights]
        planned = set.intersection(*by_arm)
        found[data] = found[data] & planned if data in found else planned
    return {data: sorted(seeds) for data, seeds in found.items()}


def reached(blocks: Blocks, contrast: Contrast, looks: Sequence[int]) -> int:
    """The largest look (its number of seeds) whose trainings are finished in every arm of the contrast; 0 for none."""
    planned = first_seeds(blocks, contrast)
    fewest = min(map(len, planned.values()), default=0)
    possible = [look for look in looks if look <= fewest]
    return max((look for look in possible if not unfinished(blocks, contrast, look)), default=0)


def unfinished(blocks: Blocks, contrast: Contrast, look: int) -> list[CellRecord]:
    """The trainings of a look that failed or are missing."""
    planned = first_seeds(blocks, contrast)
    return [
        cell
        for cells in blocks.values()
        for cell in cells
        if contrast.key(cell) in contrast.weights
        and cell.status in ("failed", "missing")
        and cell.factors["seed"] in planned.get(str(cell.factors["data"]), ())[:look]
    ]


def within_look(blocks: Blocks, contrast: Contrast, look: int) -> Blocks:
    """The trainings that a look uses, of all arms; without a look (0), all wait that are done."""
    if not look:
        return {block: [waiting(cell) for cell in cells] for block, cells in blocks.items()}
    planned = first_seeds(blocks, contrast)
    return {
        block: [
            cell.with_status("waiting", "done")
            for cell in cells
            if cell.factors["seed"] in planned.get(str(cell.factors["data"]), ())[:look]
        ]
        for block, cells in blocks.items()
    }


def waiting(cell: CellRecord) -> CellRecord:
    """The training with its result kept back, and with those of its finished folds if it is not finished."""
    return cell.with_status("done", "waiting")
