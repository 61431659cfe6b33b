"""data=joined: several data sets as one, of which each is left out in turn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig
from pictures import make_elsewhere, make_pictures
from releases import compose_cell

from medxfer.base.errors import MedxferError
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.store import build
from medxfer.data.store.dataset import dataset_of
from medxfer.data.store.open import store_of
from medxfer.training.prepare import cells_of, prepare
from medxfer.training.settled_cell import Prepared

LEFT_OUT = "data.split.groups=data"


def joined(folder: Path, *more: str, **roots: Path) -> DictConfig:
    given = [
        text
        for name, root in roots.items()
        for text in (f"+data@data.sets.{name}=images", f"data.sets.{name}.root={root}")
    ]
    return compose_cell(folder, "data=joined", *given, *more)


def alone(folder: Path, root: Path, *more: str) -> DictConfig:
    return compose_cell(folder, "data=images", f"data.root={root}", *more)


def cells(config: DictConfig) -> list[Prepared]:
    return [prepare(one) for one in cells_of(config)]


@pytest.fixture
def sets(tmp_path) -> dict[str, Path]:
    return {"ours": make_pictures(tmp_path / "in", n=40), "theirs": make_elsewhere(tmp_path / "out")}


def test_each_data_set_is_tested_by_a_network_that_saw_none_of_it(tmp_path, sets):
    ours, theirs = cells(joined(tmp_path, LEFT_OUT, **sets))
    assert ours.split.sites == ("ours", "theirs")
    of_ours = np.arange(64) < 40
    for one, tested in ((ours, of_ours), (theirs, ~of_ours)):
        assert ((one.parts == "test") == tested).all()
        assert set(one.parts[~tested]) == {"train", "val"}


def test_its_pictures_and_labels_are_those_of_the_sets_and_nothing_is_decoded_twice(tmp_path, sets, monkeypatch):
    config = joined(tmp_path, **sets)
    stores = [store_of(dataset_of(alone(tmp_path, root)), 32, False, 0.2, None) for root in sets.values()]
    monkeypatch.setattr(build, "in_processes", None)  # what decodes
    store = store_of(dataset_of(config), 32, False, 0.2, None)
    assert np.array_equal(store.gray, np.concatenate([one.gray for one in stores]))
    assert np.array_equal(store.labels, np.concatenate([one.labels for one in stores]))
    assert list(store.images["pixels"]) == [key for one in stores for key in one.images["pixels"]]


def test_files_that_one_set_cannot_read_are_left_out_and_counted(tmp_path, sets):
    make_pictures(tmp_path / "bad", n=20, broken=3)
    store = store_of(dataset_of(joined(tmp_path, ours=sets["theirs"], bad=tmp_path / "bad")), 32, False, 0.2, None)
    assert len(store) == 24 + 17
    assert store.rejected == {"undecodable": 3}
    assert store.rows.tolist() == [*range(24), *range(24 + 3, 24 + 20)]


def test_eight_bit_pictures_become_as_deep_as_those_of_the_other_set(tmp_path, sets):
    make_pictures(tmp_path / "deep", n=16, dtype=np.uint16)
    store = store_of(dataset_of(joined(tmp_path, ours=sets["ours"], deep=tmp_path / "deep")), 32, False, 0.2, None)
    eight = store_of(dataset_of(alone(tmp_path, sets["ours"])), 32, False, 0.2, None)
    assert store.gray.dtype == np.uint16
    assert np.array_equal(store.gray[:40], eight.gray.astype(np.uint16) * 257)


def test_classes_are_matched_by_name_and_refused_with_the_difference(tmp_path, sets):
    make_elsewhere(tmp_path / "other", classes=("a", "sick"))
    named = {"ours": sets["ours"], "other": tmp_path / "other"}
    with pytest.raises(
        MedxferError, match=r"data\.sets\.other has the classes a and sick and data\.sets\.ours a and b"
    ):
        cells(joined(tmp_path, **named))
    config = joined(tmp_path, "data.sets.other.classes={sick: b}", **named)
    assert dataset_of(config).index.labels[40:].tolist() == [i // 2 % 2 for i in range(24)]


def test_equal_ids_are_one_patient_unless_a_set_has_none(tmp_path, sets):
    make_elsewhere(tmp_path / "same", ids="P")
    named = {"ours": sets["ours"], "same": tmp_path / "same"}
    store = store_of(dataset_of(joined(tmp_path, **named)), 32, False, 0.2, None)
    assert store.images["patient"].nunique() == 20
    assert any("12 patient ids stand in several data sets" in caveat for caveat in store.caveats)
    table = pd.read_csv(tmp_path / "same" / "labels.csv").drop(columns="patient_id")
    table.to_csv(tmp_path / "same" / "labels.csv", index=False)
    dataset = dataset_of(joined(tmp_path / "again", **named))
    assert NO_PATIENTS not in dataset.index.caveats
    assert "no patient ids in same" in dataset.index.caveats[0]


def test_other_files_in_one_set_are_another_data_set(tmp_path, sets):
    before = dataset_of(joined(tmp_path, **sets)).fingerprint
    more = make_elsewhere(tmp_path / "more", n=26)
    assert dataset_of(joined(tmp_path, ours=sets["ours"], theirs=more)).fingerprint != before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["+data@data.sets.c=images"], r"needs data\.sets\.c\.root: give it as data\.sets\.c\.root="),
        (
            ["data.sets.ours.split.seed=3"],
            r"data\.sets\.ours\.split: joined data sets share it; give it as data\.split",
        ),
        (
            ["data.sets.ours.label=nothing"],
            r"data set 'ours': .*no column 'nothing'.*, data\.sets\.ours\.label= another",
        ),
    ],
)
def test_wrong_settings_are_named_as_they_are_given(tmp_path, sets, more, said):
    with pytest.raises(MedxferError, match=said):
        cells(joined(tmp_path, *more, **sets))


def test_one_set_is_not_several(tmp_path, sets):
    with pytest.raises(MedxferError, match="data=joined has 1 data set, and it takes two"):
        cells(joined(tmp_path, ours=sets["ours"]))
    with pytest.raises(
        MedxferError, match=r"data\.split\.groups=data trains on all data sets but one, and this is one"
    ):
        cells(alone(tmp_path, sets["ours"], LEFT_OUT))


def test_images_of_different_kinds_are_refused(tmp_path):
    phantoms = [
        text
        for name in ("ct", "dx")
        for text in (f"+data@data.sets.{name}=phantom_{name}", f"data.sets.{name}.patients=6")
    ]
    with pytest.raises(
        MedxferError, match=r"data\.sets\.dx has images of 'DX' and data\.sets\.ct of 'CT'.*same modality"
    ):
        cells(joined(tmp_path, *phantoms))


def test_the_positive_class_is_that_of_all_sets(tmp_path, sets):
    usual = store_of(dataset_of(joined(tmp_path, **sets)), 32, False, 0.2, None)
    turned = store_of(dataset_of(joined(tmp_path, "data.positive=a", **sets)), 32, False, 0.2, None)
    assert (usual.classes, turned.classes) == (("a", "b"), ("b", "a"))
    assert (turned.labels == 1 - usual.labels).all()
    renamed = ["data.positive=b", "data.sets.theirs.classes={sick: b, well: a}"]
    make_elsewhere(tmp_path / "names", classes=("well", "sick"))
    config = joined(tmp_path, *renamed, ours=sets["ours"], theirs=tmp_path / "names")
    found = store_of(dataset_of(config), 32, False, 0.2, None)
    assert found.classes == ("a", "b")
    assert np.array_equal(found.labels, usual.labels)
    for cell in cells(joined(tmp_path, LEFT_OUT, "data.positive=a", **sets)):
        assert cell.store.classes == ("b", "a")
    with pytest.raises(MedxferError, match=r"data\.sets\.ours\.positive: joined data sets share it"):
        dataset_of(joined(tmp_path, "data.sets.ours.positive=a", **sets))
    with pytest.raises(MedxferError, match=r"unknown data\.positive 'c'"):
        dataset_of(joined(tmp_path, "data.positive=c", **sets))
