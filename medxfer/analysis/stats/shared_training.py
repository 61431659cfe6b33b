"""Folds: the variance that is missing because patients who are tested also train the other folds' networks.

In a training of folds every patient is tested once and trains all other networks. What a patient teaches is the same in
every division, so that neither the variance over seeds nor the covariance of test influences holds it, and no number of
seeds shows it. It is bounded by a share of a training's own patient variance (`patients_terms`), chosen by simulation
(tests/simulation/folded.py).
"""

import numpy as np
from numpy.typing import NDArray

DRAWN = 0.5  # of a training's own patient variance, where each seed divides the patients anew
FIXED = 0.75  # where all seeds have the same few folds: given divisions, sites
FEW = 4  # folds that are few
ACCURACY = 1.0  # for plain accuracy: its thresholds come from the same validation patients

Folds = NDArray[np.int64]


def shared_training(folds: Folds | None, metric: str) -> float:
    """The share of a training's own patient variance that is added to the patients' term.

    Args:
        folds: (arms, trainings, images), the fold that tested each image; None for one network a training.
        metric: as `leave_one_patient_out` takes it.
    """
    if folds is None:
        return 0.0
    if metric == "accuracy":
        return ACCURACY
    few = min(len(np.unique(one)) for of_arm in folds for one in of_arm) <= FEW
    return FIXED if few and any(_same(of_arm) for of_arm in folds) else DRAWN


def _same(folds: Folds) -> bool:
    """Whether all trainings (trainings, images) have one division, however its folds are numbered."""
    return len({_numbered(one).tobytes() for one in folds}) == 1


def _numbered(fold: Folds) -> Folds:
    """(images,): folds numbered in the order of their first image."""
    _, first, number = np.unique(fold, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.asarray(order[number], dtype=np.int64)
