"""ROC curves of the two sides of a contrast, and where a difference between them is more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medxfer.analysis.judge.contrasts import Contrast
from medxfer.analysis.judge.evidence import arm_of, sample_of
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.layer import Measured, measured
from medxfer.analysis.judge.operating import GRID, rocs_of
from medxfer.analysis.judge.pairing import BlockRuns, DataRuns, paired_runs, same_test
from medxfer.analysis.judge.scores import read_scores
from medxfer.analysis.stats import effects
from medxfer.analysis.stats.roc_influence import FoldedRoc, Roc
from medxfer.analysis.stats.variance import Floats
from medxfer.base.errors import MedxferError

RATES = GRID[2:-1:2]  # of the band
FEWEST = 3  # negative patients above the threshold, below which the band is not drawn

Curves = Mapping[Path, Sequence[Roc | FoldedRoc]]  # by the cell's folder, one a class


@dataclass(frozen=True)
class RocBand:
    """Mean curves over trainings, blocks and classes (one against the rest), of one contrast on one data set."""

    data: str
    trainings: int
    better: Floats  # (GRID,) sensitivity of the arms of positive weight
    other: Floats
    rates: Floats  # of GRID
    half: Floats  # (rates,): half of the difference's pointwise interval, over trainings and patients


def roc_bands(judge: Judge, contrast: Contrast) -> list[RocBand]:
    """A band for each data set; empty where the contrast cannot be weighed. Its arms must have the weights 1 and −1."""
    weights = contrast.weights
    planned = [cells for cells in judge.blocks.values() if set(weights) <= {cell.arm for cell in cells}]
    try:
        runs = paired_runs(planned, list(weights), arm_of, judge.study.declared.metric, measured)
        return [_band(one, weights, 1 - judge.study.declared.level) for one in runs]
    except MedxferError:
        return []  # the finding says why


def _band(one: DataRuns, weights: Mapping[Any, float], alpha: float) -> RocBand:
    same_test(one, weights)
    curves = [_curves(block) for block in one.blocks]
    signs = {sign: [arm for arm, weight in weights.items() if sign * weight > 0] for sign in (1, -1)}
    means = {sign: _mean(one, arms, curves) for sign, arms in signs.items()}
    fewest = min(roc.negatives for of_block in curves for of_cell in of_block.values() for roc in of_cell)
    if any(roc.fewest < 2 for of_block in curves for of_cell in of_block.values() for roc in of_cell):
        fewest = 0  # in a fold with one patient of a class nothing tells how the curve varies
    rates = RATES[RATES * fewest >= FEWEST]
    half = []
    for rate in rates:
        blocks = tuple(_at(block, of_block, float(rate)) for block, of_block in zip(one.blocks, curves, strict=True))
        at = replace(one, blocks=blocks)
        half.append(effects.effect([sample_of(at, weights, starts_known=True)]).half_width(alpha))
    return RocBand(one.data, len(one.seeds), means[1], means[-1], rates, np.array(half))


def _curves(block: BlockRuns) -> Curves:
    known = [cell for cell in block.cells.values() if isinstance(block.layer[cell.folder], Measured)]
    return {cell.folder: rocs_of(read_scores(cell)) for cell in known}


def _mean(one: DataRuns, arms: Sequence[Any], curves: Sequence[Curves]) -> Floats:
    found = [
        roc.sensitivity(GRID)
        for block, of_block in zip(one.blocks, curves, strict=True)
        for arm in arms
        for seed in one.seeds
        for roc in of_block[block.cells[arm, seed].folder]
    ]
    return np.asarray(np.mean(found, axis=0))


def _at(block: BlockRuns, curves: Curves, rate: float) -> BlockRuns:
    """The sensitivity at one rate in the place of the metric."""
    layer: dict[Path, Any] = dict(block.layer)
    for folder, rocs in curves.items():
        theta = float(np.mean([roc.sensitivity(rate) for roc in rocs]))
        influence = np.mean([roc.influence(rate) for roc in rocs], axis=0)
        layer[folder] = replace(layer[folder], theta=theta, influence=influence)
    return replace(block, metric="sensitivity", measure=lambda cells, metric: layer)
