"""Stored values against GDCM, an independent reader. Opt-in: `pip install python-gdcm`; needs real files."""

import csv
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from medxfer.data.dicom import DicomError
from medxfer.data.dicom_header import silence
from medxfer.data.dicom_pixels import GRAY, PixelFormat, open_dicom, used_bits

gdcm = pytest.importorskip("gdcm", reason="the reference reader is opt-in: pip install python-gdcm")

LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)


def write_by_gdcm(path: Path, form: PixelFormat, target: Path) -> None:
    """All frames, (frames, H, W), as `target` (.npy); nothing where GDCM cannot read the file."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        return
    raw = reader.GetImage().GetBuffer().encode("utf-8", errors="surrogateescape")
    stored = np.frombuffer(raw, f"<{'i' if form.signed else 'u'}{form.bits_allocated // 8}")
    np.save(target, used_bits(stored.reshape(form.frames, form.rows, form.columns), form))


@pytest.mark.data
@pytest.mark.parametrize(
    ("table", "at_least"),
    [("dicom_odd/index.csv", 98), ("dx_covid/labels.csv", 84), ("ct_contrast/labels.csv", 79)],
)
def test_stored_values(test_data: Path, tmp_path: Path, table: str, at_least: int) -> None:
    with (test_data / table).open(newline="") as rows:
        paths = [(test_data / table).parent / row["path"] for row in csv.DictReader(rows)]
    compared = 0
    for number, path in enumerate(paths):
        try:
            with silence(), open_dicom(path) as file:
                form = file.format
                if form.photometric not in GRAY or form.bits_allocated == 1:
                    continue
                if form.bits_allocated == 32 and file.syntax == uid.ExplicitVRBigEndian:
                    continue  # GDCM leaves these in the other byte order
                stored = np.stack([file.stored(i) for i in range(form.frames)])
        except DicomError:
            continue
        reference = tmp_path / f"{number}.npy"
        # in its own process, because GDCM aborts on some of the odd files
        process = multiprocessing.get_context("fork").Process(target=write_by_gdcm, args=(path, form, reference))
        process.start()
        process.join()
        if reference.exists():
            difference = np.abs(stored.astype(np.int64) - np.load(reference)).max()
            assert difference <= (1 if file.syntax in LOSSY else 0), path.name  # DCT decoders round apart
            compared += 1
    assert compared >= at_least
