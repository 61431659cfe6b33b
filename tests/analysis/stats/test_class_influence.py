"""Shares of one class: their leave-one-patient-out values are those of computing again without the patient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from medxfer.analysis.stats.influence import NotComparable, check_cases, leave_one_patient_out

SHARES = ("sensitivity", "specificity", "PPV", "NPV")


def refitted(name: str, truth: np.ndarray, called: np.ndarray) -> float:
    of = {"sensitivity": truth, "specificity": ~truth, "PPV": called, "NPV": ~called}[name]
    right = {"sensitivity": called, "specificity": ~called, "PPV": truth, "NPV": ~truth}[name]
    return float(right[of].mean()) if of.any() else float("nan")


def drawn(kind: str, seed: int):
    """(scores, labels, patients, threshold, truth(k), called(k)) of two trainings, with ties and several images."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(12), rng.integers(1, 4, 12))
    n = len(patients)
    threshold = np.array([0.4, 0.6])
    if kind == "binary":
        scores, labels = rng.integers(0, 11, (2, n)) / 10, rng.integers(0, 2, n)
        called = lambda k: (scores > threshold[:, None]) == k  # noqa: E731
        return scores, labels, patients, threshold, lambda k: labels == k, called, lambda k: scores
    scores = rng.integers(0, 11, (2, n, 3)) / 10
    if kind == "labels":
        labels = rng.integers(0, 2, (n, 3))
        called = lambda k: scores[..., k] > threshold[:, None]  # noqa: E731
        return scores, labels, patients, threshold, lambda k: labels[:, k] == 1, called, lambda k: scores[..., k]
    labels = rng.integers(0, 3, n)
    called = lambda k: scores.argmax(axis=2) == k  # noqa: E731
    return scores, labels, patients, threshold, lambda k: labels == k, called, lambda k: scores[..., k]


@given(kind=st.sampled_from(["binary", "classes", "labels"]), seed=st.integers(0, 10_000), k=st.integers(0, 2))
def test_shares_of_a_class_are_those_of_refitting(kind: str, seed: int, k: int) -> None:
    k = 1 if kind == "binary" else k
    scores, labels, patients, threshold, truth, called, score_of = drawn(kind, seed)
    cases = check_cases(scores, labels, patients)
    for name in (*SHARES, "auroc"):
        expected = np.empty((2, 1 + 12))
        for i, left in enumerate([None, *range(12)]):
            keep = patients != left if left is not None else np.ones(len(patients), bool)
            for t in range(2):
                if name == "auroc":
                    both = 0 < truth(k)[keep].mean() < 1
                    expected[t, i] = roc_auc_score(truth(k)[keep], score_of(k)[t][keep]) if both else np.nan
                else:
                    expected[t, i] = refitted(name, truth(k)[keep], called(k)[t][keep])
        if np.isnan(expected).any():
            with pytest.raises(NotComparable):
                leave_one_patient_out(cases, f"{name}:{k}", threshold)
            continue
        full, without = leave_one_patient_out(cases, f"{name}:{k}", threshold)
        assert full == pytest.approx(expected[:, 0], abs=1e-12)
        assert without == pytest.approx(expected[:, 1:], abs=1e-12)


def test_the_mean_of_sensitivity_and_specificity_is_balanced_accuracy() -> None:
    scores, labels, patients, threshold, *_ = drawn("binary", 3)
    cases = check_cases(scores, labels, patients)
    parts = [leave_one_patient_out(cases, f"{name}:1", threshold) for name in ("sensitivity", "specificity")]
    full, without = leave_one_patient_out(cases, "balanced_accuracy", threshold)
    assert np.mean([one for one, _ in parts], axis=0) == pytest.approx(full)
    assert np.mean([one for _, one in parts], axis=0) == pytest.approx(without)
