"""Data sets that the report will only describe are told of before the training, with what to change."""

import numpy as np
import pandas as pd
import pytest
from pictures import make_pictures
from releases import prepared

from medxfer.data.__main__ import main
from medxfer.data.inspect.few_patients import few_patients


def checked(root, tmp_path, capsys, *overrides: str) -> str:
    assert main(["check", "data=images", f"data.root={root}", f"store.root={tmp_path / 'cache'}", "image_size=16",
                 *overrides]) == 0  # fmt: skip
    return " ".join(capsys.readouterr().out.split())


def test_check_says_it_after_the_split_and_not_where_there_are_enough(tmp_path, capsys):
    few, enough = (make_pictures(tmp_path / str(n), n=n) for n in (30, 60))  # half as many patients, with both classes
    said = checked(few, tmp_path, capsys)
    assert "Note: 3 test patients with a and 3 test patients with b: the report will describe and not judge" in said
    assert "it takes 5 test patients of each class; add patients, or raise data.split.test= (0.2 now)." in said
    assert "describe and not judge" not in checked(few, tmp_path, capsys, "data.split.test=0.4")
    assert "describe and not judge" not in checked(enough, tmp_path, capsys)


def test_a_class_that_is_too_rare_for_any_share_needs_more_patients(tmp_path, capsys):
    root = make_pictures(tmp_path / "in", n=60)
    table = pd.read_csv(root / "labels.csv").assign(label=["a" if i < 14 else "b" for i in range(60)])
    table.to_csv(root / "labels.csv", index=False)
    said = checked(root, tmp_path, capsys)
    assert "1 test patient with a: the report will describe" in said
    assert said.endswith("add patients of it.")


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
