"""Which trainings speak for a contrast: by data set, the seeds that all its arms have finished in all its blocks."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medxfer.analysis.judge.layer import Layer, Measured, TestSet
from medxfer.analysis.judge.results import CellRecord
from medxfer.analysis.judge.scores import KeyOf
from medxfer.analysis.stats.influence import Floats, NotComparable
from medxfer.analysis.stats.shared_training import shared_training
from medxfer.base.errors import MedxferError
from medxfer.base.words import listing

Runs = Mapping[tuple[Hashable, Any], CellRecord]  # (arm, seed) → its finished cell, of all arms of a block


@dataclass(frozen=True)
class DataRuns:
    """The trainings of one data set that speak for a contrast: the same seeds in each of its blocks."""

    data: str
    blocks: tuple[Runs, ...]
    seeds: tuple[Any, ...]
    lacking: bool  # whether a cell of the contrast is unfinished

    def theta(self, arms: Sequence[Hashable], layers: Sequence[Layer]) -> Floats:
        """(arms, seeds, blocks)."""
        cells = [[[_get(b, runs, arm, s) for b, runs in self._with(layers)] for s in self.seeds] for arm in arms]
        return np.array([[[cell.theta for cell in of_seed] for of_seed in of_arm] for of_arm in cells])

    def influence(self, weights: Mapping[Any, float], layers: Sequence[Layer]) -> Floats:
        """(seeds, patients) of the contrast, the mean over blocks."""
        share = 1 / len(self.blocks)
        rows = [
            sum(
                share * w * _get(b, runs, arm, s).influence
                for b, runs in self._with(layers)
                for arm, w in weights.items()
            )
            for s in self.seeds
        ]
        return np.array(rows)

    def owed(self, arms: Iterable[Hashable], layers: Sequence[Layer]) -> float:
        """The share of a training's own patient variance that folds add (`shared_training`)."""
        shares = [0.0]
        for b, runs in self._with(layers):
            of_arms = [[_get(b, runs, arm, s) for s in self.seeds] for arm in arms]
            folds = [[one.fold for one in of_arm if one.fold is not None] for of_arm in of_arms]
            if all(folds):
                shares.append(shared_training(np.array(folds), of_arms[0][0].metric))
        return max(shares)

    def has(self, arm: Hashable, layers: Sequence[Layer]) -> bool:
        """Whether the arm has a measured training of each seed in each block."""
        return all(
            (arm, s) in runs and isinstance(layer[runs[arm, s].folder], Measured)
            for layer, runs in self._with(layers)
            for s in self.seeds
        )

    def _with(self, layers: Sequence[Layer]) -> Iterator[tuple[Layer, Runs]]:
        return zip(layers, self.blocks, strict=True)


def _get(layer: Layer, runs: Runs, arm: Hashable, seed: Any) -> Measured:
    found = layer[runs[arm, seed].folder]
    if isinstance(found, NotComparable):
        raise found
    return found


def paired_runs(planned: Iterable[Sequence[CellRecord]], arms: Sequence[Hashable], key: KeyOf) -> list[DataRuns]:
    """By data set, the seeds that all arms have finished in all its blocks.

    Blocks and data sets that are still running are left out where they have too few.

    Raises:
        NotComparable: arms, or blocks of a data set, that are finished share no seed; or there is one training on one
            data set and there are more on another.
    """
    by_data: dict[str, list[tuple[Runs, set[Any], bool]]] = defaultdict(list)
    for cells in planned:
        data = str(cells[0].factors["data"])
        runs = {(key(cell), cell.factors["seed"]): cell for cell in cells if cell.status == "done"}
        lacking = any(cell.status != "done" and key(cell) in arms for cell in cells)
        seeds = set.intersection(*({seed for one, seed in runs if one == arm} for arm in arms))
        if seeds:
            by_data[data].append((runs, seeds, lacking))
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


def _common(data: str, blocks: Sequence[tuple[Runs, set[Any], bool]]) -> DataRuns:
    lacking = any(unfinished for _, _, unfinished in blocks)
    if not set.intersection(*(seeds for _, seeds, _ in blocks)):
        blocks = [block for block in blocks if not block[2]] or blocks[:1]
    common = set.intersection(*(seeds for _, seeds, _ in blocks))
    if not common:
        raise NotComparable(f"the blocks of {data} share no seed: train them with the same seeds")
    return DataRuns(data, tuple(runs for runs, _, _ in blocks), tuple(sorted(common)), lacking)


def same_test(one: DataRuns, layers: Sequence[Layer], arms: Sequence[Hashable]) -> TestSet:
    """Raises MedxferError if cells of a block were tested on different images, or blocks on different patients."""
    first: TestSet | None = None
    for layer, runs in zip(layers, one.blocks, strict=True):
        used = [(runs[arm, seed], _get(layer, runs, arm, seed).tested) for arm in arms for seed in one.seeds]
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
