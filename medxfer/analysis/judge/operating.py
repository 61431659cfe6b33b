"""How an arm's trainings decide: ROC, precision, calibration and counts, to look at and not to judge by."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medxfer.analysis.judge.scores import CellScores
from medxfer.analysis.stats.roc_influence import FoldedRoc, Roc, passed
from medxfer.analysis.stats.variance import Booleans, Floats

GRID = np.linspace(0.0, 1.0, 101)  # false positive rates at which ROC curves are averaged
BINS = 10


def roc(trainings: Sequence[CellScores]) -> Floats:
    """Sensitivity at each false positive rate of GRID, averaged over trainings and classes (one against the rest).

    A binary task has one curve, of class 1. Classes without both positives and negatives are left out. The curve of a
    training of folds is the mean of its folds' curves, weighed by their pairs, so that the area under it is its AUROC.
    """
    rocs = [roc for run in trainings for roc in rocs_of(run)]
    return np.mean([roc.sensitivity(GRID) for roc in rocs], axis=0) if rocs else np.full(len(GRID), np.nan)


def rocs_of(run: CellScores) -> list[Roc | FoldedRoc]:
    """A curve for each class (one against the rest) with both positives and negatives; of a binary task one."""
    ids, case = np.unique(run.patients, return_inverse=True)

    def of_fold(images: Booleans, scores: Floats, truth: Booleans) -> Roc:
        return Roc(scores[images], truth[images], case[images], len(ids))

    found: list[Roc | FoldedRoc] = []
    for scores, truth in tasks_of(run):
        if 0 < truth.mean() < 1:
            parts = _fold_parts(run, truth)
            rocs = tuple(of_fold(images, scores, truth) for _, images in parts)
            found.append(rocs[0] if run.fold is None else FoldedRoc(tuple(share for share, _ in parts), rocs))
    return found


def precision_recall(trainings: Sequence[CellScores]) -> Floats:
    """Precision at each sensitivity of GRID but 0, averaged over trainings, for class 1 of a binary task."""
    curves = []
    for scores, truth in (task for run in trainings for task in tasks_of(run)):
        hits, false = passed(scores, truth)
        precision = hits[1:] / (hits[1:] + false[1:])
        best = np.maximum.accumulate(precision[::-1])[::-1]  # of all thresholds with at least this sensitivity
        curves.append(best[np.searchsorted(hits[1:] / hits[-1], GRID[1:] - 1e-12)])
    return np.asarray(np.mean(curves, axis=0))


def calibration(trainings: Sequence[CellScores]) -> tuple[Floats, Floats]:
    """(mean score, share of positives) in at most ten bins of about equal count.

    Scores of all trainings and, for many classes, of all classes are pooled; bins are cut at deciles of the score, and
    equal scores are in the same bin, whatever the order of the images.
    """
    tasks = [task for run in trainings for task in tasks_of(run)]
    scores, truth = (np.concatenate([task[i] for task in tasks]) for i in (0, 1))
    edges = np.quantile(scores, np.linspace(0, 1, BINS + 1)[1:-1])
    parts = [part for i in range(BINS) if (part := np.searchsorted(edges, scores, side="left") == i).any()]
    said = np.array([scores[part].mean() for part in parts])
    seen = np.array([truth[part].mean() for part in parts])
    return said, seen


def calibration_line(run: CellScores) -> dict[str, float] | None:
    """Slope and intercept of a logistic regression of the class on the logit of class 1's score; binary tasks.

    The intercept is calibration-in-the-large: with the slope kept at 1 (Van Calster 2019, BMC Medicine 17:230). Perfect
    scores have slope 1 and intercept 0. None where the classes are separated or all scores are equal, so that there is
    no finite slope.
    """
    x = np.log(np.clip(run.scores[:, 1], 1e-7, 1 - 1e-7) / np.clip(run.scores[:, 0], 1e-7, 1 - 1e-7))
    y = (run.labels == 1).astype(np.float64)
    line = _logistic(np.stack([np.ones_like(x), x], axis=1), y, np.zeros_like(x))
    large = _logistic(np.ones((len(x), 1)), y, x)
    return None if line is None or large is None else {"slope": float(line[1]), "intercept": float(large[0])}


def _logistic(x: Floats, y: Floats, offset: Floats) -> Floats | None:
    """Coefficients by Newton's steps; None where they do not converge."""
    found = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ found + offset, -500, 500)))
        curvature = (x * (p * (1 - p))[:, None]).T @ x
        if np.linalg.cond(curvature) > 1e12:
            return None
        step = np.linalg.solve(curvature, x.T @ (y - p))
        found = found + step
        if np.abs(step).max() < 1e-8:
            return found
    return None


DECISIONS = ("TP", "FP", "FN", "TN", "sensitivity", "specificity", "PPV", "NPV")


def decide(run: CellScores, threshold: float | Floats) -> dict[str, float]:
    """Counts of images and DECISIONS of a binary task, class 1 being decided where its score lies above `threshold`,
    which is one number or one for each image.

    NaN where a share has no image to be taken of.
    """
    called, truth = run.scores[:, 1] > threshold, run.labels == 1
    tp, fp, fn, tn = (float(n.sum()) for n in (called & truth, called & ~truth, ~called & truth, ~called & ~truth))
    shares = [(tp, tp + fn), (tn, tn + fp), (tp, tp + fp), (tn, tn + fn)]
    return dict(zip(DECISIONS, (tp, fp, fn, tn, *(a / b if b else float("nan") for a, b in shares)), strict=True))


def patients_among(run: CellScores, threshold: Floats, k: int) -> dict[str, int]:
    """The patients with an image of which a share of class or label `k` is taken."""
    truth = run.has_class[k]
    if run.labels.ndim == 2:
        called = run.scores[:, k] > threshold
    else:
        called = (run.scores.argmax(axis=1) if run.scores.shape[1] > 2 else (run.scores[:, 1] > threshold)) == k
    among = {"sensitivity": truth, "specificity": ~truth, "PPV": called, "NPV": ~called}
    return {name: run.patients_among(of) for name, of in among.items()}


def confusion(run: CellScores) -> Floats:
    """(classes, classes): images of each class (rows) by the class with the highest score, the first of equals."""
    classes = run.scores.shape[1]
    pairs = run.labels * classes + run.scores.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.float64)


def tasks_of(run: CellScores) -> list[tuple[Floats, npt.NDArray[np.bool_]]]:
    """(scores, truth) of each one-against-the-rest task; of a binary task class 1 alone."""
    tasks = list(zip(run.scores.T, run.has_class, strict=True))
    return tasks[1:] if run.judged.ndim == 1 else tasks


def _fold_parts(run: CellScores, truth: Booleans) -> list[tuple[float, Booleans]]:
    """(weight, images) of each fold that has both classes; the weights are shares of the pairs within folds."""
    if run.fold is None:
        return [(1.0, np.ones(len(truth), bool))]
    folds = [run.fold == number for number in np.unique(run.fold)]
    pairs = np.array([float(truth[of].sum() * (~truth[of]).sum()) for of in folds])
    return [(share, of) for share, of in zip(pairs / max(pairs.sum(), 1), folds, strict=True) if share > 0]
