"""Metrics of a split's pooled scores; a metric that cannot be computed is named with its reason, never 0 or NaN.

A new metric is one entry of METRICS: training logs it, the record holds it, and monitor=val/<name> chooses the epoch by
it.

Decisions on validation and test follow one rule, which `predict` uses too. Binary: class 1 where its score exceeds the
threshold that this training's validation chose (`choose_threshold`). Multi-class: the class of the highest score.
Multi-label: each label whose score exceeds 0.5.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional import classification as tm

from medxfer.base.words import Task

BINS = 15  # of the calibration error, as in Guo et al. 2017


@dataclass(frozen=True)
class Predictions:
    """Scores of a whole split, one row an image, in ascending order of `index`; on the CPU."""

    index: Tensor  # (N,) int64, rows in the store
    label: Tensor  # (N,) int64, or (N, C) float32 for multi-label
    scores: Tensor  # (N, C) float32 probabilities


Binary = Callable[[Tensor, Tensor, float], Tensor]  # scores of class 1 (N,) float64, labels, threshold → a value
Several = Callable[[Tensor, Tensor, int], Tensor]  # scores (N, C) float64, labels, C → a value


@dataclass(frozen=True)
class Metric:
    """How a metric is computed in each task."""

    binary: Binary
    multiclass: Several
    multilabel: Several
    less_is_better: bool = False
    every_class: bool = True  # undefined where a class has no image: the mean of the others is another metric


# Means over classes or labels, where nothing else is said; of class 1 in binary tasks.
METRICS = {
    "accuracy": Metric(
        tm.binary_accuracy,
        lambda p, y, _: (p.argmax(dim=1) == y).double().mean(),
        tm.multilabel_accuracy,
        every_class=False,
    ),
    # Recall of each class: of two, the mean of sensitivity and specificity; multi-label: that mean of each label.
    "balanced_accuracy": Metric(
        lambda p, y, t: (tm.binary_recall(p, y, t) + tm.binary_specificity(p, y, t)) / 2,
        tm.multiclass_recall,
        lambda p, y, C: (tm.multilabel_recall(p, y, C) + tm.multilabel_specificity(p, y, C)) / 2,
    ),
    "auroc": Metric(lambda p, y, _: tm.binary_auroc(p, y), tm.multiclass_auroc, tm.multilabel_auroc),
    "average_precision": Metric(
        lambda p, y, _: tm.binary_average_precision(p, y),
        tm.multiclass_average_precision,
        tm.multilabel_average_precision,
    ),
    "f1": Metric(
        tm.binary_f1_score,
        partial(tm.multiclass_f1_score, average="macro"),
        tm.multilabel_f1_score,
    ),
    # (p₁ − y)²; multi-class: Σ (p − y)² (Brier 1950); both averaged over images.
    "brier": Metric(
        lambda p, y, _: (p - y).square().mean(),
        lambda p, y, C: (p - F.one_hot(y, C)).square().sum(dim=1).mean(),
        lambda p, y, _: (p - y).square().mean(),
        less_is_better=True,
        every_class=False,
    ),
    # Expected; multi-class: of the highest score.
    "calibration_error": Metric(
        lambda p, y, _: tm.binary_calibration_error(p, y, BINS),
        partial(tm.multiclass_calibration_error, n_bins=BINS),
        lambda p, y, C: torch.stack(
            [tm.binary_calibration_error(p[:, c].contiguous(), y[:, c], BINS) for c in range(C)]
        ).mean(),
        less_is_better=True,
        every_class=False,
    ),
}
OF_CLASS_1: dict[str, Binary] = {"sensitivity": tm.binary_recall, "specificity": tm.binary_specificity}  # binary tasks


def compute_metrics(
    scores: Tensor, labels: Tensor, task: Task, classes: Sequence[str], threshold: float = 0.5
) -> tuple[dict[str, float], dict[str, str]]:
    """Metrics over all images of a split, and the reasons for those that are undefined.

    They are METRICS; in binary tasks also sensitivity and specificity; in other tasks also auroc/<class>, of each
    class against the rest.

    Args:
        scores: (N, C) float probabilities: softmax in binary (C = 2) and multiclass tasks, else sigmoids.
        labels: (N,) int64 class index, or (N, C) of 0 and 1 for multilabel.
        task: what the labels mean.
        classes: C names.
        threshold: in binary tasks class 1 is decided where its score exceeds it.

    Returns:
        ({metric: value}, {metric: reason}): every metric of the task is in exactly one of the two.
    """
    scores, labels, C = scores.double(), labels.long(), len(classes)
    absent, empty = _absent(labels, classes), None if len(labels) else "the split has no image"
    found: dict[str, tuple[str | None, Callable[[], Tensor]]] = {}  # why it is undefined, how it is computed
    positive = scores[:, 1].contiguous()
    for name, metric in METRICS.items():
        why = absent if metric.every_class else empty
        if task == "binary":
            found[name] = why, partial(metric.binary, positive, labels, threshold)
        else:
            found[name] = why, partial(getattr(metric, task), scores, labels, C)
    if task == "binary":
        for name, compute in OF_CLASS_1.items():
            found[name] = absent, partial(compute, positive, labels, threshold)
    else:
        against_rest = labels if task == "multilabel" else F.one_hot(labels, C)
        for c, name in enumerate(classes):
            one_value = len(set(against_rest[:, c].tolist())) < 2
            why = f"only one value of '{name}' in the split" if one_value else None
            found[f"auroc/{name}"] = why, partial(tm.binary_auroc, scores[:, c], against_rest[:, c])
    values = {name: float(value()) for name, (why, value) in found.items() if why is None}
    return values, {name: why for name, (why, _) in found.items() if why is not None}


def less_is_better(monitor: str) -> bool:
    """Whether a smaller value of what chooses the epoch, such as val/auroc or val/loss, is the better one."""
    name = monitor.removeprefix("val/")
    return name == "loss" or (name in METRICS and METRICS[name].less_is_better)


def choose_threshold(scores: Tensor, labels: Tensor) -> float | None:
    """The threshold of highest sensitivity + specificity (Youden 1950); None where a class has no image.

    It is the best for balanced accuracy; where a network's scores are shifted as a whole it moves with them, so that
    another calibration is no gain and no loss. Where prevalence is low, accuracy is highest at a higher threshold. Of
    equal ones it is the highest; 1 where none is better than calling no image positive. It lies midway between two
    neighbouring scores, so that rounding cannot move an image across it.

    Args:
        scores: (N, 2) probabilities of a binary task.
        labels: (N,) int64.
    """
    if len(set(labels.tolist())) < 2:
        return None
    positive = scores[:, 1].double()
    fpr, tpr, thresholds = tm.binary_roc(positive, labels.long(), validate_args=False)
    best = int((tpr - fpr).argmax())
    if best == 0:
        return 1.0
    return float((thresholds[best] + positive[positive < thresholds[best]].max()) / 2)


def _absent(labels: Tensor, classes: Sequence[str]) -> str | None:
    """Why the mean over classes or labels is undefined, if it is."""
    if labels.ndim == 2:
        constant = [repr(name) for c, name in enumerate(classes) if len(set(labels[:, c].tolist())) < 2]
        return f"only one value of label {', '.join(constant)} in the split" if constant else None
    absent = [repr(name) for c, name in enumerate(classes) if not bool((labels == c).any())]
    return f"no image of class {', '.join(absent)} in the split" if absent else None
