"""Damaged files of every kind end in an image or in DicomError, and in nothing else.

Hundreds of cases by default; HYPOTHESIS_MAX_EXAMPLES sets how many each of the tests tries; -m slow tries 10,000.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_files import dicom_dataset, functional_group, lut, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import config, uid
from pydicom.data import get_testdata_file

from medxfer.data.dicom import DicomError, inspect, read_gray

EXAMPLES = int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "60"))
SYNTAXES = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
]
SHIPPED = {  # with pydicom, which has no encoder of them
    uid.JPEGBaseline8Bit: "SC_rgb_dcmtk_+eb+cr.dcm",
    uid.JPEGExtended12Bit: "JPGExtended.dcm",
    uid.JPEGLosslessSV1: "SC_rgb_jpeg_gdcm.dcm",
    uid.JPEGLSNearLossless: "JPEGLSNearLossless_16.dcm",
    uid.JPEG2000: "693_J2KI.dcm",
}
BOUNDED = settings(max_examples=EXAMPLES, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
FLOATS = st.floats(width=32).map(lambda x: f"{x:.8g}")


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Of a syntax: an enhanced image with every element that the reader looks at, or one that pydicom ships."""
    files = {
        syntax: Path(str(get_testdata_file(name, download=False))).read_bytes() for syntax, name in SHIPPED.items()
    }
    for syntax in SYNTAXES:
        dataset = dicom_dataset(
            np.random.default_rng(0).integers(0, 4096, (2, 32, 40), np.uint16),
            BitsStored=12,
            HighBit=11,
            PhotometricInterpretation="MONOCHROME1",
            PixelPaddingValue=0,
            PixelPaddingRangeLimit=9,
            WindowCenter=[40, 50],
            WindowWidth=[400, 500],
            VOILUTSequence=[lut(0, list(range(256)), 8)],
            SharedFunctionalGroupsSequence=[functional_group(slope=2, intercept=-1024)],
            PerFrameFunctionalGroupsSequence=[functional_group(window=(40, 400)) for _ in range(2)],
            ImagePositionPatient=[0, 0, 0],
        )
        files[syntax] = save(tmp_path_factory.mktemp("fuzz") / "whole.dcm", dataset, syntax).read_bytes()
    return files.__getitem__


def image_or_error(path: Path, window: object, frame: int) -> None:
    try:
        gray = read_gray(path, frame, window, luminance=True, for_processing=True)
    except DicomError:
        return
    inspect(path, luminance=True, for_processing=True)
    assert gray.dtype == np.float32
    assert gray.ndim == 2
    assert np.isfinite(gray).all()
    if window is not None:
        assert gray.min() >= 0
        assert gray.max() <= 1


def damaged(whole: bytes, data: st.DataObject) -> bytes:
    content = bytearray(whole)
    if data.draw(st.booleans(), label="truncate"):
        del content[data.draw(st.integers(0, len(content) - 1), label="length") :]
    for _ in range(data.draw(st.integers(0, 8), label="changes")):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    return bytes(content)


WINDOWS = st.sampled_from(["auto", None, (40.0, 400.0)])


@pytest.mark.parametrize("syntax", [*SYNTAXES, *SHIPPED], ids=lambda syntax: syntax.name)
def test_undamaged_they_are_images(tmp_path: Path, whole_file: Callable[[str], bytes], syntax: str) -> None:
    path = tmp_path / "whole.dcm"
    path.write_bytes(whole_file(syntax))
    assert read_gray(path, luminance=True).std() > 0


@pytest.mark.parametrize("syntax", [*SYNTAXES, *SHIPPED], ids=lambda syntax: syntax.name)
@BOUNDED
@given(data=st.data(), window=WINDOWS, frame=st.integers(0, 1))
def test_damaged_bytes(
    tmp_path: Path,
    whole_file: Callable[[str], bytes],
    syntax: str,
    data: st.DataObject,
    window: object,
    frame: int,
) -> None:
    path = tmp_path / "damaged.dcm"
    path.write_bytes(damaged(whole_file(syntax), data))
    image_or_error(path, window, frame)


@pytest.mark.data
@pytest.mark.parametrize("name", ["HTJ2K_08_RGB.dcm", "HTJ2KLossless_08_RGB.dcm"])
@BOUNDED
@given(data=st.data(), window=WINDOWS)
def test_damaged_bytes_of_htj2k(
    tmp_path: Path, test_data: Path, name: str, data: st.DataObject, window: object
) -> None:
    path = tmp_path / "damaged.dcm"
    path.write_bytes(damaged((test_data / "dicom_odd" / "pydicom_data" / name).read_bytes(), data))
    image_or_error(path, window, 0)


@BOUNDED
@given(
    elements=st.fixed_dictionaries(
        {},
        optional={
            "Rows": st.integers(0, 65535),
            "Columns": st.integers(0, 65535),
            "NumberOfFrames": st.integers(-5, 2**31 - 1),
            "SamplesPerPixel": st.integers(0, 5),
            "PhotometricInterpretation": st.sampled_from(["MONOCHROME1", "RGB", "PALETTE COLOR", "YBR_ICT", "?"]),
            "BitsAllocated": st.integers(0, 70),
            "BitsStored": st.integers(0, 70),
            "HighBit": st.integers(0, 70),
            "PixelRepresentation": st.integers(0, 3),
            "PixelPaddingRangeLimit": st.integers(0, 65535),
            "PixelPaddingValue": st.integers(0, 65535),
            "RescaleSlope": FLOATS,
            "RescaleIntercept": FLOATS,
            "WindowCenter": st.lists(FLOATS, max_size=3),
            "WindowWidth": st.lists(FLOATS, max_size=3),
            "VOILUTFunction": st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID", "?"]),
            "Modality": st.sampled_from(["CT", "DX", ""]),
        },
    ),
    window=WINDOWS,
)
def test_headers_that_claim_anything(tmp_path: Path, elements: dict[str, object], window: object) -> None:
    validation = config.settings.reading_validation_mode, config.settings.writing_validation_mode
    config.settings.reading_validation_mode = config.settings.writing_validation_mode = config.IGNORE
    try:
        path = save(tmp_path / "claims.dcm", dicom_dataset(np.zeros((20, 24), np.uint16), **elements))
    except Exception:  # pydicom cannot write it: no file to read
        return
    finally:
        config.settings.reading_validation_mode, config.settings.writing_validation_mode = validation
    image_or_error(path, window, 0)


@BOUNDED
@given(data=st.binary(max_size=2000), preamble=st.booleans(), window=WINDOWS)
def test_arbitrary_bytes(tmp_path: Path, data: bytes, preamble: bool, window: object) -> None:
    path = tmp_path / "bytes.dcm"
    path.write_bytes(bytes(128) + b"DICM" + data if preamble else data)
    image_or_error(path, window, 0)


@pytest.mark.slow
def test_ten_thousand_cases() -> None:
    env = {**os.environ, "HYPOTHESIS_MAX_EXAMPLES": str(-(-10_000 // (len(SYNTAXES) + len(SHIPPED) + 2)))}
    done = subprocess.run([sys.executable, "-m", "pytest", __file__], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
