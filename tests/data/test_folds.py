"""Folds: every patient is tested once a training, and never by a network that has seen the patient."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import make_pictures
from releases import compose_cell

from medxfer.base.errors import MedxferError
from medxfer.data.split import SplitSettings
from medxfer.data.split.draw import LEFT_OUT, draw_folds, parts_of_fold
from medxfer.training.prepare import cells_of, prepare
from medxfer.training.settled_cell import Prepared


@st.composite
def shared_pictures(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray, int]:
    """Patients of two classes with one to three images each, some of them with a picture of another patient."""
    folds = draw(st.integers(2, 5))
    patients, labels = [], []
    for cls in (0, 1):
        for _ in range(draw(st.integers(max(6, folds + 1), 12))):
            patients += [len(set(patients))] * (images := draw(st.integers(1, 3)))
            labels += [cls] * images
    pixels = list(range(len(patients)))
    if draw(st.booleans()):
        pixels[1] = pixels[0]
    table = pd.DataFrame({"patient": patients, "split": "", "pixels": pixels})
    return table, np.array(labels), folds


@settings(max_examples=60, deadline=None)
@given(shared_pictures(), st.integers(0, 3))
def test_each_image_is_tested_once_and_no_patient_or_picture_is_on_both_sides(data, seed):
    images, labels, folds = data
    fold = draw_folds(images, labels, ("a", "b"), folds, (0, seed, 4))
    assert set(fold) == set(range(folds))
    tested = np.zeros(len(images), int)
    for k in range(folds):
        parts = parts_of_fold(images, labels, ("a", "b"), fold, k, 0.25, (0, seed, 5))
        tested += parts == "test"
        for what in ("patient", "pixels"):
            assert images.assign(part=parts).groupby(what)["part"].nunique().max() == 1
        assert {(part, label) for part, label in zip(parts, labels, strict=True)} == {
            (part, label) for part in ("train", "val", "test") for label in (0, 1)
        }
    assert (tested == 1).all()


def test_folds_are_even_in_patients_of_each_class():
    images = pd.DataFrame({"patient": range(103), "split": "", "pixels": range(103)})
    labels = (np.arange(103) < 23).astype(int)
    fold = draw_folds(images, labels, ("a", "b"), 5, (0, 0, 4))
    for cls, total in ((0, 80), (1, 23)):
        counts = np.bincount(fold[labels == cls], minlength=5)
        assert counts.sum() == total
        assert np.ptp(counts) <= 1


def test_folds_of_several_labels_are_even_in_patients_without_any():
    images = pd.DataFrame({"patient": range(200), "split": "", "pixels": range(200)})
    labels = (np.random.default_rng(0).random((200, 2)) < (0.2, 0.1)).astype(np.float32)
    fold = draw_folds(images, labels, ("a", "b"), 5, (0, 0, 4))
    without = np.bincount(fold[~labels.any(1)], minlength=5)
    assert without.sum() > 100
    assert np.ptp(without) <= 1
    parts = parts_of_fold(images, labels, ("a", "b"), fold, 0, 0.25, (0, 0, 5))
    of_val, of_train = ((~labels[parts == part].any(1)).mean() for part in ("val", "train"))
    assert of_val == pytest.approx(of_train, abs=0.05)


def test_every_seed_divides_anew_and_the_same_seed_the_same():
    images = pd.DataFrame({"patient": range(40), "split": "", "pixels": range(40)})
    labels = np.arange(40) % 2
    drawn = [draw_folds(images, labels, ("a", "b"), 4, (0, seed, 4)) for seed in (0, 0, 1)]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()


def test_an_official_test_part_is_left_alone():
    images = pd.DataFrame({"patient": range(40), "split": ["test"] * 10 + ["val"] * 5 + [""] * 25, "pixels": range(40)})
    fold = draw_folds(images, np.arange(40) % 2, ("a", "b"), 3, (0, 0, 4))
    assert (fold[:10] == LEFT_OUT).all()
    assert (fold[10:] >= 0).all()
    parts = parts_of_fold(images, np.arange(40) % 2, ("a", "b"), fold, 0, 0.25, (0, 0, 5))
    assert (parts[:10] == "").all()
    assert set(parts[10:]) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"folds": 3, "groups": "site"}, "leave data.split.folds out"),
        ({"groups": "site", "file": "x.csv"}, "leave data.split.file out"),
        ({"folds": 3, "resample": True}, "leave data.split.resample out"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(asked, words):
    with pytest.raises(MedxferError, match=words):
        SplitSettings(**asked)


@pytest.fixture
def pictures(tmp_path):
    return make_pictures(tmp_path / "in", n=60)


def trained_by(folder, pictures, *overrides) -> list[Prepared]:
    """The cells of one training; the first refusal is raised."""
    return [prepare(one) for one in cells_of(compose_cell(folder, "data=images", f"data.root={pictures}", *overrides))]


def test_a_training_has_a_cell_for_each_fold_and_the_study_keeps_the_division(tmp_path, pictures):
    cells = trained_by(tmp_path, pictures, "data.split.folds=3")
    assert [cell.cell.factors["fold"] for cell in cells] == [0, 1, 2]
    assert len({cell.cell.name for cell in cells}) == 3
    assert (sum((cell.parts == "test").astype(int) for cell in cells) == 1).all()
    (kept,) = cells[0].cell.study.folder.glob("splits/*.parquet")
    assert list(pd.read_parquet(kept)) == ["image", "patient", "fold", "part_0", "part_1", "part_2"]
    for given_back in (f"data.split.file={kept}", f"data.split.file={kept}"):
        again = trained_by(tmp_path / "again", pictures, given_back)
        assert all(((a.parts == "test") == (b.parts == "test")).all() for a, b in zip(again, cells, strict=True))


def test_one_fold_can_be_asked_for_and_one_that_is_not_is_refused(tmp_path, pictures):
    (cell,) = trained_by(tmp_path, pictures, "data.split.folds=3", "fold=2")
    assert cell.cell.factors["fold"] == 2
    with pytest.raises(MedxferError, match="the folds are 0 to 2"):
        trained_by(tmp_path, pictures, "data.split.folds=3", "fold=3")
    with pytest.raises(MedxferError, match="the patients are divided once"):
        trained_by(tmp_path, pictures, "fold=0")


def test_more_folds_than_patients_of_a_class_are_refused(tmp_path, pictures):
    with pytest.raises(MedxferError, match=r"data\.split\.folds=40: '.*' has \d+ patients"):
        trained_by(tmp_path, pictures, "data.split.folds=40")


def with_sites(pictures, sites):
    table = pd.read_csv(pictures / "labels.csv")
    table["hospital"] = [sites[place % len(sites)] for place in range(len(table))]
    table.to_csv(pictures / "labels.csv", index=False)
    return table


def test_a_site_is_tested_by_networks_that_saw_none_of_its_patients(tmp_path, pictures):
    table = pd.read_csv(pictures / "labels.csv")
    number = table["patient_id"].factorize()[0]
    table["hospital"] = np.where(number % 3 == 0, "north", "south")
    table.loc[table.index[number == 0][:1], "hospital"] = "south"  # a patient of both
    table.to_csv(pictures / "labels.csv", index=False)
    cells = trained_by(tmp_path, pictures, "data.split.groups=hospital")
    assert cells[0].split.sites == ("north", "south")
    patients = cells[0].store.images["patient"].to_numpy()
    site = table["hospital"].to_numpy()[np.argsort(np.argsort(cells[0].store.rows))]
    for cell, name in zip(cells, cells[0].split.sites, strict=True):
        assert ((cell.parts == "test") == (site == name)).all()
        assert not set(patients[cell.parts == "test"]) & set(patients[np.isin(cell.parts, ("train", "val"))])


def test_a_site_that_lacks_a_class_is_named(tmp_path, pictures):
    table = pd.read_csv(pictures / "labels.csv")
    first = table["label"].iloc[0]
    table["hospital"] = np.where(table["label"] == first, "north", "south")
    table.to_csv(pictures / "labels.csv", index=False)
    with pytest.raises(MedxferError, match=r"fold '(north|south)' has 0 patients with"):
        trained_by(tmp_path, pictures, "data.split.groups=hospital")


def test_a_column_that_is_absent_or_has_gaps_is_named(tmp_path, pictures):
    with pytest.raises(MedxferError, match=r"groups=hospital: the table of this data set has no such column; none of"):
        trained_by(tmp_path, pictures, "data.split.groups=hospital")  # that of labels would be refused
    with_sites(pictures, ["north", ""])
    with pytest.raises(MedxferError, match="30 of 60 images have no value there"):
        trained_by(tmp_path / "gaps", pictures, "data.split.groups=hospital")
    table = pd.read_csv(pictures / "labels.csv")
    groups = table["patient_id"].factorize()[0] % 2
    table.assign(ward=groups, site=groups + 5, room=range(len(table))).to_csv(pictures / "labels.csv", index=False)
    with pytest.raises(
        MedxferError, match=r"groups=city: the table of this data set has no such column; choose ward or site$"
    ):
        trained_by(tmp_path / "wards", pictures, "data.split.groups=city")


def test_folds_of_nnunet_are_taken_by_patient_or_by_file(tmp_path, pictures):
    table = pd.read_csv(pictures / "labels.csv")
    patients = sorted(set(table["patient_id"]))
    for key, names in {"patients": patients, "files": [path.partition(".")[0] for path in table["path"]]}.items():
        owner = (
            dict(zip(names, patients, strict=True))
            if key == "patients"
            else dict(zip(names, table["patient_id"], strict=True))
        )
        tested = [[name for name in names if patients.index(owner[name]) % 3 == fold] for fold in range(3)]
        path = tmp_path / f"{key}.json"
        path.write_text(json.dumps([{"train": [n for n in names if n not in of], "val": of} for of in tested]))
        cells = trained_by(tmp_path / key, pictures, f"data.split.file={path}")
        assert [int((cell.parts == "test").sum()) for cell in cells] == [
            int(table["patient_id"].map(patients.index).mod(3).eq(fold).sum()) for fold in range(3)
        ]


def test_a_case_that_is_tested_twice_or_a_patient_in_two_folds_is_refused(tmp_path, pictures):
    path = tmp_path / "splits_final.json"
    path.write_text(json.dumps([{"train": ["a"], "val": ["b"]}, {"train": ["a"], "val": ["b"]}]))
    with pytest.raises(MedxferError, match="each case must be in the val of exactly one fold"):
        trained_by(tmp_path, pictures, f"data.split.file={path}")
    table = pd.read_csv(pictures / "labels.csv")
    table.assign(fold=np.arange(len(table)) % 2)[["path", "fold"]].to_csv(tmp_path / "folds.csv", index=False)
    with pytest.raises(MedxferError, match="in two folds"):
        trained_by(tmp_path, pictures, f"data.split.file={tmp_path / 'folds.csv'}")
