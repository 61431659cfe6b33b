"""What another division of the patients would tell at equal cost: one split with many seeds, or folds with fewer.

From any study's components: of a training's variance, its network's own part falls with the number of folds, because
each fold has a network of its own; its part from patients falls with the number of patients tested. Trainings of folds
owe a share of their own patient variance more, because their training sets have patients in common.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medxfer.analysis.stats.critical import ONE, Largest
from medxfer.analysis.stats.effects import Effect, Part
from medxfer.analysis.stats.shared_training import ACCURACY, DRAWN
from medxfer.analysis.stats.variance import LARGE_DF, Term

Tested = Mapping[Any, int]  # data set -> patients that a training tests


@dataclass(frozen=True)
class Design:
    """How an arm's cells are spent."""

    folds: int  # cells of a training; 1 is one split
    seeds: int  # trainings of each arm
    tested: Tested
    half_width: float | None = None  # that is to be expected; None where one seed cannot tell how trainings vary

    @property
    def cells(self) -> int:
        """Of each arm."""
        return self.folds * self.seeds

    @property
    def patients(self) -> int:
        """That a training tests, over all data sets."""
        return sum(self.tested.values())


def designs_at(cells: int, one_split: Tested, everyone: Tested, folds: Sequence[int] = (5, 10)) -> list[Design]:
    """One split, and each number of `folds` that divides `cells`, the cells of each arm; none has a half-width yet.

    `one_split` are the patients that one split tests, `everyone` those that folds test.
    """
    ways = [Design(1, cells, one_split)]
    return ways + [Design(number, cells // number, everyone) for number in folds if cells % number == 0]


def foretold(effect: Effect, folds: int, design: Design, metric: str) -> Effect | None:
    """The effect to expect of `design`, drawn anew for each seed; `effect` is that of trainings of `folds` (1: one
    split).

    None with one training an arm. How many images a network is trained on is taken to be the same.
    """
    if effect.trainings is None or design.seeds < 2:
        return None
    owed = 0.0 if design.folds == 1 else ACCURACY if metric == "accuracy" else DRAWN
    return replace(effect, parts=tuple(_part(part, folds, design, owed) for part in effect.parts))


def expected(
    effect: Effect, folds: int, designs: Sequence[Design], metric: str, alpha: float, family: Largest = ONE
) -> list[Design]:
    """`designs` with the half-width of the (simultaneous) interval of level 1 − alpha to expect of each."""
    ahead = [foretold(effect, folds, design, metric) for design in designs]
    return [
        replace(design, half_width=None if one is None else one.half_width(alpha, family))
        for design, one in zip(designs, ahead, strict=True)
    ]


def _part(part: Part, folds: int, design: Design, owed: float) -> Part:
    if part.trainings is None:
        return part
    now, then = len(part.influence), design.tested[part.data]
    ratio = now / then
    one, errors = float(part.trainings.variance) * part.seeds, part.patient_part * part.seeds
    shared = max(float(part.patients.variance) - part.shared_training, 0.0)
    more = owed * (shared + errors) * ratio
    seen = min(errors, one)  # by chance, the estimate of errors can be the larger one
    network = (one - seen) * folds / design.folds
    df = part.trainings.df * (design.seeds - 1) / (part.seeds - 1)
    return replace(
        part,
        trainings=Term(np.array((network + seen * ratio) / design.seeds), np.minimum(df, LARGE_DF)),
        patients=Term(
            np.array(shared * ratio + more),
            np.clip(part.patients.df / ratio, 1, max(then - 1, 1)),
        ),
        patient_part=errors * ratio / design.seeds,
        influence=np.zeros(then),
        shared_training=more,
        seeds=design.seeds,
    )
