"""Which cells speak for an arm: at the largest training fraction, tuned settings by validation alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from medxfer.analysis.judge.contrasts import Arm
from medxfer.analysis.judge.results import Cell, StudyRecord
from medxfer.base.words import arm_name, count

Block = tuple[Any, ...]  # (data, backbone, window, image_size)


@dataclass(frozen=True)
class Choice:
    """A tuned setting of one arm in one block: `picked` has the highest mean `score` on validation.

    A setting with which a training failed is not picked while another is whole: it did not work for that arm.
    """

    block: Block
    train_fraction: float
    arm: Arm
    picked: Mapping[str, Any]
    score: float
    tried: int
    failed: int  # of the tried

    @property
    def sentence(self) -> str:
        setting = ", ".join(f"{key}={value}" for key, value in self.picked.items())
        where = " ".join(str(part) for part in self.block)
        failed = f" ({self.failed} failed)" if self.failed else ""
        tried = f"{count(self.tried, 'setting')}{failed}"
        return f"{arm_name(self.arm)} ({where}): {setting}, the best of {tried} on validation."


def full_fraction(study: StudyRecord) -> float:
    """The largest train_fraction of the grid: the one that RQ1 and RQ2 are answered at."""
    return max(cell.factors["train_fraction"] for cell in study.cells)


def at_fraction(study: StudyRecord, fraction: float) -> dict[Block, list[Cell]]:
    """The cells at one training fraction by block, of tuned ones those with the picked setting.

    Cells that are missing, or failed with the picked setting, stay in, so that they can be named.
    """
    picked = {
        (choice.block, choice.arm): choice.picked for choice in choices(study) if choice.train_fraction == fraction
    }
    blocks: dict[Block, list[Cell]] = defaultdict(list)
    for cell in study.cells:
        if cell.factors["train_fraction"] != fraction:
            continue
        setting = picked.get((cell.block, cell.arm))
        if cell.status == "missing" or setting is None or _setting(cell, study) == setting:
            blocks[cell.block].append(cell)
    return dict(blocks)


def choices(study: StudyRecord) -> list[Choice]:
    """The tuned setting of every arm of every block with the best validation metric, a mean of trainings."""
    if not study.declared.tuned:
        return []
    groups: dict[tuple[Block, float, Arm], list[Cell]] = defaultdict(list)
    for cell in study.cells:
        if cell.status != "missing":
            groups[cell.block, cell.factors["train_fraction"], cell.arm].append(cell)
    return [
        _pick(block, fraction, arm, cells, study)
        for (block, fraction, arm), cells in groups.items()
        if any(cell.status == "done" for cell in cells)
    ]


def _pick(block: Block, fraction: float, arm: Arm, cells: Iterable[Cell], study: StudyRecord) -> Choice:
    scores: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for cell in cells:
        score = cell.score(f"val/{study.declared.metric}")
        scores[tuple(_setting(cell, study).values())].append(-np.inf if np.isnan(score) else score)
    best = max(scores, key=lambda setting: np.mean(scores[setting]))
    picked = dict(zip(study.declared.tuned, best, strict=True))
    failed = {tuple(_setting(cell, study).values()) for cell in cells if cell.status == "failed"}
    return Choice(block, fraction, arm, picked, float(np.mean(scores[best])), len(scores), len(failed))


def _setting(cell: Cell, study: StudyRecord) -> dict[str, Any]:
    return {key: cell.factors.get(key) for key in study.declared.tuned}
