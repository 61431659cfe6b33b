"""The reader says nothing aloud: no warning, log line or output, whatever the header holds."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_files import codestream, with_codestream, write_dicom
from pydicom import config, dcmread, uid

from medxfer.data.dicom import DicomError, read_frames, read_gray

PIXELS = np.random.default_rng(0).integers(0, 4096, (64, 64), np.uint16)
SECRET = "SECRET^NAME"


def plain(path: Path) -> None:
    write_dicom(path, PIXELS, PatientName=SECRET, PatientID=SECRET)


def damaged(path: Path) -> None:
    write_dicom(path, PIXELS, PatientName=SECRET, Manufacturer=SECRET, RescaleSlope=12345678)
    path.write_bytes(path.read_bytes().replace(b"12345678", SECRET.encode()[:8]))


def undecodable(path: Path) -> None:
    dataset = dcmread(write_dicom(path, PIXELS, uid.JPEG2000Lossless, PatientName=SECRET))
    with_codestream(path, dataset, codestream(dataset)[:200] + SECRET.encode() + b"\xff\xd9")


@pytest.mark.parametrize("write", [plain, damaged, undecodable])
def test_nothing_is_said_aloud(
    tmp_path: Path,
    write: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "image.dcm"
    write(path)
    caplog.set_level(logging.DEBUG)
    before = config.settings.reading_validation_mode, logging.getLogger("pydicom").level
    capfd.readouterr()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if write is plain:
            read_gray(path)
        else:
            with pytest.raises(DicomError):
                read_gray(path)
    assert (warned, caplog.records) == ([], [])
    assert capfd.readouterr() == ("", "")
    assert (config.settings.reading_validation_mode, logging.getLogger("pydicom").level) == before


def test_others_may_speak_between_frames(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "image.dcm", np.stack([PIXELS, PIXELS]))
    level = logging.getLogger("pydicom").level
    for _ in read_frames(path):
        assert logging.getLogger("pydicom").level == level
