"""Real files against GDCM's and DCMTK's stored values, against a plain gray path on these, against DCMTK's pictures.

Opt-in: `pip install python-gdcm`, `apt-get install dcmtk`; needs real files. `-s` prints how many files were tried,
read, compared and refused for what reason, and the largest deviation.
"""

import importlib.util
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles import JPEG2000, dcmtk_stored, gdcm_stored, pydicom_stored, real_files, reference_gray
from pydicom import dcmread, uid

from medxfer.data.dicom import DicomError, read_gray, silence
from medxfer.data.dicom.pixels import GRAY, DicomFile, open_dicom

LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
SMALLEST = {"gdcm": 310, "dcmtk": 280, "pydicom": 330}  # files that each can read of those that we read
DISPLAYED = 4  # frames of a file; stored values are compared in all
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not importlib.util.find_spec("gdcm") or not shutil.which("dcmdump"),
        reason="the reference readers are opt-in: pip install python-gdcm; apt-get install dcmtk",
    ),
]


def opened(path: Path) -> tuple[DicomFile, NDArray[Any]] | str:
    """Our own reading: the header and all stored values, (frames, H, W); or why it is refused."""
    try:
        with silence(), open_dicom(path) as file:
            if file.format.photometric_interpretation not in GRAY:
                return "not grayscale"
            return file, np.stack([file.stored(i) for i in range(file.format.number_of_frames)])
    except DicomError as error:
        return error.kind


def stored_by(oracle: str, file: DicomFile, folder: Path) -> NDArray[Any] | str:
    """Its stored values of all frames, or why there are none."""
    form = file.format
    swapped = file.syntax == uid.ExplicitVRBigEndian and form.bits_allocated == 32
    stored: NDArray[Any] | None
    if oracle == "pydicom":  # with the same decoders as ours, so only a third opinion
        stored = pydicom_stored(file.path, form)
    elif form.bits_allocated == 1 or file.element != "PixelData" or swapped:
        return "left to pydicom: one bit, float, 32 bits big-endian"
    elif oracle == "gdcm":
        stored = gdcm_stored(file.path, form, folder)
    else:
        stored = dcmtk_stored(file.path, file.syntax, form, folder)
    return f"not read by {oracle}{' (JPEG 2000)' * (file.syntax in JPEG2000)}" if stored is None else stored


def deviations(path: Path, stored: NDArray[Any]) -> tuple[float, float]:
    """The largest of our display gray and of our calibrated values from the plain gray path's on `stored`; of the
    latter relative, and in units of float32's last place."""
    display = calibrated = 0.0
    with silence():
        dataset = dcmread(path, force=True)
        for frame, values in enumerate(stored[:DISPLAYED]):
            their_values, their_gray = reference_gray(dataset, values, frame)
            gray = read_gray(path, frame, for_processing=True).astype(np.float64)
            ours = read_gray(path, frame, None, for_processing=True).astype(np.float64)
            display = max(display, np.abs(gray - their_gray).max())
            unit = np.spacing(np.abs(their_values).astype(np.float32)) + 1e-6
            calibrated = max(calibrated, (np.abs(ours - their_values) / unit).max())
    return display, calibrated


@pytest.mark.parametrize("oracle", list(SMALLEST))
def test_values(test_data: Path, tmp_path: Path, oracle: str) -> None:
    """Stored values equal; calibrated values and display gray those of a plain gray path on the oracle's values."""
    refused: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    largest, wrong = 0.0, []
    paths = real_files(test_data)
    for path in paths:
        ours = opened(path)
        if isinstance(ours, str):
            refused[ours] += 1
            continue
        file, stored = ours
        theirs = stored_by(oracle, file, tmp_path)
        if isinstance(theirs, str):
            outcomes[theirs] += 1
            continue
        outcomes["compared"] += 1
        difference = np.abs(stored.astype(np.float64) - theirs).max()
        if difference > (1 if file.syntax in LOSSY else 0):  # DCT decoders round apart
            wrong.append((path.name, "stored", difference))
        elif difference:
            outcomes["lossy, stored values one apart"] += 1
            theirs = stored
        display, calibrated = deviations(path, theirs)
        largest = max(largest, display)
        if display > 1 / 65535 or calibrated > 1:
            wrong.append((path.name, "gray", display, calibrated))
    print(f"\n{oracle}: {len(paths)} files tried, {len(paths) - refused.total()} read: {dict(outcomes)}; refused: "
          f"{dict(refused)}; largest deviation of display gray {largest * 65535:.4f} / 65,535")  # fmt: skip
    assert wrong == []
    assert outcomes["compared"] >= SMALLEST[oracle]


def test_pictures_by_dcmtk(test_data: Path, tmp_path: Path) -> None:
    """The whole path as DCMTK has it, 16 bits, truncated; it is exact for whole slopes, windows and MONOCHROME1."""
    compared, largest, wrong = 0, 0.0, []
    for path in real_files(test_data):
        ours = opened(path)
        if isinstance(ours, str) or not has_plain_window(path) or ours[0].syntax in (*LOSSY, *JPEG2000):
            continue
        tool = "dcml2pnm" if ours[0].syntax in (uid.JPEGLSLossless, uid.JPEGLSNearLossless) else "dcmj2pnm"
        target = tmp_path / "picture.pgm"
        target.unlink(missing_ok=True)
        subprocess.run([tool, "+Wi", "1", "-O", "+opw", path, target], capture_output=True)
        if not target.exists():
            continue
        picture = np.array(target.read_bytes().split()[1:], dtype=np.int64)
        width, height, highest = picture[:3]
        gray = read_gray(path, for_processing=True).astype(np.float64) * highest
        deviation = np.abs(gray - (picture[3:].reshape(height, width) + 0.5)).max() - 0.5
        if deviation > 1:
            wrong.append((path.name, deviation))
        largest, compared = max(largest, deviation), compared + 1
    print(f"\nDCMTK's pictures: {compared} compared, at most {largest:.2f} of 65,535 beyond truncation")
    assert wrong == []
    assert compared >= 60


def has_plain_window(path: Path) -> bool:
    """A LINEAR window after a whole slope and intercept, and neither a table nor padding."""
    with silence():
        dataset = dcmread(path, force=True, stop_before_pixels=True)
        slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
        linear = "WindowWidth" in dataset and dataset.get("VOILUTFunction", "LINEAR") == "LINEAR"
        others = "VOILUTSequence" in dataset or "PixelPaddingValue" in dataset
    return linear and not others and slope == int(slope) > 0 and intercept == int(intercept)
