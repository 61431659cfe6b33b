"""MedMNIST v2: every grayscale 2-D set, at every size, in its official split, mapped and not loaded."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from releases import prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.sources.releases import medmnist as module
from medxfer.data.sources.releases.medmnist import GRAYSCALE, INFO, SIZES, MedMNIST
from medxfer.data.store.dataset import open_dataset

COUNTS = {"train": 28, "val": 14, "test": 14}


def write(folder: Path, name: str, size: int = 28, labels: int = 1) -> Path:
    """A set in the official layout: labels (n, 1), or (n, C) for the multi-label one."""
    rng = np.random.default_rng(0)
    classes, multilabel = len(INFO[name]["label"]), "multi-label" in INFO[name]["task"]
    arrays = {}
    for split, n in COUNTS.items():
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, size, size), dtype=np.uint8)
        of_class = np.arange(n)[:, None] % classes
        arrays[f"{split}_labels"] = (of_class == np.arange(classes)).astype(int) if multilabel else of_class
    path = folder / (f"{name}.npz" if size == 28 else f"{name}_{size}.npz")
    np.savez_compressed(path, **arrays)
    return path


@pytest.fixture
def open_set(tmp_path):
    def make(path: Path, name: str, size: int = 28) -> MedMNIST:
        return MedMNIST(name, str(path), size, str(tmp_path / "cache"))

    return make


def test_the_grayscale_sets_are_these():
    assert set(GRAYSCALE) == {
        "chestmnist", "octmnist", "pneumoniamnist", "breastmnist", "tissuemnist", "organamnist", "organcmnist",
        "organsmnist",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore:not the official file")
@pytest.mark.parametrize("name", GRAYSCALE)
def test_every_set_has_its_classes_in_order_and_its_official_split(tmp_path, open_set, name):
    index = open_dataset(open_set(write(tmp_path, name), name), tmp_path / "cache").index
    assert index.images["split"].value_counts().to_dict() == COUNTS
    assert index.classes == tuple(INFO[name]["label"][str(i)] for i in range(len(INFO[name]["label"])))
    assert any("no patient ids" in caveat for caveat in index.caveats)
    assert any("MD5" in caveat for caveat in index.caveats)
    if name == "chestmnist":
        assert (index.task, index.labels.shape, index.labels.dtype) == ("multilabel", (56, 14), np.float32)
    else:
        assert index.task == ("binary" if len(index.classes) == 2 else "multiclass")
        assert index.labels[:28].tolist() == (np.arange(28) % len(index.classes)).tolist()


@pytest.mark.filterwarnings("ignore:not the official file")
@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_read_as_it_is(tmp_path, open_set, size):
    path = write(tmp_path, "pneumoniamnist", size)
    source = open_set(path, "pneumoniamnist", size)
    with np.load(path) as arrays:
        assert (next(source.reading.pictures("test[3]", hounsfield=False)) == arrays["test_images"][3]).all()
    assert source.reading.header("train[0]").size == f"{size}×{size}"


@pytest.mark.filterwarnings("ignore:not the official file")
def test_chestmnist_becomes_a_multi_label_cell_in_the_official_split(tmp_path, open_set):
    path = write(tmp_path, "chestmnist")
    cell = prepared(tmp_path, "data=medmnist", "data.name=chestmnist", f"data.path={path}")
    assert cell.store.task == "multilabel"
    parts = split_of(cell, open_set(path, "chestmnist"))
    assert {part: len(files) for part, files in parts.items()} == COUNTS
    assert all(file.startswith(part) for part, files in parts.items() for file in files)


@pytest.mark.filterwarnings("ignore:not the official file")
def test_it_is_unpacked_once(tmp_path, open_set, monkeypatch):
    path = write(tmp_path, "breastmnist")
    open_set(path, "breastmnist").index()
    monkeypatch.setattr(module, "_extract", lambda *_: pytest.fail("unpacked again"))
    assert len(open_set(path, "breastmnist").index().images) == 56


def test_the_official_file_has_no_caveat_but_its_patients(tmp_path, open_set, monkeypatch):
    path = write(tmp_path, "breastmnist")
    monkeypatch.setitem(INFO["breastmnist"], "MD5_64", hashlib.md5(path.read_bytes()).hexdigest())
    caveats = open_dataset(open_set(path, "breastmnist"), tmp_path / "cache").index.caveats
    assert caveats == (NO_PATIENTS,)


def test_the_official_file_of_another_set_is_recognised(tmp_path, open_set, monkeypatch):
    path = write(tmp_path, "octmnist")
    monkeypatch.setitem(INFO["octmnist"], "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    with pytest.raises(MedxferError, match=r"official file of octmnist.*give data\.name=octmnist"):
        open_set(path, "breastmnist").index()
    assert len(open_set(path, "octmnist").index().images) == 56


@pytest.mark.filterwarnings("ignore:not the official file")
@pytest.mark.parametrize(
    ("holds", "said", "words"),
    [
        ("organamnist", "breastmnist", "from 0 to 10, and breastmnist has one label an image, from 0 to 1"),
        ("chestmnist", "breastmnist", r"shape \(28, 14\).*breastmnist has one label an image"),
        ("chestmnist", "organamnist", r"shape \(28, 14\).*organamnist has one label an image"),
        ("organamnist", "chestmnist", r"chestmnist has 14 labels an image, each 0 or 1"),
    ],
)
def test_labels_of_another_set_are_one_sentence(tmp_path, open_set, holds, said, words):
    with pytest.raises(MedxferError, match=words):
        open_set(write(tmp_path, holds), said).index()


@pytest.mark.filterwarnings("ignore:not the official file")
def test_labels_without_an_axis_of_their_own_are_taken(tmp_path, open_set):
    path = write(tmp_path, "breastmnist")
    with np.load(path) as arrays:
        flat = {key: array.reshape(-1) if "labels" in key else array for key, array in arrays.items()}
    expected = open_set(path, "breastmnist").index().labels
    np.savez(tmp_path / "flat.npz", **flat)
    assert (open_set(tmp_path / "flat.npz", "breastmnist").index().labels == expected).all()


def test_what_is_wrong_is_one_sentence(tmp_path, open_set):
    path = write(tmp_path, "breastmnist")
    with pytest.raises(MedxferError, match="did you mean breastmnist"):
        open_set(path, "brestmnist")
    with pytest.raises(MedxferError, match="unknown MedMNIST data set 'pathmnist'"):
        open_set(path, "pathmnist")
    with pytest.raises(MedxferError, match=r"data\.size=32: no such release"):
        open_set(path, "breastmnist", 32)
    with pytest.raises(MedxferError, match=r"data\.path=.*no such file"):
        open_set(tmp_path / "none.npz", "breastmnist")
    (tmp_path / "not.npz").write_text("no")
    np.savez(tmp_path / "few.npz", train_images=np.zeros((2, 2, 2)))
    np.savez(tmp_path / "rgb.npz", **{part: np.zeros((2, 4, 4, 3)) for part in module.PARTS})
    for name, words in (("not", "not an npz"), ("few", "not an npz"), ("rgb", "not grayscale pictures")):
        with pytest.raises(MedxferError, match=words):
            open_set(tmp_path / f"{name}.npz", "breastmnist")
    assert not list((tmp_path / "cache").glob("*.partial"))


@pytest.mark.data
def test_real_breastmnist(test_data, open_set):
    with pytest.warns(UserWarning, match="not the official file"):
        index = open_set(test_data / "breastmnist/breastmnist.npz", "breastmnist").index()
    assert len(index.images) == 780
