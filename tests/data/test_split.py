"""Splits: laws that hold for any data set, and the cases that trip others."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medxfer.base.errors import MedxferError
from medxfer.data.split import SplitSettings, split_images, training_subset
from medxfer.data.split.together import kept_together


def table(patients: list[int], pixels: list[int] | None = None, split: list[str] | None = None) -> pd.DataFrame:
    n = len(patients)
    return pd.DataFrame({"patient": patients, "split": split or [""] * n, "pixels": pixels or list(range(n))})


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...]]:
    """Patients with one to four images and one label each; every class has at least three patients."""
    classes = draw(st.integers(2, 4))
    of_class = draw(st.lists(st.integers(3, 12), min_size=classes, max_size=classes))
    patients, labels = [], []
    for cls, count in enumerate(of_class):
        for _ in range(count):
            images = draw(st.integers(1, 4))
            patients += [len(set(patients))] * images
            labels += [cls] * images
    return table(patients), np.array(labels), tuple("abcd"[:classes])


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.integers(0, 5), st.integers(0, 5))
def test_no_patient_is_divided_and_every_part_has_every_class(data, seed, training_seed):
    images, labels, classes = data
    parts = split_images(images, labels, classes, SplitSettings(seed=seed), training_seed)
    assert images.assign(part=parts).groupby("patient")["part"].nunique().max() == 1
    for part in ("train", "val", "test"):
        assert set(labels[parts == part]) == set(range(len(classes)))
    assert set(parts) == {"train", "val", "test"}


@settings(max_examples=30, deadline=None)
@given(data_sets(), st.integers(0, 5))
def test_the_training_seed_moves_train_and_val_only_where_asked_and_test_never(data, seed):
    images, labels, classes = data
    fixed = [split_images(images, labels, classes, SplitSettings(seed=seed), s) for s in (0, 1)]
    assert (fixed[0] == fixed[1]).all()
    drawn = [split_images(images, labels, classes, SplitSettings(seed=seed, resample=True), s) for s in range(6)]
    assert all(((one == "test") == (drawn[0] == "test")).all() for one in drawn)
    assert ((drawn[0] == "test") == (fixed[0] == "test")).all()


def test_resample_redraws_train_and_val():
    images, labels = table(list(range(60))), np.arange(60) % 2
    drawn = [split_images(images, labels, ("a", "b"), SplitSettings(resample=True), seed) for seed in (0, 1)]
    assert (drawn[0] != drawn[1]).any()


@settings(max_examples=30, deadline=None)
@given(data_sets(), st.integers(0, 5), st.floats(0.05, 1), st.floats(0.05, 1))
def test_training_fractions_are_nested_whole_patients_with_every_class(data, seed, a, b):
    images, labels, classes = data
    small, large = (training_subset(images, labels, fraction, seed) for fraction in sorted((a, b)))
    assert (large | ~small).all()
    for taken in (small, large):
        assert images.assign(taken=taken).groupby("patient")["taken"].nunique().max() == 1
        assert set(labels[taken]) == set(range(len(classes)))
    assert training_subset(images, labels, 1.0, seed).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 1), st.floats(0.05, 1))
def test_multi_label_fractions_are_nested_whole_patients_and_as_large_as_asked(seed, a, b):
    rng = np.random.default_rng(seed)
    images = table(rng.integers(0, 300, 600).tolist())
    labels = (rng.random((600, 8)) < rng.uniform(0.02, 0.5, 8)).astype(np.float32)  # hundreds of sets of labels
    patients = images["patient"].nunique()
    small, large = (training_subset(images, labels, fraction, seed) for fraction in sorted((a, b)))
    assert (large | ~small).all()
    for taken, fraction in ((small, min(a, b)), (large, max(a, b))):
        assert images.assign(taken=taken).groupby("patient")["taken"].nunique().max() == 1
        assert (labels[taken].sum(0) > 0).tolist() == (labels.sum(0) > 0).tolist()
        assert images["patient"][taken].nunique() == pytest.approx(fraction * patients, abs=9 + 8)
    assert training_subset(images, labels, 1.0, seed).all()


def test_shares_are_close_to_what_was_asked():
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 400, 1200).tolist()
    labels = np.array([patient % 3 == 0 for patient in patients]).astype(int)
    parts = split_images(table(patients), labels, ("a", "b"), SplitSettings(), 0)
    for part, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
        assert np.mean(parts == part) == pytest.approx(share, abs=0.02)
        assert labels[parts == part].mean() == pytest.approx(labels.mean(), abs=0.02)


def test_a_patient_with_both_labels_stays_on_one_side():
    patients = [i // 2 for i in range(40)]
    labels = np.array([0, 1] * 20)
    parts = split_images(table(patients), labels, ("a", "b"), SplitSettings(), 0)
    assert (parts[::2] == parts[1::2]).all()


def test_patients_who_share_a_picture_stay_together():
    images = table(list(range(30)), pixels=[0, *range(1, 29), 0])
    labels = np.arange(30) % 2
    for seed in range(10):
        parts = split_images(images, labels, ("a", "b"), SplitSettings(seed=seed), 0)
        assert parts[0] == parts[29]


def test_multi_label_parts_have_patients_without_any_label_as_all_have():
    """Most patients of a screening have no finding; without them specificity and AUROC are of another population."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(600), rng.integers(1, 4, 600))
    of_patient = (rng.random((600, 3)) < (0.2, 0.1, 0.05)).astype(np.float32)
    labels = of_patient[patients] * (rng.random((len(patients), 3)) < 0.7)  # not in each image
    without = ~pd.DataFrame(labels).groupby(patients).any().any(axis=1).to_numpy()[patients]
    parts = split_images(table(patients.tolist()), labels, tuple("abc"), SplitSettings(seed=3), 0)
    for part, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
        assert np.mean(parts == part) == pytest.approx(share, abs=0.02)
        assert without[parts == part].mean() == pytest.approx(without.mean(), abs=0.02)
        np.testing.assert_allclose(labels[parts == part].mean(0), labels.mean(0), atol=0.02)


@st.composite
def multi_label_sets(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...]]:
    """Patients with one to three images, each with any set of labels; six patients have each label alone."""
    classes = draw(st.integers(2, 5))
    alone = [[row] for row in np.repeat(np.eye(classes), 6, axis=0)]
    findings = st.lists(st.integers(0, 1), min_size=classes, max_size=classes)
    others = draw(st.lists(st.lists(findings, min_size=1, max_size=3), max_size=30))
    images = [(number, label) for number, patient in enumerate([*alone, *others]) for label in patient]
    return table([n for n, _ in images]), np.array([label for _, label in images], np.float32), tuple("abcde"[:classes])


@settings(max_examples=40, deadline=None)
@given(multi_label_sets(), st.integers(0, 5))
def test_multi_label_keeps_patients_whole_and_every_label_everywhere(data, seed):
    images, labels, classes = data
    parts = split_images(images, labels, classes, SplitSettings(seed=seed), 0)
    assert images.assign(part=parts).groupby("patient")["part"].nunique().max() == 1
    for part in ("train", "val", "test"):
        assert (labels[parts == part].sum(0) > 0).all()


@settings(max_examples=40, deadline=None)
@given(data_sets(), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["test", "val", "both"]), st.booleans())
def test_parts_that_are_given_are_kept_and_the_rest_is_drawn(data, seed, training_seed, which, resample):
    images, labels, classes = data
    drawn = split_images(images, labels, classes, SplitSettings(seed=seed), 0)
    keep = {"test": ["test"], "val": ["val"], "both": ["test", "val"]}[which]
    given = images.assign(split=np.where(np.isin(drawn, keep), drawn, ""))
    again = SplitSettings(seed=seed + 1, resample=resample)
    parts = split_images(given, labels, classes, again, training_seed)
    for part in keep:
        if part == "test" or not resample:
            assert ((parts == part) == (drawn == part)).all()
    assert set(parts) == {"train", "val", "test"}
    assert images.assign(part=parts).groupby("patient")["part"].nunique().max() == 1


def test_shares_that_leave_nothing_are_refused():
    for shares in ({"val": 0.5, "test": 0.5}, {"val": 0}, {"test": -0.1}):
        with pytest.raises(MedxferError, match=r"data\.split\.val=.*some images for training"):
            SplitSettings(**shares)


def test_pictures_join_patients_within_the_given_parts_only():
    images = table(list(range(30)), pixels=[0, 0, *range(2, 29), 0], split=["train"] * 20 + ["test"] * 10)
    labels = np.arange(30) % 2
    for seed in range(10):
        parts = split_images(images, labels, ("a", "b"), SplitSettings(seed=seed), 0)
        assert parts[0] == parts[1]
        assert (parts[20:] == "test").all()


def test_official_parts_are_kept_and_a_missing_val_is_drawn_from_train():
    split = ["train"] * 20 + ["test"] * 10
    labels = np.arange(30) % 2
    parts = split_images(table(list(range(30)), split=split), labels, ("a", "b"), SplitSettings(), 0)
    assert (parts[20:] == "test").all()
    assert set(parts[:20]) == {"train", "val"}
    whole = ["train"] * 10 + ["val"] * 10 + ["test"] * 10
    assert (split_images(table(list(range(30)), split=whole), labels, ("a", "b"), SplitSettings(), 0) == whole).all()


def test_an_official_split_that_divides_a_patient_is_refused():
    images = table([0, 0, *range(1, 29)], split=["train", "test"] * 15)
    with pytest.raises(MedxferError, match="1 patient in two parts"):
        split_images(images, np.arange(30) % 2, ("a", "b"), SplitSettings(), 0)


def test_a_class_with_fewer_than_three_patients_is_refused_by_name():
    labels = np.array([0] * 10 + [1] * 2)
    with pytest.raises(MedxferError, match="'rare' has 2"):
        split_images(table(list(range(12))), labels, ("common", "rare"), SplitSettings(), 0)


@st.composite
def given_parts(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray]:
    """Images of 12 to 24 patients a class, some with one picture in common, some with a given part; every class has
    four patients that share nothing and are given nothing."""
    rows = []
    for label in range(2):
        for patient in range(draw(st.integers(12, 24))):
            part = draw(st.sampled_from(["", "", "train", "val", "test"])) if patient >= 4 else ""
            for image in range(draw(st.integers(1, 3))):
                shared = draw(st.booleans()) and patient >= 4
                picture = f"shared {draw(st.integers(0, 5))}" if shared else f"{label} {patient} {image}"
                rows.append((f"{label} {patient}", picture, part if draw(st.integers(0, 3)) else "", label))
    found = pd.DataFrame(rows, columns=["patient", "pixels", "split", "label"])
    return found.drop(columns="label"), found["label"].to_numpy()


@settings(max_examples=60, deadline=None)
@given(given_parts(), st.integers(0, 3), st.booleans())
def test_given_parts_leave_no_patient_and_no_picture_on_two_sides(data, seed, resample):
    images, labels = data
    asked = SplitSettings(seed=seed, resample=resample)
    parts = [split_images(images, labels, ("a", "b"), asked, training_seed) for training_seed in (0, 1)]
    for part in parts:
        used = images.assign(part=part)[part != ""]
        for what in ("patient", "pixels"):
            assert used.groupby(what)["part"].nunique().max() == 1, what
        kept = ["test"] if resample else ["train", "val", "test"]
        still_given = images["split"].isin(kept) & (part != "")
        has = set(kept_together(images, resample).images["split"])  # a part that is missing is drawn, also from train
        certain = still_given & ((images["split"] != "train") | ({"val", "test"} <= has))
        assert (part[certain] == images["split"][certain]).all()
        assert not ((images["split"] == "test") & (part != "test")).any()  # nothing of it is lost
    assert ((parts[0] == "test") == (parts[1] == "test")).all()


def test_a_drawn_patient_goes_to_the_part_whose_picture_or_patient_it_shares():
    images = table(list(range(30)), pixels=[100, *range(1, 29), 100], split=[""] * 29 + ["test"])
    images.loc[5, ["patient", "split"]] = [6, "val"]  # an image of patient 6 is given, the other is not
    kept = kept_together(images)
    assert kept.images["split"][[0, 5, 6, 29]].tolist() == ["test", "val", "val", "test"]
    assert (kept.joined, kept.unused) == (1, 0)


def test_of_two_given_parts_with_one_picture_the_one_held_out_keeps_it():
    images = table(list(range(30)), pixels=[100, *range(1, 29), 100], split=["train"] * 20 + ["val"] * 5 + ["test"] * 5)
    images.loc[3, "pixels"] = images["pixels"][22]
    kept = kept_together(images)
    assert kept.images["split"][[0, 29, 3, 22]].tolist() == ["unused", "test", "unused", "val"]
    assert (kept.joined, kept.unused) == (0, 2)
    assert (
        split_images(images, np.arange(30) % 2, ("a", "b"), SplitSettings(), 0)[[0, 29, 3]] == ["", "test", ""]
    ).all()
