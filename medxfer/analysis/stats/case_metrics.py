"""Metrics as sums over patients, which the jackknife and the bootstrap re-weigh. More is better in each."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medxfer.base.errors import MedxferError, unknown

METRICS = ("auroc", "accuracy", "balanced_accuracy", "brier")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class NotComparable(MedxferError):  # noqa: N818 - it is an answer as much as an error
    """These numbers do not allow this comparison; the text says why."""


@dataclass(frozen=True)
class Cases:
    """Checked results of some trainings on one test set."""

    scores: Floats  # (trainings, images) or (trainings, images, classes)
    labels: Integers  # (images,) or, for a multi-label task, (images, classes)
    case: Integers  # (images,) the number of the image's patient, in the ids' order
    patients: tuple[Hashable, ...]  # their ids, sorted

    @property
    def count(self) -> int:
        """How many patients there are."""
        return len(self.patients)

    def by_label(self) -> Iterator["Cases"]:
        """The task itself or, for a multi-label task, one binary task a label."""
        if self.labels.ndim == 1:
            yield self
        else:
            for k in range(self.labels.shape[1]):
                yield Cases(self.scores[..., k], self.labels[:, k], self.case, self.patients)

    def sums(self, values: Floats) -> Floats:
        """(trainings, images) → (trainings, patients)."""
        if self.count == len(self.case):
            out = np.empty_like(values)
            out[:, self.case] = values
            return out
        order = np.argsort(self.case, kind="stable")
        return np.add.reduceat(values[:, order], np.searchsorted(self.case[order], np.arange(self.count)), axis=1)

    def counts(self, images: NDArray[np.bool_]) -> Floats:
        """(patients,): how many of a patient's images are among `images`."""
        return np.bincount(self.case, images, self.count).astype(np.float64)


def check_cases(scores: ArrayLike, labels: ArrayLike, patients: ArrayLike | None = None) -> Cases:
    """Check shapes and values.

    Args:
        scores: (trainings, images) for a binary task, or (trainings, images, classes); finite real numbers.
        labels: (images,) of 0 … classes − 1, or (images, classes) of 0 and 1 for a multi-label task.
        patients: (images,) ids, or None where each image is a patient.

    Raises:
        NotComparable: they do not fit together, or a score is not finite.
    """
    values, raw = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if values.ndim not in (2, 3) or raw.shape not in {values.shape[1:2], values.shape[1:]} or raw.size == 0:
        raise NotComparable(
            f"scores of shape {values.shape} do not go with labels of shape {raw.shape}: give (trainings, images) "
            "or (trainings, images, classes), and (images,) or, for a multi-label task, (images, classes)"
        )
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise NotComparable(f"{bad} of {values.size} scores are not finite: repeat that training or leave it out")
    classes = 2 if values.ndim == 2 or raw.ndim == 2 else values.shape[2]
    if not np.isin(raw, np.arange(classes)).all():
        raise NotComparable(f"labels must be whole numbers from 0 to {classes - 1}, one for each score's class")
    images = raw.shape[0]
    if patients is None:
        return Cases(values, raw.astype(np.int64), np.arange(images), tuple(range(images)))
    ids, case = np.unique(np.asarray(patients), return_inverse=True)
    if case.shape != (images,):
        raise NotComparable(f"{case.size} patient ids for {images} images: give one an image")
    return Cases(values, raw.astype(np.int64), case, tuple(ids.tolist()))


def check_metric(metric: str) -> None:
    """Raise MedxferError for an unknown name."""
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS, f"one of {', '.join(METRICS)}")


@dataclass(frozen=True)
class Ratio:
    """A mean over images: the patients' parts of its sum, and of its number of images."""

    part: Floats  # (trainings, patients)
    images: Floats  # (patients,)
    of: str  # 'class 1'


def ratios(cases: Cases, metric: str, threshold: float) -> list[Ratio]:
    """Every metric but AUROC, as ratios whose mean it is; one label's task.

    accuracy: a score above `threshold` means 1; with a score a class, the highest wins. balanced_accuracy:
        the mean over classes of the share found. brier: the squared distance to the truth (Brier 1950),
        summed over the classes where there is a score for each, with its sign flipped.
    """
    everyone = np.ones(len(cases.labels), dtype=bool)
    if metric == "brier":
        return [Ratio(cases.sums(_brier(cases)), cases.counts(everyone), "an image")]
    predicted = cases.scores.argmax(axis=2) if cases.scores.ndim == 3 else cases.scores > threshold
    hits = (predicted == cases.labels).astype(np.float64)
    if metric == "accuracy":
        return [Ratio(cases.sums(hits), cases.counts(everyone), "an image")]
    classes = [(k, cases.labels == k) for k in range(cases.scores.shape[2] if cases.scores.ndim == 3 else 2)]
    return [Ratio(cases.sums(hits * which), cases.counts(which), f"class {k}") for k, which in classes]


def _brier(cases: Cases) -> Floats:
    if cases.scores.min() < 0 or cases.scores.max() > 1:
        raise NotComparable("brier needs probabilities, and a score lies outside [0, 1]")
    if cases.scores.ndim == 2:
        return -((cases.scores - cases.labels) ** 2)
    truth = cases.labels[:, None] == np.arange(cases.scores.shape[2])
    return -((cases.scores - truth) ** 2).sum(axis=2)


@dataclass(frozen=True)
class Contest:
    """One class against the rest, for AUROC."""

    scores: Floats  # (trainings, images)
    positive: NDArray[np.bool_]  # (images,)
    name: str


def contests(cases: Cases) -> Iterator[Contest]:
    """The contests whose mean AUROC is; one label's task."""
    if cases.scores.ndim == 2:
        yield Contest(cases.scores, cases.labels == 1, "class 1")
    else:
        for k in range(cases.scores.shape[2]):
            yield Contest(cases.scores[..., k], cases.labels == k, f"class {k}")
