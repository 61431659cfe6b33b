"""CheXpert in its own layout: paths with the release's folder, uncertain and blank labels, no test part at first."""

import numpy as np
import pandas as pd
import pytest
from releases import picture, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.releases.chexpert import CheXpert
from medxfer.data.sources.releases.chexpert_labels import FINDINGS

TWO = ["Edema", "Pleural Effusion"]


def write(root, part: str, patients: range, prefix: str = "CheXpert-v1.0-small/") -> None:
    rng = np.random.default_rng(len(part))
    rows = []
    for patient in patients:
        for study in (1, 2):
            path = f"{part}/patient{patient:05}/study{study}/view1_frontal.jpg"
            picture(root / path)
            values = rng.choice(["1.0", "0.0", "-1.0", ""], len(FINDINGS))
            rows.append([prefix + path, "Female", "60", "Frontal", "AP", *values])
    columns = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS]
    table = pd.DataFrame(rows, columns=columns)
    if part == "test":
        table = table[["Path", *FINDINGS]]
    table.to_csv(root / f"{part}.csv", index=False)


@pytest.fixture
def release(tmp_path):
    root = tmp_path / "CheXpert-v1.0-small"
    write(root, "train", range(1, 21))
    write(root, "valid", range(100, 106))
    return root


@pytest.mark.parametrize(("policy", "value"), [("ones", 1), ("zeros", 0), ("leave_out", None)])
def test_uncertain_labels_follow_the_stated_policy_and_blank_is_absent(release, policy, value):
    table = pd.concat([pd.read_csv(release / f"{part}.csv") for part in ("train", "valid")])[TWO]
    index = CheXpert(str(release), TWO, policy).index()
    assert any(policy.replace("_", " ") in caveat for caveat in index.caveats)
    if value is None:
        sure = table[~(table == -1).any(axis=1)]
        assert index.labels.tolist() == sure.fillna(0).to_numpy().tolist()
        assert len(index.left_out["no label"]) == len(table) - len(sure)
    else:
        assert index.labels.tolist() == table.fillna(0).replace(-1, value).to_numpy().tolist()


def test_valid_is_the_test_part_until_there_is_one(release, tmp_path):
    source = CheXpert(str(release), TWO, "ones")
    arguments = ("data=chexpert", f"data.root={release}", "data.label=[Edema,Pleural Effusion]")
    parts = split_of(prepared(tmp_path, *arguments), source)
    assert {file.split("/")[0] for file in parts["test"]} == {"valid"}
    assert {file.split("/")[0] for file in parts["train"] | parts["val"]} == {"train"}
    patients = [{file.split("/")[1] for file in parts[part]} for part in ("train", "val")]
    assert patients[0].isdisjoint(patients[1])
    write(release, "test", range(200, 206), prefix="")
    parts = split_of(prepared(tmp_path / "second", *arguments), source)
    assert {part: {file.split("/")[0] for file in files} for part, files in parts.items()} == {
        "train": {"train"}, "val": {"valid"}, "test": {"test"},
    }  # fmt: skip


def test_batches_are_taken_as_they_were_unpacked(release, tmp_path):
    """With the tables and valid in the first; the others hold patients, below train or not."""
    expected = CheXpert(str(release), TWO, "ones").index()
    root = tmp_path / "batches"
    first, second, third = (
        root / f"CheXpert-v1.0 batch {b}" for b in ("1 (validate & csv)", "2 (train 1)", "3 (train 2)")
    )
    for folder in (first, second, third / "train"):
        folder.mkdir(parents=True)
    for name in ("train.csv", "valid.csv", "valid"):
        (release / name).rename(first / name)
    for patient in sorted((release / "train").iterdir()):
        patient.rename((second if int(patient.name[-5:]) <= 10 else third / "train") / patient.name)
    index = CheXpert(str(root), TWO, "ones").index()
    assert index.labels.tolist() == expected.labels.tolist()
    assert index.left_out == {}
    assert all((root / file).is_file() for file in index.images["file"])
    assert index.images.drop(columns="file").equals(expected.images.drop(columns="file"))


def test_frontal_views_are_kept_by_the_releases_own_table(release, tmp_path):
    table = pd.read_csv(release / "train.csv", dtype=str, keep_default_na=False)
    table.loc[::2, "Frontal/Lateral"] = "Lateral"
    table.to_csv(release / "train.csv", index=False)
    arguments = (
        "data=chexpert",
        f"data.root={release}",
        "data.label=[Edema,Pleural Effusion]",
        "data.keep.view=Frontal*",
    )
    assert len(prepared(tmp_path, *arguments).store) == len(table) // 2 + 12
    write(release, "test", range(200, 206), prefix="")  # whose table has no views: the files' names say them
    parts = split_of(prepared(tmp_path / "tested", *arguments), CheXpert(str(release), TWO, "ones"))
    assert len(parts["test"]) == 12


def test_what_is_wrong_is_one_sentence(release):
    with pytest.raises(MedxferError, match=r"unknown data\.uncertain 'one': did you mean ones"):
        CheXpert(str(release), TWO, "one")
    with pytest.raises(MedxferError, match=r"unknown data\.label 'Oedema': did you mean Edema"):
        CheXpert(str(release), ["Oedema"], "ones").index()
    path = release / "valid.csv"
    path.write_text(path.read_text().replace("-1.0", "2.0"))
    with pytest.raises(MedxferError, match="none of 1, 0, −1 and blank"):
        CheXpert(str(release), "all", "ones").index()
