"""Classes of unequal size: weights for the loss, or chances for the draw; from the training part's labels alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.words import Task

BALANCE = ("none", "weights", "sampling")


def check_balance(balance: str, task: Task) -> None:
    """Raise MedxferError if images with several labels each are to be drawn by their label."""
    if balance == "sampling" and task == "multilabel":
        raise MedxferError("balance=sampling needs one label an image, and these have several: use balance=weights.")


def class_weights(labels: NDArray[Any], classes: int) -> list[float]:
    """The weight of each class in the loss, for `classes` classes.

    `labels` is (N,) int64 class index: N / (classes · n_c), with which every class has the same sum of weights; or
    (N, C) of 0 and 1: the weight of a label's positives, the number of negatives over that of positives.
    """
    if labels.ndim == 2:
        positive = np.maximum(labels.sum(axis=0), 1)
        weights = (len(labels) - positive) / positive
    else:
        weights = len(labels) / (classes * np.maximum(np.bincount(labels, minlength=classes), 1))
    return [float(weight) for weight in weights]


def image_chances(labels: NDArray[Any]) -> NDArray[np.float64]:
    """(N,) int64 → the chance of each image, (N,), in a draw that gives every class as often; they sum to 1."""
    number = np.bincount(labels)
    chances: NDArray[np.float64] = 1.0 / (number[labels] * np.count_nonzero(number))
    return chances
