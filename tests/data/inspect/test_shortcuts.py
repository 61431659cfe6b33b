"""What is told before any training: counts, equal pictures, and header fields that tell the label."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medxfer.data.inspect.shortcuts import class_counts, duplicates, shortcuts

N = 400


def patients(images_each: int = 2) -> pd.Series:
    return pd.Series([f"P{i // images_each}" for i in range(N)])


def one(values, labels, who=None, classes=("a", "b")):
    (found,) = shortcuts(
        pd.DataFrame({"manufacturer": values}), np.asarray(labels), patients() if who is None else who, classes
    )
    return found


def test_classes_are_counted_by_image_and_by_patient():
    who = pd.Series(["P1", "P1", "P2", "P3"])
    every = np.ones(4, bool)
    counted = [("a", 2, 1), ("b", 2, 2)]
    assert class_counts(np.array([0, 0, 1, 1]), who, ("a", "b"), every) == counted
    findings = np.array([[1, 1], [0, 1], [0, 0], [0, 1]], np.float32)
    assert class_counts(findings, who, ("a", "b"), every) == [("a", 1, 1), ("b", 3, 2)]
    some = class_counts(findings, who, ("a", "b"), np.array([False, True, True, True]))
    assert some == [("a", 0, 0), ("b", 2, 2)]


def test_equal_pictures_are_counted_and_their_labels_compared():
    images = pd.DataFrame({"patient": list("aabbc"), "pixels": list("xxyyx")})
    assert list(duplicates(images, np.array([0, 0, 1, 0, 0])).values()) == [2, 1, 1]
    assert list(duplicates(images.assign(pixels=list("vwxyz")), np.arange(5)).values()) == [0, 0, 0]


def test_a_field_that_is_the_label_tells_it():
    labels = np.arange(N) // 2 % 2
    found = one(np.where(labels, "Siemens", "GE"), labels)
    assert (found.accuracy, found.chance, found.tells) == (1, 0.5, True)


def test_a_rare_value_of_each_patients_own_tells_nothing():
    labels = np.arange(N) // 2 % 2
    found = one(patients(), labels)  # as many values as patients: known by heart, it would tell everything
    assert found.accuracy == pytest.approx(0.5)
    assert not found.tells


def test_the_majority_class_earns_nothing():
    labels = (np.arange(N) // 2 % 10 == 0).astype(int)
    values = np.random.default_rng(0).choice(["A", "B"], N)
    assert one(values, labels).accuracy == pytest.approx(0.5, abs=0.12)


def test_a_field_with_one_value_is_not_listed():
    assert shortcuts(pd.DataFrame({"view": ["PA"] * N}), np.arange(N) % 2, patients(), ("a", "b")) == []


def test_in_a_multi_label_task_each_finding_has_its_own():
    findings = np.stack([np.arange(N) // 2 % 2, np.arange(N) // 4 % 2], 1).astype(np.float32)
    values = pd.DataFrame({"view": np.where(findings[:, 1] > 0, "AP", "PA")})
    first, second = shortcuts(values, findings, patients(), ("edema", "mass"))
    assert (first.label, first.accuracy) == ("mass", 1)
    assert (second.label, second.tells) == ("edema", False)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 4))
def test_what_has_nothing_to_do_with_the_label_is_near_chance(seed, values, classes):
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(classes), rng.integers(0, classes, N - classes)]
    found = one(rng.integers(0, values, N), labels, pd.Series(np.arange(N)), tuple("abcd"[:classes]))
    # Cross-validation of nothing falls below chance rather than above it: of 6,000 draws from -5.8 to 4.4 errors.
    assert -8 * found.se < found.accuracy - found.chance < 6 * found.se
    assert 0 <= found.accuracy <= 1
