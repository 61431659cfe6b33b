"""Metrics: hand-made values, the undefined named, and laws."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from medxfer.base.words import JUDGED, LOWER_IS_BETTER, Task
from medxfer.model.metrics import METRICS, choose_threshold, compute_metrics, less_is_better

BINARY = {
    "accuracy",
    "balanced_accuracy",
    "auroc",
    "average_precision",
    "f1",
    "brier",
    "calibration_error",
    "sensitivity",
    "specificity",
}


def test_training_and_judging_agree_on_what_is_better() -> None:
    assert set(JUDGED) <= set(METRICS)
    assert [name for name in JUDGED if METRICS[name].less_is_better] == list(LOWER_IS_BETTER)
    for monitor, less in (
        ("val/loss", True),
        ("val/brier", True),
        ("val/calibration_error", True),
        ("val/auroc", False),
    ):
        assert less_is_better(monitor) is less
    assert not less_is_better("val/auroc/pneumonia")


def two(positive: list[float]) -> Tensor:
    p = torch.tensor(positive)
    return torch.stack([1 - p, p], dim=1)


def test_binary_values_by_hand() -> None:
    scores, labels = two([0.1, 0.4, 0.35, 0.8]), torch.tensor([0, 0, 1, 1])
    values, undefined = compute_metrics(scores, labels, "binary", ["a", "b"])
    assert undefined == {}
    assert values["accuracy"] == pytest.approx(3 / 4)
    assert values["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert values["auroc"] == pytest.approx(3 / 4)
    assert values["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["f1"] == pytest.approx(2 / 3)
    assert values["brier"] == pytest.approx((0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4)
    assert values["calibration_error"] == pytest.approx((0.1 + 0.4 + 0.65 + 0.2) / 4)
    assert values["sensitivity"] == pytest.approx(1 / 2)
    assert values["specificity"] == 1.0


def test_everything_that_is_decided_is_decided_at_the_threshold() -> None:
    scores, labels = two([0.1, 0.3, 0.35, 0.8, 0.2, 0.9]), torch.tensor([0, 0, 0, 1, 1, 1])
    values, _ = compute_metrics(scores, labels, "binary", ["a", "b"], threshold=0.32)
    assert values["accuracy"] == pytest.approx(4 / 6)
    assert values["sensitivity"] == pytest.approx(2 / 3)
    assert values["specificity"] == pytest.approx(2 / 3)
    assert values["balanced_accuracy"] == pytest.approx(2 / 3)
    assert values["f1"] == pytest.approx(2 / 3)
    others, _ = compute_metrics(scores, labels, "binary", ["a", "b"], threshold=0.85)
    assert others["accuracy"] == pytest.approx(4 / 6)
    assert (others["sensitivity"], others["specificity"]) == (pytest.approx(1 / 3), 1.0)
    assert others["balanced_accuracy"] == pytest.approx(2 / 3)
    assert others["f1"] == pytest.approx(1 / 2)
    for name in ("auroc", "average_precision", "brier", "calibration_error"):
        assert others[name] == values[name]


def test_multiclass_values_by_hand() -> None:
    scores = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    values, undefined = compute_metrics(scores, torch.tensor([0, 0, 1, 2]), "multiclass", ["a", "b", "c"])
    assert undefined == {}
    assert values["accuracy"] == pytest.approx(3 / 4)
    assert values["balanced_accuracy"] == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert values["auroc"] == pytest.approx(1.0)
    assert values["auroc/a"] == pytest.approx(1.0)
    assert values["brier"] == pytest.approx((0.14 + 0.74 + 0.38 + 0.14) / 4)


def test_multilabel_values_by_hand() -> None:
    scores = torch.tensor([[0.9, 0.4], [0.2, 0.6], [0.6, 0.3], [0.1, 0.2]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    values, undefined = compute_metrics(scores, labels, "multilabel", ["a", "b"])
    assert undefined == {}
    assert values["accuracy"] == pytest.approx((1 / 2 + 3 / 4) / 2)
    assert values["balanced_accuracy"] == pytest.approx((1 / 2 + 3 / 4) / 2)
    assert values["auroc/a"] == pytest.approx(1 / 2)
    assert values["auroc/b"] == pytest.approx(3 / 4)
    assert values["auroc"] == pytest.approx(5 / 8)


def test_one_class_only_is_undefined_not_zero() -> None:
    values, undefined = compute_metrics(two([0.2, 0.7]), torch.tensor([1, 1]), "binary", ["a", "b"], 0.5)
    assert set(values) == {"accuracy", "brier", "calibration_error"}
    assert undefined["auroc"] == "no image of class 'a' in the split"


def test_an_absent_class_makes_means_undefined_and_leaves_the_other_classes() -> None:
    scores = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3]])
    values, undefined = compute_metrics(scores, torch.tensor([0, 1]), "multiclass", ["a", "b", "c"])
    assert {"auroc/a", "auroc/b", "accuracy"} <= set(values)
    assert {"auroc", "auroc/c", "balanced_accuracy", "f1", "average_precision"} <= set(undefined)
    values, undefined = compute_metrics(
        torch.rand(3, 2), torch.tensor([[1, 0], [0, 0], [1, 0]]).float(), "multilabel", ["a", "b"]
    )
    assert "auroc/a" in values
    assert undefined["auroc"] == "only one value of label 'b' in the split"


def test_no_image() -> None:
    values, undefined = compute_metrics(torch.zeros(0, 2), torch.zeros(0).long(), "binary", ["a", "b"])
    assert values == {}
    assert set(undefined) == BINARY


@given(st.data())
def test_every_metric_is_defined_or_has_a_reason_and_is_finite(data: st.DataObject) -> None:
    task: Task = data.draw(st.sampled_from(["binary", "multiclass", "multilabel"]))
    n, c = data.draw(st.integers(1, 12)), 2 if task == "binary" else data.draw(st.integers(2, 4))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 1000)))
    logits = torch.randn(n, c, generator=generator) * 5
    scores = logits.sigmoid() if task == "multilabel" else logits.softmax(1)
    shape = (n, c) if task == "multilabel" else (n,)
    labels = torch.randint(0, 2 if task == "multilabel" else c, shape, generator=generator)
    names = [f"class {i}" for i in range(c)]
    threshold = data.draw(st.floats(0, 1))
    values, undefined = compute_metrics(scores, labels, task, names, threshold)
    if "balanced_accuracy" in values and task == "binary":
        mean = (values["sensitivity"] + values["specificity"]) / 2
        assert values["balanced_accuracy"] == pytest.approx(mean)
    assert not set(values) & set(undefined)
    expected = BINARY if task == "binary" else (BINARY - {"sensitivity", "specificity"}) | {f"auroc/{n}" for n in names}
    assert set(values) | set(undefined) == expected
    assert all(math.isfinite(value) and 0 <= value <= 2 for value in values.values())


@given(st.lists(st.floats(0.0, 1.0, width=32), min_size=2, max_size=20), st.integers(0, 10**6))
def test_the_threshold_reaches_the_best_youden_index(positive: list[float], seed: int) -> None:
    labels = torch.randint(0, 2, (len(positive),), generator=torch.Generator().manual_seed(seed))
    scores = two(positive)
    threshold = choose_threshold(scores, labels)
    if len(labels.unique()) < 2:
        assert threshold is None
        return
    p, y = scores[:, 1].double(), labels.bool()

    def youden(cut: float) -> float:
        return float((p[y] > cut).double().mean() + (p[~y] <= cut).double().mean())

    assert youden(threshold) >= max(youden(cut) for cut in [-1.0, *p.tolist()]) - 1e-9


def test_a_shift_of_calibration_is_no_gain_at_the_threshold_of_validation() -> None:
    """One network, and the same with logits that are 0.7 higher, at a prevalence of a tenth."""
    generator = torch.Generator().manual_seed(0)

    def drawn(n: int) -> tuple[Tensor, Tensor]:
        labels = (torch.arange(n) % 10 == 0).long()
        return torch.randn(n, generator=generator) + 1.5 * labels - 1.5, labels

    def balanced(shift: float, fixed: bool) -> float:
        p_val, p_test = (two((logits + shift).sigmoid().tolist()) for logits in (val[0], test[0]))
        threshold = 0.5 if fixed else choose_threshold(p_val, val[1])
        assert threshold is not None
        return compute_metrics(p_test, test[1], "binary", ["a", "b"], threshold)[0]["balanced_accuracy"]

    val, test = drawn(500), drawn(5000)
    assert balanced(0.7, fixed=True) - balanced(0.0, fixed=True) > 0.03
    assert balanced(0.7, fixed=False) == pytest.approx(balanced(0.0, fixed=False), abs=0.002)
