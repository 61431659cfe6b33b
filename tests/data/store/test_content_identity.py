"""What a data set is follows from content: copies continue a study, other pixels or labels do not, and a file that
could not be read is read again."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write_dicom
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pictures import make_pictures
from PIL import Image
from releases import prepared

from medxfer.base.errors import MedxferError
from medxfer.data.sources import kept_files
from medxfer.data.sources.content import content_of
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.dataset import DatasetInfo, open_dataset
from medxfer.data.store.open import open_store


def dataset(root: Path, cache: Path) -> DatasetInfo:
    return open_dataset(ImageFolder(str(root), str(root / "labels.csv")), cache)


def fingerprint(root: Path, cache: Path) -> str:
    return dataset(root, cache).fingerprint


def copied(root: Path, to: Path) -> Path:
    shutil.copytree(root, to, copy_function=shutil.copyfile)  # new times
    return to


def unzipped(root: Path, to: Path) -> Path:
    with zipfile.ZipFile(to.with_suffix(".zip"), "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root))
    with zipfile.ZipFile(to.with_suffix(".zip")) as archive:
        archive.extractall(to)
    return to


def touched(root: Path, _: Path) -> Path:
    for path in root.iterdir():
        os.utime(path, (1, 1))
    return root


def with_a_column(root: Path, _: Path) -> Path:
    pd.read_csv(root / "labels.csv").assign(remark="x").to_csv(root / "labels.csv", index=False)
    return root


def with_other_files(root: Path, _: Path) -> Path:
    (root / "notes.txt").write_text("x")
    return root


@pytest.mark.parametrize("change", [copied, unzipped, touched, with_a_column, with_other_files])
def test_what_changes_no_image_and_no_label_continues_the_same_cell(tmp_path, change):
    root = make_pictures(tmp_path / "in", n=40)
    first = prepared(tmp_path, "data=images", f"data.root={root}")
    root = change(root, tmp_path / "elsewhere")
    again = prepared(tmp_path, "data=images", f"data.root={root}")
    assert again.store.fingerprint == first.store.fingerprint
    assert again.cell.folder == first.cell.folder
    assert (again.parts == first.parts).all()
    assert again.store.images.equals(first.store.images)  # pseudonyms too


def other_pixels(root: Path) -> None:
    """As large as before, and of the same time."""
    path = root / "3.png"
    stat, size = path.stat(), path.stat().st_size
    Image.fromarray(np.full((20, 16), 7, np.uint8)).save(path)
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (size, stat.st_mtime_ns)


def edit(**cells: str):
    def change(root: Path) -> None:
        table = pd.read_csv(root / "labels.csv", dtype=str)
        for column, value in cells.items():
            table.loc[3, column] = value
        table.to_csv(root / "labels.csv", index=False)

    return change


@pytest.mark.parametrize("change", [other_pixels, edit(label="a"), edit(patient_id="P0"), edit(path="gone.png")])
@pytest.mark.parametrize("settled", [0, kept_files.SETTLED])
def test_other_pixels_labels_or_patients_are_another_data_set(tmp_path, monkeypatch, change, settled):
    monkeypatch.setattr(kept_files, "SETTLED", settled)
    root = make_pictures(tmp_path / "in")
    first = fingerprint(root, tmp_path / "cache")
    assert fingerprint(root, tmp_path / "cache") == first
    change(root)
    assert fingerprint(root, tmp_path / "cache") != first


def test_the_identity_holds_no_path_and_each_setting_of_a_reader_is_another(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    for number in range(4):
        write_dicom(root / f"{number}.dcm", np.full((4, 4), number, np.uint16))
    rows = {"path": [f"{n}.dcm" for n in range(4)], "label": list("abab"), "patient_id": list("1234")}
    pd.DataFrame(rows).to_csv(root / "labels.csv", index=False)
    source = DicomFolder(str(root), str(root / "labels.csv"))
    index = source.index()
    assert str(tmp_path).encode() not in source.manifest(index, [""] * 4)
    others = [DicomFolder(str(root), str(root / "labels.csv"), voi=1), source]
    assert len({open_dataset(one, tmp_path / "cache").fingerprint for one in others}) == 2


def test_a_second_start_reads_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_files, "SETTLED", 0)
    root = make_pictures(tmp_path / "in")
    first = fingerprint(root, tmp_path / "cache")
    for reads in ("kept_files.content_of", "content.hashlib.file_digest"):
        monkeypatch.setattr(f"medxfer.data.sources.{reads}", lambda *_: pytest.fail("read again"))
    monkeypatch.setattr(PictureReader, "header", lambda *_: pytest.fail("header read again"))
    assert fingerprint(root, tmp_path / "cache") == first


def test_of_many_files_only_the_changed_one_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_files, "SETTLED", 0)
    root = make_pictures(tmp_path / "in")
    fingerprint(root, tmp_path / "cache")
    read: list[str] = []
    monkeypatch.setattr(kept_files, "content_of", lambda path: read.append(path.name) or content_of(path))
    other_pixels(root)
    fingerprint(root, tmp_path / "cache")
    assert read == ["3.png"]


def test_a_truncated_file_that_is_replaced_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_files, "SETTLED", 0)
    root = make_pictures(tmp_path / "in")
    whole = (root / "3.png").read_bytes()
    (root / "3.png").write_bytes(whole[:100])
    broken = open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)
    assert (len(broken), broken.rejected) == (9, {"undecodable": 1})
    (root / "3.png").write_bytes(whole)
    assert len(open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)) == 10


def no_bytes(root: Path) -> None:
    """3.png is a file whose bytes no process can read."""
    (root / "3.png").unlink()
    (root / "3.png").symlink_to("/proc/self/mem")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that cannot be read, also by root")
@pytest.mark.parametrize("settled", [0, kept_files.SETTLED])
def test_an_input_output_error_costs_one_file_is_named_and_the_file_is_read_again(tmp_path, monkeypatch, settled):
    monkeypatch.setattr(kept_files, "SETTLED", settled)
    root = make_pictures(tmp_path / "in")
    whole = (root / "3.png").read_bytes()
    first = fingerprint(root, tmp_path / "cache")
    no_bytes(root)
    data = dataset(root, tmp_path / "cache")
    store = open_store(data, 8, hounsfield=False)
    assert data.fingerprint != first
    assert (len(store), store.rejected) == (9, {"unreadable (Input/output error)": 1})
    (root / "3.png").unlink()
    (root / "3.png").write_bytes(whole)
    again = dataset(root, tmp_path / "cache")
    assert again.fingerprint == first
    assert len(open_store(again, 8, hounsfield=False)) == 10


def test_a_file_that_is_lost_while_it_is_decoded_stops_the_build_and_the_next_start_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_files, "SETTLED", 0)
    root = make_pictures(tmp_path / "in")
    data = dataset(root, tmp_path / "cache")
    whole = (root / "3.png").read_bytes()
    no_bytes(root)
    with pytest.raises(MedxferError, match=r"3\.png cannot be read \(Input/output error\), and could be before: run"):
        open_store(data, 8, hounsfield=False)
    assert len(open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)) == 9
    (root / "3.png").unlink()
    (root / "3.png").write_bytes(whole)
    assert len(open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)) == 10


class Faulty(PictureReader):
    """The disk fails while 3.png is decoded."""

    def pictures(self, path, hounsfield):
        if path.name == "3.png":
            raise OSError(5, "Input/output error")
        yield from super().pictures(path, hounsfield)


def test_an_error_of_reading_is_not_called_an_error_of_writing(tmp_path):
    root = make_pictures(tmp_path / "in")
    source = ImageFolder(str(root), str(root / "labels.csv"))
    source.reader = Faulty()
    data = open_dataset(source, tmp_path / "cache")
    with pytest.raises(MedxferError, match=r"3\.png cannot be read") as raised:
        open_store(data, 8, hounsfield=False)
    assert "store.root" not in str(raised.value)


def test_what_is_left_out_is_that_of_today(tmp_path):
    """A row without a label that is added or taken away changes no image."""
    root = make_pictures(tmp_path / "in")
    table = pd.read_csv(root / "labels.csv")
    open_store(dataset(root, tmp_path / "cache"), 8, hounsfield=False)
    more = pd.DataFrame({"path": ["0.png", "gone.png"], "label": ["a", "b"], "patient_id": ["P0", "P9"]})
    pd.concat([table, more.tail(1)]).to_csv(root / "labels.csv", index=False)
    data = dataset(root, tmp_path / "cache")
    assert open_store(data, 8, hounsfield=False).rejected == {"file missing": 1}
    assert pd.read_csv(data.folder / "left_out.csv")["file"].tolist() == ["gone.png"]


@settings(max_examples=25, phases=[Phase.generate])
@given(st.lists(st.sampled_from(["write", "touch", "same", "fault"]), min_size=1, max_size=6), st.booleans())
def test_what_is_kept_is_what_the_files_hold(tmp_path_factory, changes, settled):
    folder = tmp_path_factory.mktemp("files")
    paths = {str(number): folder / str(number) for number in range(4)}
    for name, path in paths.items():
        path.write_text(name)
    was = kept_files.SETTLED
    kept_files.SETTLED = 0 if settled else was
    try:
        for number, change in enumerate(changes):
            path = paths[str(number % 4)]
            if change == "write":
                path.unlink(missing_ok=True)
                path.write_text(f"change {number}")
            elif change == "touch":
                path.touch()
            elif change == "fault":
                path.unlink(missing_ok=True)
            found = kept_files.contents_of(paths, folder / "kept.parquet")
            for name, one in paths.items():
                assert tuple(found.loc[name]) == tuple(content_of(one))
    finally:
        kept_files.SETTLED = was
