"""Which cells speak for an arm: at the largest training fraction, tuned settings by validation alone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medxfer.analysis.judge.results import Arm, Block, CellRecord, StudyRecord, level_of
from medxfer.base.words import arm_name, count
from medxfer.study.identity import BUDGET


@dataclass(frozen=True)
class Choice:
    """A tuned setting of one arm in one block: `picked` has the highest mean score on validation.

    A setting with which a training failed is not picked while another is whole: it did not work for that arm.
    """

    block: Block
    train_fraction: float
    epochs: int | None  # of its budget, where several are declared
    arm: Arm
    picked: Mapping[str, Any]
    tried: int
    failed: int  # of the tried

    @property
    def sentence(self) -> str:
        setting = ", ".join(f"{key}={value}" for key, value in self.picked.items())
        where = " ".join(level_of(self.block, place) for place in range(len(self.block)))
        where += f", {count(self.epochs, 'epoch')}" if self.epochs else ""
        failed = f" ({self.failed} failed)" if self.failed else ""
        tried = f"{count(self.tried, 'setting')}{failed}"
        return f"{arm_name(self.arm)} ({where}): {setting}, the best of {tried} on validation."


def full_fraction(study: StudyRecord) -> float:
    """The largest train_fraction of the grid: the one that RQ1 and RQ2 are answered at."""
    return max(float(cell.factors["train_fraction"]) for cell in study.cells)


def select(study: StudyRecord, fraction: float | None = None) -> dict[Block, list[CellRecord]]:
    """The cells at one training fraction (the largest unless given) by block, of tuned ones those with the picked
    setting; of several declared budgets those of the longest.

    Cells that are missing, or failed with the picked setting, stay in, so that they can be named.
    """
    fraction, epochs = full_fraction(study) if fraction is None else fraction, max(study.declared.budget, default=None)
    picked = {
        (one.block, one.arm): one.picked
        for one in choices(study)
        if one.train_fraction == fraction and epochs in (None, one.epochs)
    }
    blocks: dict[Block, list[CellRecord]] = defaultdict(list)
    for cell in study.cells:
        if cell.factors["train_fraction"] != fraction or epochs not in (None, cell.factors.get(BUDGET)):
            continue
        setting = picked.get((cell.block, cell.arm))
        if cell.status == "missing" or setting is None or _setting(cell, study) == setting:
            blocks[cell.block].append(cell)
    return dict(blocks)


def choices(study: StudyRecord) -> list[Choice]:
    """The tuned setting of every arm of every block with the best validation metric, a mean of trainings.

    Trainings that wait for a later look take no part, nor do failed ones of their seeds.
    """
    if not study.declared.tuned:
        return []
    groups: dict[tuple[Block, float, int | None, Arm], list[CellRecord]] = defaultdict(list)
    for cell in study.cells:
        if cell.status in ("done", "failed"):
            epochs = cell.factors[BUDGET] if study.declared.budget else None
            groups[cell.block, cell.factors["train_fraction"], epochs, cell.arm].append(cell)
    used = {key: _of_the_look(cells, study) for key, cells in groups.items()}
    return [_pick(*key, cells, study) for key, cells in used.items() if any(cell.status == "done" for cell in cells)]


def _of_the_look(cells: Sequence[CellRecord], study: StudyRecord) -> Sequence[CellRecord]:
    if not study.declared.looks:
        return cells
    seeds = {cell.factors["seed"] for cell in cells if cell.status == "done"}
    return [cell for cell in cells if cell.factors["seed"] in seeds]


def _pick(
    block: Block, fraction: float, epochs: int | None, arm: Arm, cells: Sequence[CellRecord], study: StudyRecord
) -> Choice:
    scores: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for cell in cells:
        score = cell.score(f"val/{study.declared.metric}")
        scores[tuple(_setting(cell, study).values())].append(-np.inf if np.isnan(score) else score)
    best = max(scores, key=lambda setting: np.mean(scores[setting]))
    failed = {tuple(_setting(cell, study).values()) for cell in cells if cell.status == "failed"}
    return Choice(
        block, fraction, epochs, arm, dict(zip(study.declared.tuned, best, strict=True)), len(scores), len(failed)
    )


def _setting(cell: CellRecord, study: StudyRecord) -> dict[str, Any]:
    return {key: cell.factors.get(key) for key in study.declared.tuned}
