"""Classes of unequal size: weights for the loss, or chances for the draw; from the training part's labels alone."""

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.words import Task

BALANCE = ("none", "weights", "sampling")


def check_balance(balance: str, task: Task) -> None:
    """Raise MedxferError where images with several labels each were to be drawn by the label that they have."""
    if balance == "sampling" and task == "multilabel":
        raise MedxferError("balance=sampling needs one label an image, and these have several: use balance=weights.")


def class_weights(labels: NDArray, classes: int) -> list[float]:
    """The weight of each class in the loss.

    Args:
        labels: (N,) int64 class index: the weights are N / (classes · n_c), with which every class has the same sum;
            or (N, C) of 0 and 1: those of a label's positives are their negatives' number over theirs.
        classes: how many there are.
    """
    if labels.ndim == 2:
        positive = np.maximum(labels.sum(axis=0), 1)
        return ((len(labels) - positive) / positive).tolist()
    return (len(labels) / (classes * np.maximum(np.bincount(labels, minlength=classes), 1))).tolist()


def image_chances(labels: NDArray) -> NDArray[np.float64]:
    """(N,) int64 → the chance of each image in a draw in which every class comes up as often; they sum to 1."""
    number = np.bincount(labels)
    return 1.0 / (number[labels] * np.count_nonzero(number))
