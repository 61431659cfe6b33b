"""What can be known of a data set before a training: its balance, its duplicates, its shortcuts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOLDS = 5


class Shortcut(NamedTuple):
    """How well a header field alone predicts a label, cross-validated by patient."""

    field: str
    label: str  # the class or finding
    accuracy: float  # balanced, of always guessing the class that the field's value is most typical of
    chance: float
    se: float  # of the accuracy, counting patients

    @property
    def tells(self) -> bool:
        """Whether it is better than chance by more than twice its standard error."""
        return self.accuracy - 2 * self.se > self.chance


def class_counts(
    labels: NDArray[Any], patients: pd.Series, classes: Sequence[str], among: NDArray[np.bool_]
) -> list[tuple[str, int, int]]:
    """(class, images, patients) of each class, of the images `among`, (N,)."""
    has = np.eye(len(classes), dtype=bool)[labels] if labels.ndim == 1 else labels > 0
    return [(n, int(c.sum()), int(patients[c].nunique())) for n, c in zip(classes, has.T & among, strict=True)]


def duplicates(images: pd.DataFrame, labels: NDArray[Any]) -> dict[str, int]:
    """How many pictures occur more than once: at all, in several patients, with different labels.

    `images` has the columns patient and pixels (equal for equal pictures); `labels` is (N,) or (N, C).
    """
    label_sets, _ = pd.factorize(pd.Series([label.tobytes() for label in labels]))
    by_picture = (
        images.assign(label=label_sets).groupby("pixels").agg({"patient": ["size", "nunique"], "label": "nunique"})
    )
    return {
        "pictures that occur more than once": int((by_picture["patient", "size"] > 1).sum()),
        "of them in several patients": int((by_picture["patient", "nunique"] > 1).sum()),
        "of them with different labels": int((by_picture["label", "nunique"] > 1).sum()),
    }


def shortcuts(
    fields: pd.DataFrame, labels: NDArray[Any], patients: pd.Series, classes: Sequence[str]
) -> list[Shortcut]:
    """One for each column of `fields` that has more than one value, and in a multi-label task for each finding."""
    patient, names = pd.factorize(patients)
    folds = (np.random.default_rng(0).permutation(len(names)) % FOLDS)[patient]  # by image; a patient is in one
    found: list[Shortcut] = []
    targets = [("/".join(classes), labels)]
    if labels.ndim == 2:
        targets = list(zip(classes, labels.T.astype(np.int64), strict=True))
    for field in fields.columns:
        values, _ = pd.factorize(fields[field].fillna("").astype(str))
        if values.max(initial=0) > 0:
            found += [_shortcut(str(field), name, values, column, folds, patients) for name, column in targets]
    return sorted(found, key=lambda shortcut: shortcut.chance - shortcut.accuracy)


def _shortcut(
    field: str, label: str, values: NDArray[Any], labels: NDArray[Any], folds: NDArray[np.int64], patients: pd.Series
) -> Shortcut:
    classes = int(labels.max()) + 1
    counts = np.zeros((FOLDS, values.max() + 1, classes))
    np.add.at(counts, (folds, values, labels), 1)
    seen = counts.sum(0) - counts  # in the other folds
    share = seen / np.maximum(seen.sum(1, keepdims=True), 1)  # of a class's images that have the value
    best = share == share.max(2, keepdims=True)
    hits = (counts * best / best.sum(2, keepdims=True)).sum((0, 1))  # a value as typical of several classes is a guess
    recall = hits / np.maximum(counts.sum((0, 1)), 1)
    of_class = np.array([max(patients[labels == c].nunique(), 1) for c in range(classes)])
    se = float(np.sqrt((recall * (1 - recall) / of_class).sum()) / classes)
    return Shortcut(field, label, float(recall.mean()), 1 / classes, se)
