"""A metric on all test patients, and again without each of them, with no loop over refits.

AUROC comes from placement values (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837), the rest from
sums by patient, so that leaving out a patient is a subtraction. A patient is left out with all images: the
cluster of Obuchowski (1997, Biometrics 53:567).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from medxfer.analysis.stats.case_metrics import Cases, Contest, Floats, NotComparable, check_metric, contests, ratios


def leave_one_patient_out(cases: Cases, metric: str, threshold: float = 0.5) -> tuple[Floats, Floats]:
    """`metric` of each training: (trainings,) on all patients, and (trainings, patients) without each of
    them.

    Args:
        cases: results on one test set; for a multi-label task the metric is the mean over labels.
        metric: auroc (one class against the rest, averaged over classes), accuracy, balanced_accuracy or
            brier.
        threshold: for the accuracies, where there is one score an image or label.

    Raises:
        NotComparable: where the metric is undefined on all patients or without one of them; never a NaN.
    """
    check_metric(metric)
    pieces: list[tuple[Floats, Floats]] = []
    for task in cases.by_label():
        if metric == "auroc":
            parts = [_auroc(task, contest) for contest in contests(task)]
        else:
            parts = [
                (
                    ratio.part.sum(axis=1) / ratio.images.sum(),
                    (ratio.part.sum(axis=1, keepdims=True) - ratio.part) / _without(ratio.images, ratio.of),
                )
                for ratio in ratios(task, metric, threshold)
            ]
        pieces += parts
    return np.mean([full for full, _ in pieces], axis=0), np.mean([without for _, without in pieces], axis=0)


def _without(images: Floats, of: str) -> Floats:
    """(patients,): how many images are left without each patient."""
    left = images.sum() - images
    if left.min() <= 0:
        raise NotComparable(f"the test set has no two patients with {of}, so that nothing can be said of others")
    return left


def _auroc(cases: Cases, contest: Contest) -> tuple[Floats, Floats]:
    positive = contest.positive
    ones, zeros = cases.counts(positive), cases.counts(~positive)
    pairs_left = _without(ones, contest.name) * _without(zeros, f"a class other than {contest.name.split()[-1]}")
    placement = _placement(contest.scores, positive)
    won = placement[:, positive].sum(axis=1)
    lost = cases.sums(placement)
    mixed = ((ones > 0) & (zeros > 0))[cases.case]
    if mixed.any():  # a pair within a patient was subtracted with either image
        lost -= _within(cases, contest, mixed)
    return won / (ones.sum() * zeros.sum()), (won[:, None] - lost) / pairs_left


def _placement(scores: Floats, positive: NDArray[np.bool_]) -> Floats:
    """(trainings, images): against how many of the other class the image is ranked rightly; a tie counts
    half."""
    rank = rankdata(scores, axis=1)
    rank[:, positive] -= rankdata(scores[:, positive], axis=1)
    rank[:, ~positive] = positive.sum() - rank[:, ~positive] + rankdata(scores[:, ~positive], axis=1)
    return rank


def _within(cases: Cases, contest: Contest, mixed: NDArray[np.bool_]) -> Floats:
    """(trainings, patients): the rightly ranked pairs of which both images are the patient's."""
    case, positive = cases.case[mixed], contest.positive[mixed]
    rank = rankdata(contest.scores[:, mixed], method="dense", axis=1)
    key = rank + case * (len(case) + 1)  # patients one after the other
    below = rankdata(key, axis=1)[:, positive] - rankdata(key[:, positive], axis=1)
    zeros = np.bincount(case, ~positive, cases.count)
    below -= (np.cumsum(zeros) - zeros)[case[positive]]  # the patients before
    won = np.zeros(contest.scores.shape)
    won[:, np.flatnonzero(mixed)[positive]] = below
    return cases.sums(won)
