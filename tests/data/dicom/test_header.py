"""Elements of every VR, whatever the standard says of theirs: read for what they say, absent, or a refusal."""

from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from dicom_files import dicom_dataset
from pydicom import config, uid
from pydicom.dataset import Dataset, FileMetaDataset

from medxfer.data.dicom import DicomError, describe, read_gray
from medxfer.data.dicom.header import Header
from medxfer.data.dicom.read_header import _READ
from medxfer.data.header_facts import HeaderFacts

INNER = Dataset()
INNER.PatientName = "SECRET^NAME"
VALUES: dict[str, tuple[str, Any]] = {
    "empty text": ("LO", ""),
    "text": ("LO", "SEVEN"),
    "a number as text": ("LO", "7"),
    "several texts": ("LO", ["SEVEN", "EIGHT"]),
    "whole numbers": ("IS", ["7", "8"]),
    "a whole number": ("IS", 7),
    "floats": ("FD", [0.5, float("nan")]),
    "infinite": ("FD", float("inf")),
    "huge": ("FD", 1e300),
    "signed": ("SL", -7),
    "64 bits": ("UV", 2**64 - 1),
    "decimals with spaces": ("DS", [" 7 ", "8 ", ""]),
    "signs that steer a terminal": ("LO", "\x1b[31mSEVEN\0\n\x9b"),
    "a name": ("PN", "SEVEN^A"),
    "bytes": ("OB", b"\x07\0\x08\0"),
    "digits as bytes": ("OB", b"77"),
    "a tag": ("AT", 0x00080060),
    "no item": ("SQ", []),
    "an item": ("SQ", [INNER]),
}


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """pydicom writes what no standard allows."""
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)


def element(keyword: str, vr: str, value: Any) -> Header:
    dataset = Dataset()
    dataset.add_new(keyword, vr, value)
    return Header(Path("image.dcm"), dataset)


def file_with(path: Path, keyword: str, vr: str, value: Any) -> Path:
    dataset = dicom_dataset(
        np.arange(64, dtype=np.uint16).reshape(8, 8), Modality="CT", RescaleSlope=1, RescaleIntercept=0, PatientID="P"
    )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.add_new(keyword, vr, value)
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    return path


@pytest.mark.parametrize("name", VALUES)
def test_every_element_may_have_any_vr(tmp_path: Path, name: str) -> None:
    """Facts have their types, nothing of a nested item is among them, and the gray is finite or refused."""
    types = get_type_hints(HeaderFacts)
    for keyword in _READ.split():
        path = file_with(tmp_path / "image.dcm", keyword, *VALUES[name])
        facts = describe(path)
        for field, value in facts._asdict().items():
            if types[field] in (str, int):
                assert type(value) is types[field], (keyword, field)
                assert str(value).isprintable(), (keyword, field)
        assert facts.frames < 2**63, keyword
        assert "SECRET" not in "".join(map(str, facts)), keyword
        try:
            gray = read_gray(path, window=None, for_processing=True)
        except DicomError:
            continue
        assert np.isfinite(gray).all(), keyword


@pytest.mark.parametrize(
    ("name", "texts", "text"),
    [
        ("text", ["SEVEN"], "SEVEN"),
        ("several texts", ["SEVEN", "EIGHT"], "SEVEN\\EIGHT"),
        ("a whole number", ["7"], "7"),
        ("whole numbers", ["7", "8"], "7\\8"),
        ("signed", ["-7"], "-7"),
        ("a name", ["SEVEN^A"], "SEVEN^A"),
        ("empty text", [], None),
        ("bytes", [], None),
        ("an item", [], None),
        ("no item", [], None),
    ],
)
def test_what_is_wanted_as_text(name: str, texts: list[str], text: str | None) -> None:
    header = element("SeriesDescription", *VALUES[name])
    assert (header.texts("SeriesDescription"), header.text("SeriesDescription")) == (texts, text)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("a number as text", [7]),
        ("whole numbers", [7, 8]),
        ("huge", [1e300]),
        ("decimals with spaces", [7, 8]),
        ("empty text", []),
        *((name, None) for name in ("text", "floats", "infinite", "bytes", "digits as bytes", "a name", "an item")),
    ],
)
def test_what_is_wanted_as_numbers(name: str, numbers: list[float] | None) -> None:
    """None: it is refused."""
    header = element("WindowCenter", *VALUES[name])
    if numbers is not None:
        assert header.numbers("WindowCenter") == numbers
        return
    with pytest.raises(DicomError, match="its WindowCenter is not a number"):
        header.numbers("WindowCenter")


def test_a_number_of_frames_beyond_any_is_refused_and_does_not_reach_a_table(tmp_path: Path) -> None:
    path = file_with(tmp_path / "image.dcm", "NumberOfFrames", "DS", "99999999999999999999")
    assert describe(path).frames == 1
    with pytest.raises(DicomError, match="its NumberOfFrames is not a whole number"):
        read_gray(path)


@pytest.mark.parametrize("value", [b"", b"AP"])
def test_a_vr_that_there_is_not_is_said_as_of_no_value(tmp_path: Path, value: bytes) -> None:
    path = file_with(tmp_path / "image.dcm", "ViewPosition", "CS", "PA")
    stated = b"\x18\x00\x01\x51CS\x02\x00PA"
    content = path.read_bytes()
    assert content.count(stated) == 1
    path.write_bytes(content.replace(stated, b"\x18\x00\x01\x51QQ" + len(value).to_bytes(2, "little") + value))
    facts = describe(path)
    assert (facts.view, facts.unreadable, facts.patient) == ("", "", "P")


def test_an_element_that_is_longer_than_its_file_is_refused(tmp_path: Path) -> None:
    """One of 16 MiB and more was read when it was asked for, and what that raised was no DicomError."""
    path = file_with(tmp_path / "image.dcm", "BitsStored", "UL", 16)
    stated = b"\x28\x00\x01\x01UL\x04\x00"
    content = path.read_bytes()
    assert content.count(stated) == 1
    damaged = content.replace(stated, b"\x28\x00\x01\x01UN\x00\x00\xff\xff\xff\x7f")
    path.write_bytes(damaged[:-1])  # no whole number of values
    assert describe(path).unreadable == "no pixel data"
