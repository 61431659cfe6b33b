"""AUROC of ensembles, from the stored scores: the mean of the probabilities of several trained networks.

They are exploratory. An ensemble is one thing, so that its interval is over patients alone: it says nothing of other
trainings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from medxfer.analysis.judge.figures import Mean
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.results import Arm, Block, CellRecord
from medxfer.analysis.judge.scores import CellScores, read_scores
from medxfer.analysis.stats.critical import ONE, half_width
from medxfer.analysis.stats.effects import mean_interval
from medxfer.analysis.stats.influence import NotComparable, check_cases, influences
from medxfer.analysis.stats.variance import Term, patients_terms


@dataclass(frozen=True)
class Ensemble:
    """`arms` are one arm, or gray and a colormap with the same weights and seeds; figures are fractions of AUROC."""

    block: Block
    arms: tuple[Arm, ...]
    networks: int
    auroc: Mean  # over patients alone
    single: float  # mean AUROC of its networks alone
    gain: Mean | None = None  # over the ensemble of gray's trainings with the same seeds; None for an arm by itself


def ensembles(judge: Judge) -> list[Ensemble]:
    """Of every arm with two trainings, and of gray with every colormap; none where scores do not allow an AUROC.

    None of trainings with folds: their networks did not score the same images.
    """
    found: list[Ensemble] = []
    for block, cells in judge.blocks.items():
        done = [cell for cell in cells if cell.status == "done"]
        try:
            found += _of_block(block, done, 1 - judge.study.declared.level)
        except NotComparable:
            continue  # the findings say why
    return found


def _of_block(block: Block, cells: Sequence[CellRecord], alpha: float) -> Iterator[Ensemble]:
    runs = {(cell.arm, cell.factors["seed"]): read_scores(cell) for cell in cells}
    first = next(iter(runs.values()), None)
    if first is None or first.fold is not None or not all(run.same_images(first) for run in runs.values()):
        return
    arms = list(dict.fromkeys(cell.arm for cell in cells))
    seeds = {arm: [seed for one, seed in runs if one == arm] for arm in arms}
    for arm in arms:
        if len(seeds[arm]) > 1:
            yield _ensemble(block, (arm,), [runs[arm, seed] for seed in seeds[arm]], alpha)
    for arm in arms:
        gray = ("none", arm[1])
        shared = [seed for seed in seeds[arm] if seed in seeds.get(gray, ())]
        if arm[0] != "none" and shared:
            both = [runs[one, seed] for one in (gray, arm) for seed in shared]
            yield _ensemble(block, (gray, arm), both, alpha, [runs[gray, seed] for seed in shared])


def _ensemble(
    block: Block, arms: tuple[Arm, ...], runs: Sequence[CellScores], alpha: float, gray: Sequence[CellScores] = ()
) -> Ensemble:
    means = [np.mean([run.judged for run in of], axis=0) for of in (runs, gray) if of]
    cases = check_cases([*means, *(run.judged for run in runs)], runs[0].labels, runs[0].patients)
    theta, influence = influences(cases, "auroc")
    term, _ = patients_terms(influence[:1])
    variance, size = float(term.variance), influence.shape[1]
    quantile = half_width([Term(np.array(1.0), term.df)], ONE, alpha)[0]
    quantile = quantile if variance else float(special.ndtri(1 - alpha / 2))
    auroc = Mean(float(theta[0]), *mean_interval(float(theta[0]), variance, quantile, size))
    single = float(theta[len(means) :].mean())
    if not gray:
        return Ensemble(block, arms, len(runs), auroc, single)
    difference, _ = patients_terms(influence[:1] - influence[1:2])
    half = half_width([difference], ONE, alpha)[0]
    gain = float(theta[0] - theta[1])
    return Ensemble(block, arms, len(runs), auroc, single, Mean(gain, max(gain - half, -1.0), min(gain + half, 1.0)))
