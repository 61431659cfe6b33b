"""A series' score from those of its slices, as every part of the program makes it.

mean: each class's mean probability over the slices. Of the ways to join several votes it is the one that errors of
single votes move least (the sum rule: Kittler et al., IEEE TPAMI 20:226, 1998), and the classes still sum to 1.

max: the highest probability of any slice. A series has a finding if one of its slices has it (the standard assumption
of multiple-instance learning: Dietterich et al., Artif Intell 89:31, 1997), so that it needs a finding: class 1 of two
classes, whose other class has the rest of 1, or each label of several. It grows with the number of slices. Of several
classes none is the absence of the others, and their highest probabilities do not sum to 1: there it is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.words import Task

IMAGE = "image"  # each image has a score of its own
SCORES = ("image", "mean", "max")  # data.score
SLICES = ":slices"  # how the split of a series' slices ends in predictions.parquet
IN_WORDS = {
    "mean": "the mean of its slices' probabilities",
    "max": "the highest probability of its slices",
}


@dataclass(frozen=True, eq=False)
class BySeries:
    """How the images of a data set become series: `score` is mean or max, `series` (N,) has each image's series."""

    score: str
    task: Task
    series: NDArray[Any]

    def __post_init__(self) -> None:
        check_score(self.score, self.task)

    def pool(self, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """`scores` (M, C) of the images `rows` (M,) → (the place in `rows` of each series' first image, (S,); its
        scores, (S, C) float32), in the order of those places."""
        _, first, of = np.unique(self.series[rows], return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return first[order], _pooled(scores.astype(np.float64), place[of.ravel()], len(order), self.score, self.task)


def score_of(data: Mapping[str, Any]) -> str:
    """data.score of a configuration's `data`; data sets whose images are no slices have no such setting."""
    return str(data.get("score", IMAGE))


def check_score(score: str, task: Task) -> None:
    """Raise MedxferError if series cannot have such scores in this task."""
    if score == "max" and task == "multiclass":
        raise MedxferError(
            "data.score=max: the highest probabilities of several classes are no probabilities of a series, because "
            "none of the classes is the absence of a finding: use data.score=mean"
        )


def _pooled(
    scores: NDArray[np.float64], series: NDArray[np.int64], number: int, score: str, task: Task
) -> NDArray[np.float32]:
    """(M, C) and (M,), the number of each image's series → (number, C)."""
    found = np.zeros((number, scores.shape[1]))
    if score == "mean":
        np.add.at(found, series, scores)
        found /= np.bincount(series, minlength=number)[:, None]
    else:
        np.maximum.at(found, series, scores)
        if task == "binary":
            found[:, 0] = 1 - found[:, 1]
    return found.astype(np.float32)
