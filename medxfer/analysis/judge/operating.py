"""ROC and calibration of an arm, averaged over its trainings: curves to look at, not to decide by."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medxfer.analysis.judge.scores import CellScores

Floats = npt.NDArray[np.float64]
GRID = np.linspace(0.0, 1.0, 101)  # false positive rates at which ROC curves are averaged
BINS = 10


def roc(trainings: Sequence[CellScores]) -> Floats:
    """Sensitivity at each false positive rate of GRID, averaged over trainings and classes (one against the rest).

    A binary task has one curve, of class 1. Classes without both positives and negatives are left out.
    """
    curves = [_sensitivity(scores, truth) for run in trainings for scores, truth in _tasks(run) if 0 < truth.mean() < 1]
    return np.mean(curves, axis=0) if curves else np.full(len(GRID), np.nan)


def calibration(trainings: Sequence[CellScores]) -> tuple[Floats, Floats, float]:
    """(mean score, share of positives) in ten bins of equal count, and the expected calibration error.

    Scores of all trainings and, for many classes, of all classes are pooled; bins are cut at deciles of the score.
    """
    tasks = [task for run in trainings for task in _tasks(run)]
    scores, truth = (np.concatenate([task[i] for task in tasks]) for i in (0, 1))
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    said = np.array([scores[part].mean() for part in parts])
    seen = np.array([truth[part].mean() for part in parts])
    share = np.array([len(part) for part in parts]) / len(order)
    return said, seen, float(np.sum(share * np.abs(said - seen)))


def _tasks(run: CellScores) -> list[tuple[Floats, npt.NDArray[np.bool_]]]:
    """(scores, truth) of each one-against-the-rest task; of a binary task class 1 alone."""
    classes = run.scores.shape[1]
    if run.labels.ndim == 2:
        return [(run.scores[:, c], run.labels[:, c] == 1) for c in range(classes)]
    return [(run.scores[:, c], run.labels == c) for c in ([1] if classes == 2 else range(classes))]


def _sensitivity(scores: Floats, truth: npt.NDArray[np.bool_]) -> Floats:
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # equal scores are passed together
    hits = np.append(0, np.cumsum(truth[order])[last]) / truth.sum()
    false = np.append(0, np.cumsum(~truth[order])[last]) / (~truth).sum()
    return np.asarray(np.interp(GRID, false, hits))
