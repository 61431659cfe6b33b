"""An inventory before labels exist: what is in it, who may read it, and that it goes on where it stopped."""

import stat
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from pacs_export import PacsExport, pacs_export
from PIL import Image

from medxfer.base.errors import MedxferError
from medxfer.data.__main__ import main
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.inspect import inventory
from medxfer.data.inspect.inventory import COLUMNS, describe_file, take_inventory


@pytest.fixture
def export(tmp_path: Path) -> PacsExport:
    return pacs_export(tmp_path)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_an_export_is_told_file_by_file(export: PacsExport, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "index.csv"
    assert main(["scan", f"root={export.root}", f"out={out}"]) == 0
    table = read(out)
    assert list(table) == list(COLUMNS)
    assert len(table) == export.files
    assert table["path"].is_unique
    assert (table["label"] == "").all()
    images = table[table["left_out"] == ""]
    assert len(images) == export.images
    assert images["patient_id"].nunique() == images["AccessionNumber"].nunique() == export.patients
    assert set(images["image_type"]) == {"ORIGINAL/PRIMARY/AXIAL"}
    assert set(images[["rows", "columns", "bits"]].itertuples(index=False, name=None)) == {("32", "32", "12")}
    assert (images["date_order"] == "1").all()
    assert table["left_out"].value_counts().drop("").to_dict() == {
        "by rule: localizer": 12, "by rule: no image (SR)": 12, "by rule: no image (SEG)": 12,
        "by rule: derived secondary capture": 12, "by rule: copy of another file": 1,
        "by rule: no image (Media Storage Directory Storage)": 1,
    }  # fmt: skip
    assert set(table["burned_in"]) == {"unsaid", "yes"}
    assert "Anna" not in out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert all(words in said for words in ("CT Image Storage", "by rule: localizer", "broken link", "link to a folder"))
    assert not any(private in said for private in ("PAT0", "ACC0", "1.2.826"))
    assert not list(tmp_path.glob(".index.csv*"))


def test_pseudonyms_join_within_a_table_and_tell_nothing(export: PacsExport, tmp_path: Path) -> None:
    plain, first, second = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    take_inventory(export.root, plain, pseudonyms=False)
    for out in (first, second):
        assert main(["scan", f"root={export.root}", f"out={out}", "pseudonyms=true"]) == 0
    for column in ("patient_id", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber"):
        one, other, true = (read(out)[column] for out in (first, second, plain))
        assert (one == "").equals(true == "")
        assert pd.factorize(one)[0].tolist() == pd.factorize(true)[0].tolist()
        known = true != ""
        assert not set(one[known]) & (set(true) | set(other))


def test_studies_of_a_patient_are_counted_in_the_order_of_their_dates() -> None:
    rows = [("a", "20260301"), ("a", "20250301"), ("a", "20260301"), ("b", "20200101"), ("", "2026"), ("b", "")]
    facts = pd.DataFrame([{"patient": patient, "studied": date} for patient, date in rows])
    assert inventory._date_order(facts).tolist() == ["2", "1", "2", "1", "", ""]


def test_pictures_and_other_files_are_told_by_content(tmp_path: Path) -> None:
    Image.new("L", (7, 5)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.dcm")
    (tmp_path / "notes.txt").write_text("of the patient")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "torn.dcm").write_bytes(b"")
    assert describe_file(tmp_path / "a.dcm").size == "5×7"
    found = {path.name: describe_file(path).unreadable for path in sorted(tmp_path.iterdir())}
    assert found == {
        "a.dcm": "", "notes.txt": inventory.OTHER_KIND, "torn.dcm": "empty", "torn.png": "undecodable",
    }  # fmt: skip
    table = take_inventory(tmp_path, tmp_path.parent / "pictures.csv", pseudonyms=True).table
    assert "patient_id" not in table  # a column of nothing would be one of patients that are not known


def test_a_scan_goes_on_where_it_was_stopped(
    export: PacsExport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "_FILES_AT_ONCE", 1000)  # in this process, where it can be stopped and counted
    read_files: list[Path] = []
    stop_at = 40

    def counted(path: Path) -> HeaderFacts:
        read_files.append(path)
        if len(read_files) == stop_at:
            raise KeyboardInterrupt
        return describe_file(path)

    def by_file(root: Path, parts: list[list[str]]):
        yield from ({file: list(counted(root / file))} for part in parts for file in part)

    monkeypatch.setattr(inventory, "_described", by_file)
    out = tmp_path / "index.csv"
    with pytest.raises(KeyboardInterrupt):
        take_inventory(export.root, out, pseudonyms=False)
    assert not out.exists()
    (journal,) = tmp_path.glob(".index.csv.*.partial")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    with journal.open("a") as lines:
        lines.write('["torn')  # as a kill leaves it
    first = read_files[0]
    first.write_bytes(b"")  # was changed meanwhile
    again = len(read_files)
    table = take_inventory(export.root, out, pseudonyms=False).table.set_index("path")
    assert len(read_files) - again == export.files - (stop_at - 1) + 1
    assert table["left_out"][str(first.relative_to(export.root))] == "empty"
    assert not journal.exists()


def test_many_files_are_read_in_processes_with_the_same_result(export: PacsExport, tmp_path: Path) -> None:
    whole = take_inventory(export.root, tmp_path / "a.csv", pseudonyms=False).table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "_FILES_AT_ONCE", 20)
        assert take_inventory(export.root, tmp_path / "b.csv", pseudonyms=False).table.equals(whole)


def test_what_is_wrong_is_one_sentence(export: PacsExport, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "there.csv").write_text("path,label\nwork of a week,\n")
    (tmp_path / "folder.csv").mkdir()
    for root, out, words in (
        (tmp_path / "none", "a.csv", "no such folder"),
        (tmp_path / "empty", "a.csv", "holds no file"),
        (export.root, "there.csv", "is there already"),
        (export.root, "no/folder/a.csv", "there is no folder"),
        (export.root, "folder.csv", "is a folder"),
        (export.root, "a.xlsx", "give a file whose name ends in .csv"),
    ):
        assert main(["scan", f"root={root}", f"out={tmp_path / out}"]) == 1
        error = capsys.readouterr().err
        assert words in error
        assert error.startswith("error: ")
    with pytest.raises(MedxferError, match=r"out=.*is there already"):
        take_inventory(export.root, tmp_path / "there.csv", pseudonyms=False)


def test_nifti_volumes_are_told_by_what_their_headers_have(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = tmp_path / "volumes"
    root.mkdir()
    nibabel.save(nibabel.Nifti1Image(np.zeros((6, 5, 4), np.int16), np.diag([-1, -1, 2, 1])), root / "a.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((6, 5, 4, 3), np.int16), np.eye(4)), root / "times.nii")
    (root / "text.NII").write_text("no volume")
    assert main(["scan", f"root={root}", f"out={tmp_path / 'index.csv'}"]) == 0
    table = read(tmp_path / "index.csv").set_index("path")
    assert table["left_out"].to_dict() == {"a.nii.gz": "", "text.NII": "undecodable", "times.nii": "several volumes"}
    assert table.loc["a.nii.gz", ["modality", "frames", "rows", "columns", "bits", "burned_in"]].tolist() == [
        "volumes", "4", "5", "6", "16", "unsaid",
    ]  # fmt: skip
    said = " ".join(capsys.readouterr().out.split())
    assert "1 NIfTI volume, whose frames are axial slices: data=nifti takes them for CT" in said
    assert "data.frame=" not in said
