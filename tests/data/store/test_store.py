"""The store: decoded once, exact, never torn, and what cannot be read is counted."""

import json
import multiprocessing
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write_dicom
from pictures import make_pictures
from PIL import Image

from medxfer.base.errors import MedxferError
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store import build as store_module
from medxfer.data.store.dataset import open_dataset
from medxfer.data.store.decode import resize
from medxfer.data.store.open import open_store


def dataset(root: Path, cache: Path):
    return open_dataset(ImageFolder(str(root), str(root / "labels.csv")), cache)


def test_values_are_the_files_resized_in_gray(tmp_path):
    root = make_pictures(tmp_path / "in")
    store = open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)
    assert store.gray.dtype == np.uint8
    for i in range(10):
        assert (store.gray[i] == resize(np.asarray(Image.open(root / f"{i}.png")), 8)).all()
    assert store.labels.tolist() == [0, 1] * 5


def test_sixteen_bits_are_kept(tmp_path):
    root = make_pictures(tmp_path / "in", dtype=np.uint16)
    store = open_store(dataset(root, tmp_path / "cache"), 20, hounsfield=False)
    assert store.gray.dtype == np.uint16
    assert len(np.unique(store.gray)) > 1000


def test_unreadable_files_are_left_out_counted_and_named_in_the_store_only(tmp_path):
    root = make_pictures(tmp_path / "in", broken=2)
    data = dataset(root, tmp_path / "cache")
    store = open_store(data, 8, hounsfield=False)
    assert len(store) == 8
    assert store.rejected == {"undecodable": 2}
    listed = pd.read_csv(data.folder / "v6-8px-gray" / "rejected.csv")
    assert listed["file"].tolist() == ["0.png", "1.png"]


def test_too_many_unreadable_files_stop_the_build_with_the_reasons(tmp_path):
    data = dataset(make_pictures(tmp_path / "in", broken=5), tmp_path / "cache")
    with pytest.raises(MedxferError, match=r"5 of 10 files cannot be used \(5 undecodable"):
        open_store(data, 8, hounsfield=False)
    with pytest.raises(MedxferError, match="5 of 10"):  # also once it is built
        open_store(data, 8, hounsfield=False)
    assert len(open_store(data, 8, hounsfield=False, max_rejected=0.5)) == 5


def test_files_that_are_missing_count_too_and_rows_without_a_label_do_not(tmp_path):
    root = make_pictures(tmp_path / "in")
    for i in range(3):
        (root / f"{i}.png").unlink()
    with pytest.raises(MedxferError, match=r"3 of 10 files are missing; data\.max_missing=0\.2"):
        open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)
    assert len(open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False, max_rejected=0, max_missing=1)) == 7
    make_pictures(root)
    table = pd.read_csv(root / "labels.csv")
    table.loc[:4, "label"] = None
    table.to_csv(root / "labels.csv", index=False)
    assert open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False).rejected == {"no label": 5}


def test_files_are_compared_with_files_not_with_frames(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    frames = np.random.default_rng(0).integers(0, 4096, (60, 8, 8)).astype(np.uint16)
    for i in range(11):
        write_dicom(root / f"{i}.dcm", frames if i == 0 else frames[i])
        if i > 1:
            (root / f"{i}.dcm").write_bytes(b"torn")
    table = {"path": [f"{i}.dcm" for i in range(11)], "label": ["a", "b"] * 5 + ["a"], "patient_id": range(11)}
    pd.DataFrame(table).to_csv(root / "labels.csv", index=False)
    source = DicomFolder(str(root), str(root / "labels.csv"), frame="all")
    with pytest.raises(MedxferError, match="9 of 11 files cannot be used"):
        open_store(open_dataset(source, tmp_path / "cache"), 8, hounsfield=False)


def test_a_folder_without_one_readable_file_is_refused(tmp_path):
    data = dataset(make_pictures(tmp_path / "in", broken=10), tmp_path / "cache")
    with pytest.raises(MedxferError, match="10 of 10"):
        open_store(data, 8, hounsfield=False, max_rejected=1.0)


def test_a_second_start_reads_no_pixels(tmp_path, monkeypatch):
    root = make_pictures(tmp_path / "in")
    first = open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)
    monkeypatch.setattr(store_module, "in_processes", lambda *_: pytest.fail("decoded again"))
    second = open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)
    assert (second.gray == first.gray).all()
    assert second.images.equals(first.images)


def test_a_build_that_was_killed_leaves_nothing_that_counts(tmp_path, monkeypatch):
    data = dataset(make_pictures(tmp_path / "in"), tmp_path / "cache")
    real = store_module.write_tables
    monkeypatch.setattr(store_module, "write_tables", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        open_store(data, 8, hounsfield=False)
    monkeypatch.setattr(store_module, "write_tables", real)
    assert len(open_store(data, 8, hounsfield=False)) == 10
    assert not list(data.folder.glob("*.partial"))


def _build(root: Path, cache: Path) -> int:
    return int(open_store(dataset(root, cache), 8, hounsfield=False).gray.sum())


def test_two_processes_may_build_it_at_once(tmp_path):
    root = make_pictures(tmp_path / "in", n=30)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        sums = list(pool.map(_build, [root] * 2, [tmp_path / "cache"] * 2))
    assert sums[0] == sums[1] == _build(root, tmp_path / "cache")


def test_many_files_are_decoded_by_processes_in_order(tmp_path):
    root = make_pictures(tmp_path / "in", n=80, broken=3)
    one = open_store(dataset(root, tmp_path / "one"), 8, hounsfield=False, workers=1)
    two = open_store(dataset(root, tmp_path / "two"), 8, hounsfield=False, workers=2)
    assert (one.gray == two.gray).all()
    assert one.images.equals(two.images)


def test_pseudonyms_are_the_same_at_every_size_and_no_names(tmp_path):
    root = make_pictures(tmp_path / "in")
    data = dataset(root, tmp_path / "cache")
    small, large = (open_store(data, size, hounsfield=False) for size in (8, 16))
    assert small.images["patient"].equals(large.images["patient"])
    assert small.images["patient"].nunique() == 5
    assert not small.images["patient"].str.contains("P").any()
    elsewhere = dataset(make_pictures(tmp_path / "other", n=12), tmp_path / "cache")
    assert set(open_store(elsewhere, 8, False).images["patient"]).isdisjoint(small.images["patient"])


def test_the_store_is_its_owners_alone(tmp_path):
    data = dataset(make_pictures(tmp_path / "in"), tmp_path / "cache")
    open_store(data, 8, hounsfield=False)
    for folder in (data.folder, data.folder / "v6-8px-gray"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_hounsfield_units_need_ct(tmp_path):
    data = dataset(make_pictures(tmp_path / "in"), tmp_path / "cache")
    with pytest.raises(MedxferError, match="needs CT images; these are 'images'"):
        open_store(data, 8, hounsfield=True)


def test_an_unwritable_cache_is_one_sentence(tmp_path):
    root = make_pictures(tmp_path / "in")
    (tmp_path / "file").write_text("")
    with pytest.raises(MedxferError, match=r"store\.root="):
        dataset(root, tmp_path / "file" / "cache")


def test_depth_does_not_depend_on_the_first_picture(tmp_path):
    root = make_pictures(tmp_path / "in")
    deep = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(deep).save(root / "7.png")
    store = open_store(dataset(root, tmp_path / "cache"), 64, hounsfield=False)
    assert (store.gray[7] == deep).all()
    assert store.gray[0].max() > 60000


class Understated(PictureReader):
    """Says of 7.png that it has eight bits."""

    def header(self, path: Path) -> HeaderFacts:
        return super().header(path)._replace(gray="uint8")


def test_a_file_with_more_levels_than_its_header_says_is_refused(tmp_path):
    root = make_pictures(tmp_path / "in")
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)).save(root / "7.png")
    source = ImageFolder(str(root), str(root / "labels.csv"))
    source.reader = Understated()
    data = open_dataset(source, tmp_path / "cache")
    store = open_store(data, 8, hounsfield=False)
    assert store.gray.dtype == np.uint8
    assert store.rejected == {"bad header": 1}


def test_aspect_is_kept_by_a_setting_of_its_own_store(tmp_path):
    root = make_pictures(tmp_path / "in")
    source = ImageFolder(str(root), str(root / "labels.csv"))
    stretched, kept = (open_dataset(source, tmp_path / "cache", keep_aspect=keep) for keep in (False, True))
    assert stretched.fingerprint != kept.fingerprint
    gray = open_store(kept, 20, hounsfield=False).gray
    assert (gray[0][:, 2:-2] == np.asarray(Image.open(root / "0.png"))).all()
    assert not gray[:, :, :2].any()
    assert not gray[:, :, -2:].any()


def test_pictures_that_patients_share_are_counted(tmp_path):
    root = make_pictures(tmp_path / "in")
    (root / "1.png").write_bytes((root / "0.png").read_bytes())  # of one patient
    (root / "9.png").write_bytes((root / "2.png").read_bytes())
    store = open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)
    assert store.caveats == ("the same picture, pixel by pixel, in several patients: 1 picture",)


KILLED = """
import sys, time
from pathlib import Path
from medxfer.data.store.dataset import open_dataset
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.open import open_store
root, cache = map(Path, sys.argv[1:])
data = open_dataset(ImageFolder(str(root), str(root / "labels.csv")), cache)
open_store(data, 8, False, progress=lambda what, done, of: print(done, flush=True) or time.sleep(0.02))
"""


def test_a_build_that_is_killed_at_any_moment_is_done_again(tmp_path):
    root, cache = make_pictures(tmp_path / "in", n=30), tmp_path / "cache"
    for moment in ("1", "15", "30"):
        command = [sys.executable, "-c", KILLED, str(root), str(cache)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.strip() == moment:
                process.kill()
        assert process.wait() != 0
    again = open_store(dataset(root, cache), 8, hounsfield=False)
    elsewhere = open_store(dataset(root, tmp_path / "other"), 8, hounsfield=False)
    assert (again.gray == elsewhere.gray).all()
    assert again.images.equals(elsewhere.images)
    assert {file.name for file in dataset(root, cache).folder.glob("v*")} == {"v6-8px-gray", "v6-8px-gray.lock"}


def test_the_record_holds_counts_only(tmp_path):
    data = dataset(make_pictures(tmp_path / "in", broken=1), tmp_path / "cache")
    open_store(data, 8, hounsfield=False)
    assert json.loads((data.folder / "v6-8px-gray" / "store.json").read_text()) == {"rejected": {"undecodable": 1}}


def with_odd(root: Path, number: int) -> Path:
    """Ten pictures, of which the first `number` are all black."""
    make_pictures(root)
    for i in range(number):
        Image.fromarray(np.zeros((20, 16), np.uint8)).save(root / f"{i}.png")
    return root


def test_pictures_that_show_nothing_are_counted_and_named_in_the_store_only(tmp_path):
    data = dataset(with_odd(tmp_path / "in", 2), tmp_path / "cache")
    store = open_store(data, 8, hounsfield=False)
    assert len(store) == 10
    assert store.caveats[-1] == "one value everywhere: 2 of 10 images"
    listed = pd.read_csv(data.folder / "v6-8px-gray" / "files.csv", keep_default_na=False)
    assert listed["file"][listed["odd"] != ""].tolist() == ["0.png", "1.png"]


def test_where_many_show_nothing_one_has_to_decide(tmp_path):
    root, cache = with_odd(tmp_path / "in", 3), tmp_path / "cache"
    source = ImageFolder(str(root), str(root / "labels.csv"))
    for _ in range(2):  # also once it is built
        with pytest.raises(MedxferError, match=r"3 of 10 images .*data\.odd_range=keep.*leave_out"):
            open_store(open_dataset(source, cache), 8, hounsfield=False)
    kept = open_store(open_dataset(source, cache, odd_range="keep"), 8, hounsfield=False)
    assert len(kept) == 10
    left = open_store(open_dataset(source, cache, odd_range="leave_out"), 8, hounsfield=False)
    assert left.rejected == {"by rule: one value everywhere": 3}
    assert (left.gray == kept.gray[3:]).all()
    assert left.fingerprint != kept.fingerprint
