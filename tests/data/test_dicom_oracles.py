"""Real files against GDCM's and DCMTK's stored values, against a plain gray path on these, against DCMTK's pictures.

Opt-in: `pip install python-gdcm`, `apt-get install dcmtk`; needs real files. `-s` prints what was compared, and the
largest deviation.
"""

import importlib.util
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from oracles import JPEG2000, dcmtk_stored, gdcm_stored, pydicom_stored, real_files, reference_gray
from pydicom import dcmread, uid

from medxfer.data.dicom import DicomError, read_gray
from medxfer.data.dicom_header import silence
from medxfer.data.dicom_pixels import GRAY, DicomFile, open_dicom

LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
SMALLEST = {"gdcm": 310, "dcmtk": 280, "pydicom": 330}  # files that each can read of those that we read
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not importlib.util.find_spec("gdcm") or not shutil.which("dcmdump"),
        reason="the reference readers are opt-in: pip install python-gdcm; apt-get install dcmtk",
    ),
]


def readable(test_data: Path) -> list[tuple[Path, str, DicomFile, np.ndarray]]:
    """Every grayscale file with its stored values, (frames, H, W)."""
    files = []
    for path in real_files(test_data):
        try:
            with silence(), open_dicom(path) as file:
                if file.format.photometric in GRAY:
                    stored = np.stack([file.stored(i) for i in range(file.format.frames)])
                    files.append((path, str(file.syntax), file, stored))
        except DicomError:
            continue
    return files


@pytest.mark.parametrize("oracle", list(SMALLEST))
def test_values(test_data: Path, tmp_path: Path, oracle: str) -> None:
    """Stored values equal; calibrated values and display gray those of a plain gray path on the oracle's values."""
    outcomes: Counter[str] = Counter()
    largest, wrong = 0.0, []
    for path, syntax, file, stored in readable(test_data):
        form = file.format
        swapped = syntax == uid.ExplicitVRBigEndian and form.bits_allocated == 32
        if oracle != "pydicom" and (form.bits_allocated == 1 or stored.dtype.kind == "f" or swapped):
            outcomes["left to pydicom: one bit, float, 32 bits big-endian"] += 1
            continue
        if oracle == "pydicom":  # with the same decoders as ours, so only a third opinion
            theirs = pydicom_stored(path, form)
        elif oracle == "gdcm":
            theirs = gdcm_stored(path, form, tmp_path)
        else:
            theirs = dcmtk_stored(path, syntax, form, tmp_path)
        if theirs is None:
            outcomes[f"not read by {oracle}" + (" (JPEG 2000)" if syntax in JPEG2000 else "")] += 1
            continue
        outcomes["compared"] += 1
        difference = np.abs(stored.astype(np.float64) - theirs).max()
        if difference > (1 if syntax in LOSSY else 0):  # DCT decoders round apart
            wrong.append((path.name, "stored", difference))
        if difference:
            outcomes["lossy, one apart"] += 1
            theirs = stored
        with silence():
            dataset = dcmread(path, force=True)
            for frame in range(min(form.frames, 4)):
                calibrated, gray = reference_gray(dataset, theirs[frame], frame)
                ours = read_gray(path, frame, for_processing=True).astype(np.float64)
                deviation = np.abs(ours - gray).max()
                largest = max(largest, deviation)
                if deviation > 1 / 65535:
                    wrong.append((path.name, "display", deviation))
                ours = read_gray(path, frame, None, for_processing=True).astype(np.float64)
                if not np.allclose(ours, calibrated, rtol=2**-23, atol=1e-6):
                    wrong.append((path.name, "calibrated", np.abs(ours - calibrated).max()))
    print(f"\n{oracle}: {dict(outcomes)}; largest deviation of display gray {largest * 65535:.4f} / 65,535")
    assert wrong == []
    assert outcomes["compared"] >= SMALLEST[oracle]


def test_pictures_by_dcmtk(test_data: Path, tmp_path: Path) -> None:
    """The whole path as DCMTK has it, 16 bits, truncated; it is exact for whole slopes, windows and MONOCHROME1."""
    compared, largest, wrong = 0, 0.0, []
    for path, syntax, _, _ in readable(test_data):
        with silence():
            dataset = dcmread(path, force=True, stop_before_pixels=True)
            slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
            plain = "WindowWidth" in dataset and dataset.get("VOILUTFunction", "LINEAR") == "LINEAR"
            whole = slope == int(slope) > 0 and intercept == int(intercept)
        if (
            syntax in (*LOSSY, *JPEG2000)
            or not plain
            or not whole
            or "VOILUTSequence" in dataset
            or "PixelPaddingValue" in dataset
        ):
            continue
        tool = "dcml2pnm" if syntax in (uid.JPEGLSLossless, uid.JPEGLSNearLossless) else "dcmj2pnm"
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
