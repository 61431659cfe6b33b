"""The reader says nothing aloud: no warning, log line or output, whatever the header holds."""

import logging
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from dicom_files import codestream, with_codestream, write_dicom
from pydicom import config, dcmread, uid

from medxfer.data.dicom import DicomError, read_frames, read_gray, silence

PIXELS = np.random.default_rng(0).integers(0, 4096, (64, 64), np.uint16)
SECRET = "SECRET^NAME"


def speech() -> list[tuple[list[logging.Handler], bool]]:
    """What comes of the libraries' log lines."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "openjpeg")]
    return [(list(logger.handlers), logger.propagate) for logger in loggers]


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
    before = config.settings.reading_validation_mode, speech()
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
    assert (config.settings.reading_validation_mode, speech()) == before


def test_others_may_speak_between_frames(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "image.dcm", np.stack([PIXELS, PIXELS]))
    before = speech()
    for _ in read_frames(path):
        assert speech() == before


def test_threads_leave_each_other_silent_and_everything_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every thread reads a file whose header pydicom complains of; one is in the middle when another begins or ends."""
    path = tmp_path / "image.dcm"
    damaged(path)
    caplog.set_level(logging.DEBUG)
    before, filters = speech(), list(warnings.filters)
    mode = config.settings.reading_validation_mode
    wrong: list[object] = []

    def read(_: int) -> None:
        for _ in range(10):
            with suppress(DicomError), silence():
                if config.settings.reading_validation_mode != config.IGNORE:
                    wrong.append("validation")
                read_gray(path)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(read, range(6)))
    assert (wrong, warned, caplog.records) == ([], [], [])
    assert (speech(), warnings.filters) == (before, filters)
    assert config.settings.reading_validation_mode == mode


def test_a_block_that_ends_while_another_goes_on_does_not_end_its_silence(caplog: pytest.LogCaptureFixture) -> None:
    first, second = silence(), silence()
    before, filters = speech(), list(warnings.filters)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    logging.getLogger("pydicom.pixels.utils").critical(SECRET)
    assert caplog.records == []
    second.__exit__(None, None, None)
    logging.getLogger("pydicom.pixels.utils").critical("heard")
    assert [record.message for record in caplog.records] == ["heard"]
    assert (speech(), warnings.filters) == (before, filters)


@pytest.mark.parametrize("name", ["pydicom", "pydicom.pixels.decoders.base", "openjpeg._openjpeg"])
def test_a_program_s_own_handler_hears_nothing_within(name: str) -> None:
    heard, own = [], logging.getLogger(name.partition(".")[0])
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign]
    own.addHandler(handler)
    try:
        with silence():
            logging.getLogger(name).error(SECRET)
        logging.getLogger(name).error("heard")
    finally:
        own.removeHandler(handler)
    assert [record.getMessage() for record in heard] == ["heard"]
