"""Metrics of a split's pooled scores; what cannot be computed is named with its reason, never 0 or NaN."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional import classification as tm

Task = Literal["binary", "multiclass", "multilabel"]

# Of every task, whatever else it has.
METRICS = (
    "accuracy",
    "balanced_accuracy",
    "auroc",
    "average_precision",
    "f1",
    "brier",
    "calibration_error",
)
BINS = 15  # of the calibration error, as in Guo et al. 2017


class _Metrics:
    """Values by name, and reasons for those without a value."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.undefined: dict[str, str] = {}

    def add(self, name: str, compute: Callable[[], Tensor], undefined: str | None = None) -> None:
        """Compute a metric, unless there is a reason why it is `undefined`."""
        if undefined:
            self.undefined[name] = undefined
        else:
            self.values[name] = float(compute())


def compute_metrics(
    scores: Tensor, labels: Tensor, task: Task, classes: Sequence[str], threshold: float | None = None
) -> tuple[dict[str, float], dict[str, str]]:
    """Metrics over all images of a split, and the reasons for those that are undefined.

    - accuracy, of the highest score, or of scores above 0.5 in multi-label tasks (mean over labels)
    - balanced_accuracy: mean recall of the classes; multi-label: of sensitivity and specificity of the labels
    - auroc, average_precision, f1: binary: of class 1; else the mean over classes, each against the rest
    - auroc/<class>: the same for one class, where the task is not binary
    - brier: mean of (p₁ − y)²; multi-class: of Σ (p − y)² (Brier 1950); multi-label: mean over labels
    - calibration_error: expected, in 15 bins; of class 1, of the highest score, or the mean over labels
    - sensitivity, specificity: binary only, at `threshold`

    A class without an image makes the means over classes undefined: the mean of the others is another metric.

    Args:
        scores: (N, C) float probabilities: softmax in binary (C = 2) and multiclass tasks, else sigmoids.
        labels: (N,) int64 class index, or (N, C) of 0 and 1 for multilabel.
        task: what the labels mean.
        classes: C names.
        threshold: of the score of class 1, from `choose_threshold` on validation scores.

    Returns:
        ({metric: value}, {metric: reason}): every metric of the task is in exactly one of the two.
    """
    of_task = {"binary": _binary, "multiclass": _multiclass, "multilabel": _multilabel}[task]
    metrics = of_task(scores.double(), labels.long(), classes, threshold)
    return metrics.values, metrics.undefined


def choose_threshold(scores: Tensor, labels: Tensor) -> float | None:
    """The threshold of highest sensitivity + specificity (Youden 1950); None where a class has no image.

    It lies midway between two neighbouring scores, so that rounding cannot move an image across it.

    Args:
        scores: (N, 2) probabilities of a binary task.
        labels: (N,) int64.
    """
    if len(labels.unique()) < 2:
        return None
    positive = scores[:, 1].double()
    fpr, tpr, thresholds = tm.binary_roc(positive, labels.long(), validate_args=False)
    best = int((tpr - fpr).argmax())
    if best == 0:  # no threshold is better than calling no image positive
        return 1.0
    return float((thresholds[best] + positive[positive < thresholds[best]].max()) / 2)


def _binary(scores: Tensor, labels: Tensor, classes: Sequence[str], threshold: float | None) -> _Metrics:
    metrics, empty, absent = _Metrics(), _empty(labels), _absent(labels, classes)
    p, predicted = scores[:, 1].contiguous(), scores.argmax(dim=1)
    metrics.add("accuracy", lambda: (predicted == labels).double().mean(), empty)
    metrics.add("balanced_accuracy", lambda: tm.multiclass_recall(predicted, labels, 2), absent)
    metrics.add("auroc", lambda: tm.binary_auroc(p, labels), absent)
    metrics.add("average_precision", lambda: tm.binary_average_precision(p, labels), absent)
    metrics.add("f1", lambda: tm.binary_f1_score(predicted, labels), absent)
    metrics.add("brier", lambda: (p - labels).square().mean(), empty)
    metrics.add("calibration_error", lambda: tm.binary_calibration_error(p, labels, BINS), empty)
    without = absent or ("no threshold: it needs validation scores of both classes" if threshold is None else None)
    cut = threshold or 0.0
    metrics.add("sensitivity", lambda: tm.binary_recall(p, labels, cut), without)
    metrics.add("specificity", lambda: tm.binary_specificity(p, labels, cut), without)
    return metrics


def _multiclass(scores: Tensor, labels: Tensor, classes: Sequence[str], _: float | None) -> _Metrics:
    metrics, empty, absent = _Metrics(), _empty(labels), _absent(labels, classes)
    C, predicted = len(classes), scores.argmax(dim=1)
    squared = (scores - F.one_hot(labels, C)).square()
    metrics.add("accuracy", lambda: (predicted == labels).double().mean(), empty)
    metrics.add("balanced_accuracy", lambda: tm.multiclass_recall(predicted, labels, C), absent)
    metrics.add("auroc", lambda: tm.multiclass_auroc(scores, labels, C), absent)
    metrics.add("average_precision", lambda: tm.multiclass_average_precision(scores, labels, C), absent)
    metrics.add("f1", lambda: tm.multiclass_f1_score(predicted, labels, C, average="macro"), absent)
    metrics.add("brier", lambda: squared.sum(dim=1).mean(), empty)
    metrics.add("calibration_error", lambda: tm.multiclass_calibration_error(scores, labels, C, BINS), empty)
    _by_class(metrics, scores, F.one_hot(labels, C), classes)
    return metrics


def _multilabel(scores: Tensor, labels: Tensor, classes: Sequence[str], _: float | None) -> _Metrics:
    metrics, empty, C = _Metrics(), _empty(labels), len(classes)
    constant = [repr(name) for c, name in enumerate(classes) if len(labels[:, c].unique()) < 2]
    absent = f"only one value of label {', '.join(constant)} in the split" if constant else None
    columns = [(scores[:, c].contiguous(), labels[:, c]) for c in range(C)]
    metrics.add("accuracy", lambda: tm.multilabel_accuracy(scores, labels, C), empty)
    metrics.add(
        "balanced_accuracy",
        lambda: (tm.multilabel_recall(scores, labels, C) + tm.multilabel_specificity(scores, labels, C)) / 2,
        absent,
    )
    metrics.add("auroc", lambda: tm.multilabel_auroc(scores, labels, C), absent)
    metrics.add("average_precision", lambda: tm.multilabel_average_precision(scores, labels, C), absent)
    metrics.add("f1", lambda: tm.multilabel_f1_score(scores, labels, C), absent)
    metrics.add("brier", lambda: (scores - labels).square().mean(), empty)
    metrics.add(
        "calibration_error",
        lambda: torch.stack([tm.binary_calibration_error(p, y, BINS) for p, y in columns]).mean(),
        empty,
    )
    _by_class(metrics, scores, labels, classes)
    return metrics


def _by_class(metrics: _Metrics, scores: Tensor, labels: Tensor, classes: Sequence[str]) -> None:
    for c, name in enumerate(classes):
        p, y = scores[:, c], labels[:, c]
        one_sided = f"only one value of '{name}' in the split" if len(y.unique()) < 2 else None
        metrics.add(f"auroc/{name}", lambda p=p, y=y: tm.binary_auroc(p, y), one_sided)  # type: ignore[misc]


def _empty(labels: Tensor) -> str | None:
    return None if len(labels) else "the split has no image"


def _absent(labels: Tensor, classes: Sequence[str]) -> str | None:
    absent = [repr(name) for c, name in enumerate(classes) if not bool((labels == c).any())]
    return f"no image of class {', '.join(absent)} in the split" if absent else None
