"""Real files: pictures against their references, and every odd file an image or one typed error (`-s` prints which)."""

import csv
import hashlib
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.pixels import apply_rescale

from medxfer.data.dicom import DicomError, inspect, read_frames, read_gray, silence
from medxfer.data.dicom.pixels import GRAY, open_dicom

SECONDS = 5


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def image_or_error(path: Path) -> str:
    """ "read", or the kind of the refusal."""
    try:
        gray = read_gray(path)
    except DicomError as error:
        return error.kind
    assert gray.dtype == np.float32
    assert gray.ndim == 2
    assert gray.min() >= 0
    assert gray.max() <= 1
    assert f"{gray.shape[0]}×{gray.shape[1]}" == inspect(path).size
    return "read"


@pytest.mark.data
def test_dx_covid_looks_like_its_reference(test_data: Path) -> None:
    differing = 0
    for row in rows(test_data / "dx_covid/labels.csv"):
        gray = read_gray(test_data / "dx_covid" / row["path"]).astype(np.float64)
        reference = np.asarray(Image.open(test_data / "dx_covid" / row["reference_png"])).astype(int)
        difference = np.abs(np.floor(255 * gray + 0.5).astype(int) - reference)
        assert difference.max() <= 1, row["path"]
        differing += np.count_nonzero(difference)
    assert differing < 300  # ties of one file, which float32 rounds to the other side


@pytest.mark.data
def test_ct_contrast_is_in_hounsfield_units(test_data: Path) -> None:
    for row in rows(test_data / "ct_contrast/labels.csv"):
        path = test_data / "ct_contrast" / row["path"]
        hu = read_gray(path, window=None)
        dataset = dcmread(path)
        stored = dataset.pixel_array
        padding = (stored == -2000) if row["pixel_padding"] else np.zeros(stored.shape, bool)
        expected = apply_rescale(stored, dataset)
        assert np.abs(hu - expected)[~padding].max() < 1e-3, row["path"]
        if padding.any():
            assert (hu[padding] == hu[~padding].min()).all(), row["path"]
        assert hu.min() > -3000, row["path"]
        soft_tissue = read_gray(path, window=(40, 400))
        assert (soft_tissue[padding] == 0).all()
        assert soft_tissue.max() > 0.5


@pytest.mark.data
def test_every_odd_file_is_an_image_or_one_typed_error(test_data: Path) -> None:
    outcomes, seconds = {}, {}
    for row in rows(test_data / "dicom_odd/index.csv"):
        begin = time.monotonic()
        outcomes[row["path"]] = image_or_error(test_data / "dicom_odd" / row["path"])
        seconds[row["path"]] = time.monotonic() - begin
    print(f"\n{len(outcomes)} files: {dict(Counter(outcomes.values()))}; the slowest {max(seconds.values()):.2f} s")
    assert len(outcomes) == 222
    assert max(seconds.values()) < SECONDS
    for row in rows(test_data / "dicom_odd/index.csv"):
        outcome = outcomes[row["path"]]
        if row["decodes_plugins"] == "1":
            assert outcome == ("read" if row["photometric"] in GRAY else "not grayscale"), row["path"]
        if not row["pixel_element"]:
            assert outcome != "read" or row["path"].endswith("too_short.dcm"), row["path"]


READ_ALL = """
import sys
from medxfer.data.dicom import DicomError, read_gray
for path in sys.stdin.read().splitlines():
    try:
        read_gray(path, luminance=True, for_processing=True)
    except DicomError:
        pass
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.data
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says how much memory was held")
def test_no_odd_file_takes_a_gigabyte(test_data: Path) -> None:
    folder = test_data / "dicom_odd"
    paths = "\n".join(str(folder / row["path"]) for row in rows(folder / "index.csv"))
    done = subprocess.run([sys.executable, "-c", READ_ALL], input=paths, capture_output=True, text=True, check=True)
    print(f"\nthe most memory: {int(done.stdout.split()[1]) / 1000:.0f} MB")
    assert int(done.stdout.split()[1]) < 1_000_000  # kB, the interpreter's own included


@pytest.mark.data
def test_stored_values_of_odd_files(test_data: Path) -> None:
    compared = 0
    for row in rows(test_data / "dicom_odd/index.csv"):
        path = test_data / "dicom_odd" / row["path"]
        if row["decodes_plugins"] != "1" or row["photometric"] not in GRAY:
            continue
        with silence(), open_dicom(path) as file:
            frames: Any = np.stack([file.stored(i) for i in range(file.format.number_of_frames)])
        digest = hashlib.sha256(frames.astype(row["dtype"]).tobytes()).hexdigest()
        assert digest.startswith(row["pixels_sha256"]), row["path"]
        compared += 1
    assert compared == 115


@pytest.mark.data
def test_a_file_that_lacks_nothing_but_its_last_delimiter_is_whole(test_data: Path) -> None:
    folder = test_data / "dicom_odd/pydicom_data"
    short = list(read_frames(folder / "emri_small_jpeg_2k_lossless_too_short.dcm"))
    assert np.array_equal(short, list(read_frames(folder / "emri_small.dcm")))


def test_pydicoms_own_files() -> None:
    files = [path for path in (Path(pydicom.__file__).parent / "data").rglob("*") if path.is_file()]
    outcomes = [image_or_error(path) for path in files]
    assert outcomes.count("read") > 60
