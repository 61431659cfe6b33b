"""Which trainings speak for a contrast: by data set, the seeds that all its arms have finished in all its blocks."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from medxfer.analysis.judge.layer import Layer, Measure, Measured, TestSet
from medxfer.analysis.judge.results import CellRecord
from medxfer.analysis.judge.scores import KeyOf
from medxfer.analysis.stats.influence import NotComparable
from medxfer.analysis.stats.shared_training import shared_training
from medxfer.analysis.stats.variance import Floats
from medxfer.base.errors import MedxferError
from medxfer.base.words import listing


@dataclass(frozen=True)
class BlockRuns:
    """The finished cells of a block, of all its arms, and what is measured of them."""

    cells: Mapping[tuple[Hashable, Any], CellRecord]  # by arm and seed
    metric: str
    measure: Measure

    @cached_property
    def layer(self) -> Layer:
        return self.measure(self.cells.values(), self.metric)

    def of(self, arm: Hashable, seed: Any) -> Measured:
        found = self.layer[self.cells[arm, seed].folder]
        if isinstance(found, NotComparable):
            raise found
        return found


@dataclass(frozen=True)
class DataRuns:
    """The trainings of one data set that speak for a contrast: the same seeds in each of its blocks."""

    data: str
    blocks: tuple[BlockRuns, ...]
    seeds: tuple[Any, ...]
    lacking: bool  # whether a cell of the contrast is unfinished

    def theta(self, arms: Sequence[Hashable]) -> Floats:
        """(arms, seeds, blocks)."""
        return np.array([[[block.of(arm, s).theta for block in self.blocks] for s in self.seeds] for arm in arms])

    def influence(self, weights: Mapping[Any, float]) -> Floats:
        """(seeds, patients) of the contrast, the mean over blocks."""
        share = 1 / len(self.blocks)
        rows = [
            sum(share * w * block.of(arm, s).influence for block in self.blocks for arm, w in weights.items())
            for s in self.seeds
        ]
        return np.array(rows)

    def owed(self, arms: Iterable[Hashable]) -> float:
        """The share of a training's own patient variance that folds add (`shared_training`)."""
        shares = [0.0]
        for block in self.blocks:
            of_arms = [[block.of(arm, s) for s in self.seeds] for arm in arms]
            folds = [[one.fold for one in of_arm if one.fold is not None] for of_arm in of_arms]
            if all(folds):
                shares.append(shared_training(np.array(folds), block.metric))
        return max(shares)

    def has(self, arm: Hashable) -> bool:
        """Whether the arm has a measured training of each seed in each block."""
        return all(
            (arm, s) in block.cells and isinstance(block.layer[block.cells[arm, s].folder], Measured)
            for block in self.blocks
            for s in self.seeds
        )


def paired_runs(
    planned: Iterable[Sequence[CellRecord]], arms: Sequence[Hashable], key: KeyOf, metric: str, measure: Measure
) -> list[DataRuns]:
    """By data set, the seeds that all arms have finished in all its blocks.

    Blocks and data sets that are still running are left out where they have too few.

    Raises:
        NotComparable: arms, or blocks of a data set, that are finished share no seed; or there is one training on one
            data set and there are more on another.
    """
    by_data: dict[str, list[tuple[BlockRuns, set[Any], bool]]] = defaultdict(list)
    for cells in planned:
        data = str(cells[0].factors["data"])
        runs = {(key(cell), cell.factors["seed"]): cell for cell in cells if cell.status == "done"}
        lacking = any(cell.status != "done" and key(cell) in arms for cell in cells)
        seeds = set.intersection(*({seed for one, seed in runs if one == arm} for arm in arms))
        if seeds:
            by_data[data].append((BlockRuns(runs, metric, measure), seeds, lacking))
        elif not lacking:
            raise NotComparable(f"the arms share no seed on {data}: train them with the same seeds")
    found = [_common(data, blocks) for data, blocks in by_data.items()]
    if len({len(one.seeds) == 1 for one in found}) > 1:
        found = [one for one in found if len(one.seeds) > 1 or not one.lacking]
    if len({len(one.seeds) == 1 for one in found}) > 1:
        single = listing([one.data for one in found if len(one.seeds) == 1])
        raise NotComparable(
            f"{single} has one training an arm that can be paired and other data sets have more: add seeds"
        )
    return found


def _common(data: str, blocks: Sequence[tuple[BlockRuns, set[Any], bool]]) -> DataRuns:
    lacking = any(unfinished for _, _, unfinished in blocks)
    if not set.intersection(*(seeds for _, seeds, _ in blocks)):
        blocks = [block for block in blocks if not block[2]] or blocks[:1]
    common = set.intersection(*(seeds for _, seeds, _ in blocks))
    if not common:
        raise NotComparable(f"the blocks of {data} share no seed: train them with the same seeds")
    return DataRuns(data, tuple(block for block, _, _ in blocks), tuple(sorted(common)), lacking)


def same_test(one: DataRuns, arms: Iterable[Hashable]) -> TestSet:
    """Raises MedxferError if cells of a block were tested on different images, or blocks on different patients."""
    first: TestSet | None = None
    for block in one.blocks:
        used = [(block.cells[arm, seed], block.of(arm, seed).tested) for arm in arms for seed in one.seeds]
        for cell, tested in used:
            if tested.digest != used[0][1].digest:
                raise MedxferError(
                    f"{cell.name} and {used[0][0].name} were tested on different images or labels: "
                    "they cannot be compared; train them again on one data set"
                )
        first = first or used[0][1]
        if used[0][1].patients != first.patients:
            raise NotComparable("blocks of one data set need the same test patients: use one test split")
    assert first is not None  # there is at least one block
    return first
