"""Which series a store's images are of, and what of a table cannot be scored by series."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pacs_export import ROOT_UID, PacsExport, pacs_export
from pydicom import dcmread
from releases import prepared

from medxfer.base.errors import MedxferError
from medxfer.data.sources.folder_walk import walk
from medxfer.data.split import SplitSettings, split_images
from medxfer.data.store.stored_series import by_series, series_counts
from medxfer.training.settled_cell import Prepared


@pytest.fixture
def export(tmp_path: Path) -> PacsExport:
    return pacs_export(tmp_path)


def cell_of(export: PacsExport, folder: Path, *more: str) -> Prepared:
    return prepared(folder, "data=ct_series", f"data.root={export.root}", f"data.labels={export.labels}", *more)


def label_slices(export: PacsExport, **columns: object) -> list[str]:
    """A table with a row a slice."""
    paths = [path for path in walk(export.root).files if re.search(r"[.]1/[^/]+[.]1[.]\d(.IMA)?$", path)]
    labels = [int(path.split("/")[0][3:]) % 2 for path in paths]
    pd.DataFrame({"path": paths, "Befund": labels, **columns}).to_csv(export.labels, index=False)
    return paths


def test_slices_of_a_series_have_its_pseudonym(export: PacsExport, tmp_path: Path) -> None:
    store = cell_of(export, tmp_path, "data.label=Befund", "data.score=mean").store
    assert store.images.groupby("series")["patient"].nunique().tolist() == [1] * export.patients
    assert store.images["series"].str.fullmatch("[0-9a-f]{16}").all()
    series = by_series(store, "mean")
    assert series_counts(series.series, store.labels, 2) == {"series": 12, "by_class": [6, 6]}
    assert by_series(store, "image") is None


def test_a_table_of_slices_that_agree_is_taken(export: PacsExport, tmp_path: Path) -> None:
    label_slices(export)
    store = cell_of(export, tmp_path, "data.label=Befund", "data.score=max").store
    assert by_series(store, "max") is not None


def test_slices_that_disagree_are_an_error_that_names_the_series_by_its_number(
    export: PacsExport, tmp_path: Path
) -> None:
    paths = label_slices(export)
    table = pd.read_csv(export.labels)
    table.loc[paths.index(next(path for path in paths if "PAT002" in path)), "Befund"] = 1
    table.to_csv(export.labels, index=False)
    cell_of(export, tmp_path, "data.label=Befund")  # images may have labels of their own
    with pytest.raises(MedxferError, match=r"the slices of series 5 of 12 have several labels") as error:
        cell_of(export, tmp_path, "data.label=Befund", "data.score=mean")
    assert ROOT_UID not in str(error.value)


def test_slices_of_several_patients_are_an_error(export: PacsExport, tmp_path: Path) -> None:
    label_slices(export, patient_id=[f"P{i // 2}" for i in range(36)])
    with pytest.raises(MedxferError, match=r"the slices of series 1 of 12 are of several patients"):
        cell_of(export, tmp_path, "data.label=Befund", "data.score=mean")


def test_one_series_uid_for_all_patients_is_a_series_of_each(export: PacsExport, tmp_path: Path) -> None:
    (export.root / "PAT000" / "again").unlink()  # a copy
    for path in export.root.rglob(f"{ROOT_UID}.*.1.?*"):
        if path.is_file():
            dataset = dcmread(path)
            dataset.SeriesInstanceUID = "1.2.3"
            dataset.save_as(path)
    store = cell_of(export, tmp_path, "data.label=Befund", "data.score=mean").store
    series = by_series(store, "mean")
    assert series_counts(series.series, store.labels, 2) == {"series": 12, "by_class": [6, 6]}


def test_images_of_no_series_cannot_be_scored_by_series(export: PacsExport, tmp_path: Path) -> None:
    store = cell_of(export, tmp_path, "data.label=Befund").store
    without = type(store)(**{**vars(store), "images": store.images.drop(columns="series")})
    with pytest.raises(MedxferError, match="all images are slices of no series"):
        by_series(without, "mean")
    some = type(store)(**{**vars(store), "images": store.images.assign(series=["", *store.images["series"][1:]])})
    with pytest.raises(MedxferError, match="1 of 36 images are slices of no series"):
        by_series(some, "mean")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_series_is_in_two_parts(data: st.DataObject) -> None:
    """Patients are kept together, and a series is one patient's."""
    rows = [
        (f"p{patient}", f"p{patient}s{series}", patient % 2)
        for patient in range(data.draw(st.integers(12, 20)))
        for series in range(data.draw(st.integers(1, 3)))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    images = pd.DataFrame(rows, columns=["patient", "series", "label"]).assign(split="")
    images["pixels"] = np.arange(len(images)).astype(str)
    labels = images["label"].to_numpy(np.int64)
    parts = split_images(images, labels, ("a", "b"), SplitSettings(), training_seed=0)
    assert images.assign(part=parts).groupby("series")["part"].nunique().max() == 1
