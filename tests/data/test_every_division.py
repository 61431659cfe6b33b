"""Whatever divides the patients, from files to parts: each image is tested once, and nobody is on both sides."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from releases import compose_cell

from medxfer.base.errors import MedxferError
from medxfer.training.prepare import cells_of, prepare
from medxfer.training.settled_cell import Prepared


def write_pictures(root: Path, table: pd.DataFrame) -> None:
    """The files of `table`; equal numbers in its column `picture` are equal pictures."""
    root.mkdir()
    for path, picture in zip(table["path"], table["picture"], strict=True):
        pixels = np.random.default_rng(picture).integers(0, 256, (10, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(root / path)
    table.drop(columns=["picture", "fold"]).to_csv(root / "labels.csv", index=False)


def cells(folder: Path, *overrides: str) -> list[Prepared]:
    """The cells of one training; the first refusal is raised."""
    config = compose_cell(folder / "work", "data=images", f"data.root={folder / 'in'}", *overrides)
    return [prepare(one) for one in cells_of(config)]


def check_divided(table: pd.DataFrame, found: Sequence[Prepared]) -> None:
    rows = table.iloc[found[0].store.rows].reset_index(drop=True)
    tested = np.zeros(len(rows), int)
    for cell in found:
        tested += cell.parts == "test"
        used = rows.assign(part=cell.parts)[cell.parts != ""]
        for what in ("patient_id", "picture"):
            assert used.groupby(what)["part"].nunique().max() == 1, what
        for part in ("train", "val", "test"):
            assert set(used["label"][used["part"] == part]) == {"a", "b"}, part
    assert (tested == 1).all()


@st.composite
def hospitals(draw: st.DrawFn) -> tuple[pd.DataFrame, int]:
    """A table of images of patients of three hospitals, some with several images, shared pictures or two hospitals."""
    rows = []
    for label in "ab":
        for place in range(draw(st.integers(9, 12))):
            for image in range(draw(st.integers(1, 3))):
                patient = f"{label}{place}"
                rows.append((f"{patient}_{image}.png", label, patient, f"h{place % 3}", place % 3))
    table = pd.DataFrame(rows, columns=["path", "label", "patient_id", "hospital", "fold"])
    table["picture"] = np.arange(len(table))
    firsts = table.drop_duplicates("patient_id").index
    for label in draw(st.sets(st.sampled_from("ab"))):  # two patients of one class share a picture
        one, other = [place for place in firsts if table["label"][place] == label][:2]
        table.loc[other, "picture"] = table["picture"][one]
    if draw(st.booleans()):  # a patient of two hospitals
        several = table.index[table["patient_id"].duplicated()]
        if len(several):
            table.loc[several[0], "hospital"] = f"h{(int(table['fold'][several[0]]) + 1) % 3}"
    return table, draw(st.integers(0, 2))


def nnunet(table: pd.DataFrame, folder: Path) -> str:
    stems = table["path"].str.removesuffix(".png")
    folds = [list(stems[table["fold"] == fold]) for fold in range(3)]
    splits = [{"train": [s for other in folds if other is not one for s in other], "val": one} for one in folds]
    (folder / "splits_final.json").write_text(json.dumps(splits))
    return f"data.split.file={folder / 'splits_final.json'}"


def table_of_folds(table: pd.DataFrame, folder: Path) -> str:
    table[["patient_id", "fold"]].drop_duplicates().to_csv(folder / "folds.csv", index=False)
    return f"data.split.file={folder / 'folds.csv'}"


WAYS = {
    "folds": lambda table, folder: "data.split.folds=4",
    "sites": lambda table, folder: "data.split.groups=hospital",
    "a table": table_of_folds,
    "nnU-Net": nnunet,
}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=3, deadline=None)
@given(data=hospitals())
def test_each_image_is_tested_once_and_no_patient_or_picture_is_on_both_sides(way, data):
    table, seed = data
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder / "in", table)
        for fraction in (1.0, 0.6):
            found = cells(folder, WAYS[way](table, folder), f"seed={seed}", f"train_fraction={fraction}")
            assert len(found) == (4 if way == "folds" else 3)
            check_divided(table, found)


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    """Nine patients of each class in three hospitals, with two images each."""
    rows = [
        (f"{label}{place}_{image}.png", label, f"{label}{place}", f"h{place % 3}", place % 3)
        for label in "ab" for place in range(9) for image in range(2)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["path", "label", "patient_id", "hospital", "fold"])
    table["picture"] = np.arange(len(table))
    return table


def test_patients_who_share_a_picture_are_in_one_fold(tmp_path, table):
    table.loc[table["path"] == "a3_0.png", "picture"] = table["picture"][table["path"] == "a1_0.png"].iloc[0]
    write_pictures(tmp_path / "in", table)
    for seed in range(6):
        found = cells(tmp_path, "data.split.folds=3", f"seed={seed}")
        patients = table.iloc[found[0].store.rows]["patient_id"].to_numpy()
        folds = {
            p: {k for k, one in enumerate(found) if (one.parts[patients == p] == "test").any()} for p in ("a1", "a3")
        }
        assert folds["a1"] == folds["a3"]
        assert len(folds["a1"]) == 1


def test_validation_is_drawn_from_the_other_folds_anew_for_each(tmp_path, table):
    write_pictures(tmp_path / "in", table)
    found = cells(tmp_path, "data.split.folds=3")
    for one in found:
        assert (one.parts == "val").any()
    assert any(((found[0].parts == "val") & (one.parts == "test")).any() for one in found[1:])


def test_files_of_one_patient_in_two_folds_of_nnunet_are_refused(tmp_path, table):
    write_pictures(tmp_path / "in", table)
    table.loc[table["path"] == "a1_1.png", "fold"] = 2
    with pytest.raises(MedxferError, match="1 patient in two folds"):
        cells(tmp_path, nnunet(table, tmp_path))


def test_a_table_can_name_data_sets_in_a_column_of_its_own(tmp_path, table):
    write_pictures(tmp_path / "in", table.rename(columns={"hospital": "data"}))
    assert cells(tmp_path, "data.split.groups=data")[0].split.sites == ("h0", "h1", "h2")
