"""Data sets that the report will only describe are told of before the training, with what to change."""

import re

import numpy as np
import pandas as pd
import pytest
from pictures import make_pictures
from releases import picture, prepared

from medxfer.data.__main__ import main
from medxfer.data.inspect.few_patients import few_patients
from medxfer.data.split.draw import parts_of_fold


def checked(root, tmp_path, capsys, *overrides: str) -> str:
    assert main(["check", "data=images", f"data.root={root}", f"store.root={tmp_path / 'cache'}", "image_size=16",
                 *overrides]) == 0  # fmt: skip
    return " ".join(capsys.readouterr().out.split())


def test_check_says_it_after_the_split_and_not_where_there_are_enough(tmp_path, capsys):
    few, enough = (make_pictures(tmp_path / str(n), n=n) for n in (30, 60))  # half as many patients, with both classes
    said = checked(few, tmp_path, capsys)
    assert "Note: 3 test patients with a and 3 test patients with b: the report will describe and not judge" in said
    assert "it takes 5 test patients of each class; test every patient by data.split.folds=5, or add patients" in said
    assert ", or raise data.split.test= (0.2 now)." in said
    assert "describe and not judge" not in checked(few, tmp_path, capsys, "data.split.test=0.4")
    assert "describe and not judge" not in checked(few, tmp_path, capsys, "data.split.folds=5")
    assert "describe and not judge" not in checked(enough, tmp_path, capsys)


def test_a_class_that_is_too_rare_for_any_share_needs_more_patients(tmp_path, capsys):
    root = make_pictures(tmp_path / "in", n=60)
    table = pd.read_csv(root / "labels.csv").assign(label=["a" if i < 14 else "b" for i in range(60)])
    table.to_csv(root / "labels.csv", index=False)
    said = checked(root, tmp_path, capsys)
    assert "1 test patient with a: the report will describe" in said
    assert "test every patient by data.split.folds=5, or add patients." in said
    rarer = make_pictures(tmp_path / "rarer", n=60)
    table.assign(label=["a" if i < 8 else "b" for i in range(60)]).to_csv(rarer / "labels.csv", index=False)
    for division in ([], ["data.split.folds=4"]):
        said = checked(rarer, tmp_path, capsys, *division)
        assert re.search(
            r"(1 test patient|4 test patients) with a: the report will describe.* add patients of it\.", said
        )
        assert "data.split.test=" not in said


def test_folds_are_recommended_where_a_split_tests_few_and_nothing_is_given(tmp_path, capsys):
    root = make_pictures(tmp_path / "in", n=60)
    said = checked(root, tmp_path, capsys)
    assert "data.split.folds=5 is recommended: 6 patients of 30 are tested now, folds test all of them" in said
    said = checked(root, tmp_path, capsys, "data.split.folds=5")
    assert "recommended" not in said
    assert re.search(r"Folds: images \(patients\) class fold 0 fold 1 fold 2 fold 3 fold 4 a 6 \(6\)", said)


def test_folds_leave_an_official_test_part_alone_and_check_shows_it(tmp_path, capsys):
    for number in range(60):
        picture(tmp_path / f"in/{'test' if number < 20 else 'train'}/{'ab'[number % 2]}/{number}.png")
    assert "recommended" not in checked(tmp_path / "in", tmp_path, capsys, "data=tree")
    said = checked(tmp_path / "in", tmp_path, capsys, "data=tree", "data.split.folds=5")
    assert "a 4 (4) 4 (4) 4 (4) 4 (4) 4 (4)" in said  # of the 20 images of it in train
    said = checked(tmp_path / "in", tmp_path, capsys, "data=tree", "data.split.folds=5", "data.split.official=false")
    assert "a 6 (6) 6 (6) 6 (6) 6 (6) 6 (6)" in said


def test_a_test_part_that_is_given_is_not_enlarged_by_a_share(tmp_path, capsys):
    root = make_pictures(tmp_path / "in", n=60)
    parts = pd.DataFrame({"patient_id": [f"P{i}" for i in range(30)]})
    parts["part"] = ["test"] * 4 + ["val"] * 6 + ["train"] * 20
    parts.to_csv(tmp_path / "parts.csv", index=False)
    said = checked(root, tmp_path, capsys, f"data.split.file={tmp_path / 'parts.csv'}")
    assert "4 test patients with a and 4 test patients with b" in said
    assert "the test part is given, so add patients to it, or give another one by data.split.file=." in said


@pytest.mark.parametrize("rare", [True, False])
def test_of_a_label_those_with_it_and_those_without_count(tmp_path, rare):
    root = make_pictures(tmp_path / "in", n=80)
    draws = np.zeros((80, 2), int)
    draws[::2, 0] = 1
    draws[:16, 1] = 1
    if not rare:
        draws = 1 - draws
    table = pd.read_csv(root / "labels.csv").drop(columns="label")
    table.join(pd.DataFrame(draws, columns=["edema", "mass"])).to_csv(root / "labels.csv", index=False)
    cell = prepared(tmp_path, "data=images", f"data.root={root}", "data.label=[edema,mass]")
    said = few_patients(cell.split, cell.parts)
    assert said.startswith(f"2 test patients with {'' if rare else 'no '}mass: ")


def test_sites_that_leave_few_patients_to_train_are_named_with_the_reason(tmp_path, capsys):
    root = make_pictures(tmp_path / "in", n=60)
    table = pd.read_csv(root / "labels.csv")
    number = table["patient_id"].str[1:].astype(int)
    table["view"] = np.where(number < 7, "AP", "PA")  # seven patients are seen from the front alone
    table.loc[(number >= 14) & (table.index % 2 == 0), "view"] = "AP"  # and sixteen from both sides
    table.to_csv(root / "labels.csv", index=False)
    said = checked(root, tmp_path, capsys, "data.split.groups=view")
    assert "few patients train or validate: where view AP is tested, 5 (a 5, b 5) and 2 (a 2, b 2), because 16 " in said
    assert "patients with images elsewhere have some there too; where view PA is tested, 5 (a 5, b 5) and 2" in said
    assert "take a column whose values share fewer patients than views do, or add patients." in said
    assert "few patients train" not in checked(root, tmp_path, capsys, "data.split.folds=5")


def test_validation_is_of_two_patients_of_a_class_or_more_where_there_are_enough() -> None:
    """However many images one of them has."""
    images = pd.DataFrame({"patient": [*["many"] * 10, *"abcdefghijk"], "split": "", "pixels": range(21)})
    folds, labels = np.array([*[0] * 18, 1, 1, 1]), np.array([*[0, 1] * 9, 0, 1, 0])
    for seed in range(20):
        parts = parts_of_fold(images, labels, ("x", "y"), folds, 1, 0.25, (seed,))
        for part in ("train", "val"):
            of = parts == part
            assert min(len(set(images["patient"][of & (labels == c)])) for c in (0, 1)) >= 2
