"""Leave-one-patient-out by placement values and sums, against refitting without the patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medxfer.analysis.stats.influence import METRICS, NotComparable, check_cases, leave_one_patient_out
from medxfer.base.errors import MedxferError


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    gap = scores[positive][:, None] - scores[~positive]
    return float(np.mean((gap > 0) + (gap == 0) / 2))


def refit(metric: str, scores: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> float:
    """The metric of one training by its definition."""
    if labels.ndim == 2:
        return float(np.mean([refit(metric, scores[:, k], labels[:, k], threshold) for k in range(labels.shape[1])]))
    classes = scores.shape[1] if scores.ndim == 2 else 2
    if metric == "auroc":
        if scores.ndim == 1:
            return auroc(scores, labels == 1)
        return float(np.mean([auroc(scores[:, k], labels == k) for k in range(classes)]))
    if metric == "brier":
        truth = labels if scores.ndim == 1 else np.eye(classes)[labels]
        return -float(((scores - truth) ** 2).sum() / len(labels))
    hit = (scores.argmax(1) if scores.ndim == 2 else scores > threshold) == labels
    if metric == "accuracy":
        return float(hit.mean())
    return float(np.mean([hit[labels == k].mean() for k in range(classes)]))


def cases_of(task: str, seed: int, trainings: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, and patients of one to four images, some with images of both classes."""
    rng = np.random.default_rng(seed)
    patients = np.repeat([f"p{i:02d}" for i in rng.permutation(12)], rng.integers(1, 5, 12))
    rng.shuffle(patients)
    images = len(patients)
    if task == "binary":
        shape, labels = (trainings, images), rng.integers(0, 2, images)
    elif task == "multiclass":
        shape, labels = (trainings, images, 3), rng.integers(0, 3, images)
    else:
        shape, labels = (trainings, images, 3), rng.integers(0, 2, (images, 3))
    return np.round(rng.random(shape), 1), labels, patients


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_equals_refitting_without_the_patient(task: str, metric: str, seed: int) -> None:
    scores, labels, patients = cases_of(task, seed)
    try:
        full, without = leave_one_patient_out(check_cases(scores, labels, patients), metric)
    except NotComparable:
        return  # a class of one patient
    ids = np.unique(patients)
    for t, of_training in enumerate(scores):
        assert full[t] == pytest.approx(refit(metric, of_training, labels), abs=1e-12)
        for p, patient in enumerate(ids):
            keep = patients != patient
            assert without[t, p] == pytest.approx(refit(metric, of_training[keep], labels[keep]), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_an_image_each_equals_ids_of_images(metric: str) -> None:
    scores, labels, _ = cases_of("binary", 3)
    plain = leave_one_patient_out(check_cases(scores, labels), metric)
    named = leave_one_patient_out(check_cases(scores, labels, np.arange(len(labels))), metric)
    np.testing.assert_allclose(plain[1], named[1], atol=1e-14)


def test_auroc_takes_any_score_and_only_its_order() -> None:
    scores, labels, patients = cases_of("binary", 1)
    expected = leave_one_patient_out(check_cases(scores, labels, patients), "auroc")
    logits = leave_one_patient_out(check_cases(np.exp(5 * scores) - 70, labels, patients), "auroc")
    np.testing.assert_array_equal(expected[1], logits[1])


def test_the_threshold_is_exceeded_not_met() -> None:
    cases = check_cases([[0.5, 0.6, 0.4, 0.7]], [0, 1, 0, 1])
    assert leave_one_patient_out(cases, "accuracy", 0.5)[0] == 1
    assert leave_one_patient_out(cases, "accuracy", 0.65)[0] == 0.75


def test_each_training_is_judged_at_its_own_threshold() -> None:
    scores = [[0.5, 0.6, 0.4, 0.7], [0.5, 0.6, 0.4, 0.7]]
    cases = check_cases(scores, [0, 1, 0, 1])
    assert leave_one_patient_out(cases, "accuracy", [0.5, 0.65])[0].tolist() == [1, 0.75]


@pytest.mark.parametrize(
    ("labels", "patients", "reason"),
    [
        ([1, 1, 1, 1], None, "a class other than 1"),
        ([0, 0, 0, 0], None, "class 1"),
        ([0, 0, 0, 1], None, "class 1"),
        ([0, 1, 0, 1], ["a", "a", "a", "a"], "no two patients"),
        ([0, 1, 0, 1], ["a", "b", "a", "b"], "no two patients"),
    ],
)
def test_too_few_patients_of_a_class_are_refused(labels: list[int], patients: list[str] | None, reason: str) -> None:
    cases = check_cases([[0.1, 0.2, 0.3, 0.4]], labels, patients)
    with pytest.raises(NotComparable, match=reason):
        leave_one_patient_out(cases, "auroc")


@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        ([[0.1, np.nan]], [0, 1], "1 of 2 scores are not finite"),
        ([[0.1, np.inf]], [0, 1], "not finite"),
        ([[0.1, 0.2]], [0, 2], "whole numbers from 0 to 1"),
        ([[0.1, 0.2]], [0, np.nan], "whole numbers"),
        ([[0.1, 0.2]], [0, 1, 1], "do not go with"),
        ([0.1, 0.2], [0, 1], "do not go with"),
        (np.zeros((1, 0)), [], "do not go with"),
    ],
)
def test_what_does_not_fit_is_refused(scores: list, labels: list, reason: str) -> None:
    with pytest.raises(NotComparable, match=reason):
        check_cases(scores, labels)


def test_ids_must_be_one_an_image() -> None:
    with pytest.raises(NotComparable, match="3 patient ids for 2 images"):
        check_cases([[0.1, 0.2]], [0, 1], ["a", "b", "c"])


def test_brier_needs_probabilities() -> None:
    with pytest.raises(NotComparable, match="probabilities"):
        leave_one_patient_out(check_cases([[1.5, 0.2]], [0, 1]), "brier")


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(MedxferError, match="unknown metric 'auc': did you mean auroc"):
        leave_one_patient_out(check_cases([[0.5, 0.2]], [0, 1]), "auc")


def fold_auroc(scores: np.ndarray, positive: np.ndarray, fold: np.ndarray) -> float:
    """The correctly ranked share of all pairs within a fold, pair by pair."""
    won = [
        (scores[i] > scores[j]) + (scores[i] == scores[j]) / 2
        for i in np.flatnonzero(positive)
        for j in np.flatnonzero(~positive)
        if fold[i] == fold[j]
    ]
    return float(np.mean(won))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), divided=st.booleans())
def test_auroc_of_folds_equals_counting_pairs_within_a_fold(seed: int, divided: bool) -> None:
    """`divided`: images of a patient in several folds, as when a patient was seen in two hospitals."""
    scores, labels, patients = cases_of("binary", seed)
    rng, ids = np.random.default_rng(seed), np.unique(patients)
    owner = np.searchsorted(ids, patients)
    folds = rng.integers(0, 3, scores.shape) if divided else rng.integers(0, 3, (len(scores), len(ids)))[:, owner]
    try:
        full, without = leave_one_patient_out(check_cases(scores, labels, patients, folds), "auroc")
    except NotComparable:
        return  # a class of one patient, or no pair is left
    for r, (of_training, fold) in enumerate(zip(scores, folds, strict=True)):
        assert full[r] == pytest.approx(fold_auroc(of_training, labels == 1, fold))
        for i, one in enumerate(ids):
            rest = patients != one
            assert without[r, i] == pytest.approx(fold_auroc(of_training[rest], labels[rest] == 1, fold[rest]))


def test_one_fold_is_no_fold_and_scales_of_networks_do_not_matter() -> None:
    scores, labels, patients = cases_of("binary", 3)
    plain = leave_one_patient_out(check_cases(scores, labels, patients), "auroc")
    one = leave_one_patient_out(check_cases(scores, labels, patients, np.zeros_like(scores)), "auroc")
    assert np.allclose(plain[0], one[0])
    assert np.allclose(plain[1], one[1])
    folds = np.random.default_rng(0).integers(0, 2, scores.shape)
    as_it_is = leave_one_patient_out(check_cases(scores, labels, patients, folds), "auroc")
    rescaled = leave_one_patient_out(check_cases(scores + 5 * folds, labels, patients, folds), "auroc")
    assert np.allclose(as_it_is[0], rescaled[0])


def test_the_threshold_can_be_each_images_own() -> None:
    scores, labels, patients = cases_of("binary", 4)
    limits = np.random.default_rng(1).random(scores.shape)
    full, _ = leave_one_patient_out(check_cases(scores, labels, patients), "accuracy", limits)
    assert np.allclose(full, ((scores > limits) == labels).mean(1))
