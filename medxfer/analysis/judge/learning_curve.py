"""With train_fraction swept: what RQ2's two kinds of weights reach with fewer patients, and what that is worth."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from medxfer.analysis.judge.evidence import arm_mean, at_start, weigh
from medxfer.analysis.judge.phrases import percent
from medxfer.analysis.judge.results import Block, CellRecord, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.base.errors import MedxferError
from medxfer.base.words import weights_name
from medxfer.study.declared import Rules

STEPS = 6  # between two fractions of the grid, at which the comparison is made
Grid = Mapping[float, Mapping[Block, Sequence[CellRecord]]]  # cells by training fraction, smallest first, and block


class Point(NamedTuple):
    """One start at one fraction, with an interval over trainings and patients."""

    patients: int  # labelled, for training
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    block: Block
    start: bool | str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Worth:
    """Pretraining is worth `times` the labelled patients; all three lie in 1 … `reach`.

    1 stands for "1 or less", `reach` (the largest fraction of the grid over its smallest) for "that or more".
    """

    times: float
    low: float
    high: float
    level: float
    reach: float
    what: str = "Pretraining"

    @property
    def sentence(self) -> str:
        return (
            f"{self.what} is worth {self._said(self.times)} times the labelled patients "
            f"({percent(self.level)} interval {self._said(self.low)} to {self._said(self.high)})."
        )

    def _said(self, times: float) -> str:
        if times >= self.reach:
            return f"{self.reach:.3g} or more"
        return "1 or less" if times <= 1 else f"{times:.2g}"


def learning_curves(study: StudyRecord) -> list[Curve]:
    """A curve for each block and start, on gray images; empty where one fraction was trained."""
    grid = _grid(study)
    if len(grid) < 2:
        return []
    blocks = dict.fromkeys(block for cells in grid.values() for block in cells)
    curves = [
        Curve(block, start, tuple(_points(grid, block, start, study)))
        for block in blocks
        for start in (study.declared.rules.treated, study.declared.rules.reference)
    ]
    return [curve for curve in curves if curve.points]


def worth(study: StudyRecord) -> Worth | None:
    """How many times the labelled patients the reference weights need to reach what the treated reach with fewer.

    At the largest fraction F the reference weights reach some value; the treated reach it at a fraction f, and the
    answer is F/f. Between two fractions of the grid the curve is straight in log f. The interval holds every F/f at
    which treated weights at f, compared with the reference at F, are not told apart.

    None where there are fewer than two fractions or trainings, or no comparison can be made.
    """
    grid, declared = _grid(study), study.declared
    if len(grid) < 2:
        return None
    blocks: dict[Block, list[CellRecord]] = {}
    for at in grid.values():
        for block, cells in at.items():
            blocks.setdefault(block, []).extend(cell for cell in cells if cell.factors["colormap"] == "none")
    log_f, found = [], []
    for fraction, weights in _between(list(grid), declared.rules):
        try:
            evidence = weigh(blocks.values(), weights, declared, at_start("train_fraction"))
        except MedxferError:
            return None  # the verdict's findings say why
        if evidence is None or evidence.effect.seeds < 2:
            return None
        log_f.append(np.log(fraction))
        found.append(evidence.figures)
    x = np.array(log_f)
    reached = [_first(x, np.array(ends)) for ends in ([c.estimate for c in found], [c.high for c in found])]
    surely = -_first(-x[::-1], -np.array([c.low for c in found])[::-1])
    times, high, low = (float(np.exp(x[-1] - at)) for at in (*reached, surely))
    return Worth(times, low, high, declared.level, float(np.exp(x[-1] - x[0])), _what(declared.rules))


def _what(rules: Rules) -> str:
    if (rules.treated, rules.reference) == (True, False):
        return "Pretraining"
    return f"A start from {weights_name(rules.treated)} instead of {weights_name(rules.reference)} weights"


def _grid(study: StudyRecord) -> Grid:
    fractions = sorted({cell.factors["train_fraction"] for cell in study.cells})
    return {fraction: select(study, fraction) for fraction in fractions}


def _points(grid: Grid, block: Block, start: bool | str, study: StudyRecord) -> Iterator[Point]:
    for blocks in grid.values():
        cells = blocks.get(block, [])
        try:
            c = arm_mean(cells, ("none", start), study.declared)
        except MedxferError:
            continue  # the verdict's findings say why
        if c is not None:
            record = next(cell.record for cell in cells if cell.status == "done" and cell.arm == ("none", start))
            yield Point(record["data"]["patients"]["train"], c.mean, c.low, c.high)


def _between(fractions: Sequence[float], rules: Rules) -> Iterator[tuple[float, dict[Hashable, float]]]:
    """(f, weights of the arms (fraction, pretrained)): treated at f − reference at the largest fraction."""
    full, treated, reference = fractions[-1], rules.treated, rules.reference
    for below, above in pairwise(fractions):
        for share in np.arange(STEPS) / STEPS:
            weights: dict[Hashable, float] = {(below, treated): 1 - share, (full, reference): -1.0}
            if share:
                weights[above, treated] = share
            yield float(below ** (1 - share) * above**share), weights
    yield full, {(full, treated): 1.0, (full, reference): -1.0}


def _first(x: np.ndarray, y: np.ndarray) -> float:
    """Where y, straight between the points, first reaches 0: x[0] if it starts above, x[-1] if it never does."""
    above = np.flatnonzero(y >= 0)
    if len(above) == 0:
        return float(x[-1])
    i = above[0]
    return float(x[0]) if i == 0 else float(np.interp(0.0, y[i - 1 : i + 1], x[i - 1 : i + 1]))
