"""From calibrated values to display gray: VOI, inversion, padding, each with what is expected written out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import dicom_dataset, lut, save, write_dicom
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_rescale, apply_windowing

from medxfer.base.errors import MedxferError
from medxfer.data.dicom import inspect, read_gray
from medxfer.data.dicom.header import DicomError

RAMP12 = np.arange(4096, dtype=np.uint16).reshape(64, 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.dcm"


def close(actual: np.ndarray, expected: Any) -> bool:
    return actual.dtype == np.float32 and np.allclose(actual, expected, rtol=1e-6, atol=1e-7)


# --- VOI ---


def test_given_window_is_linear_on_calibrated_values(path: Path) -> None:
    write_dicom(path, RAMP12, RescaleIntercept=-1024, WindowCenter=1, WindowWidth=2, VOILUTFunction="SIGMOID")
    hu = RAMP12.astype(float) - 1024
    assert close(read_gray(path, window=(40, 400)), np.clip((hu - 39.5) / 399 + 0.5, 0, 1))


@pytest.mark.parametrize("window", ["lung", (40, 0), (40,), (1, 2, 3), (40, float("nan")), 7])
def test_no_window(path: Path, window: Any) -> None:
    write_dicom(path, RAMP12)
    with pytest.raises(MedxferError, match="no such window"):
        read_gray(path, window=window)


def test_one_of_several_windows(path: Path) -> None:
    write_dicom(
        path,
        RAMP12,
        WindowCenter=["000040", "-01.024000E+03"],
        WindowWidth=["000400", "1500"],
        WindowCenterWidthExplanation=["BRAIN", "LUNG"],
    )
    first, lung = read_gray(path, window=(40, 400)), read_gray(path, window=(-1024, 1500))
    assert (read_gray(path) == first).all()
    assert (read_gray(path, voi=1) == lung).all()
    assert (read_gray(path, voi="lung") == lung).all()


def test_windows_are_numbered_as_the_file_numbers_them(path: Path) -> None:
    names = ["NONE", "BRAIN", "FLAT", "LUNG"]
    windows = {
        "WindowCenter": [0, 40, 7, -600],
        "WindowWidth": [0, 400, 0.5, 1500],
        "WindowCenterWidthExplanation": names,
    }
    write_dicom(path, RAMP12, **windows)
    assert (read_gray(path) == read_gray(path, window=(40, 400))).all()  # the first that is possible
    assert (read_gray(path, voi=1) == read_gray(path, window=(40, 400))).all()
    assert (read_gray(path, voi=3) == read_gray(path, window=(-600, 1500))).all()
    for voi, words in (
        (2, "no possible width"),
        ("flat", "no possible width"),
        (4, "no such"),
        ("bone", "no such"),
        (-1, "no such"),
    ):
        with pytest.raises(DicomError, match=words) as caught:
            read_gray(path, voi=voi)
        assert caught.value.kind == "no such window"


def test_table_or_window(path: Path) -> None:
    table = lut(first=0, entries=[0] * 100 + [4095] * 3996, bits=12, explanation="STEP")
    write_dicom(path, RAMP12, VOILUTSequence=[table], WindowCenter=2048, WindowWidth=4096)
    step, window = RAMP12 >= 100, RAMP12 / 4095
    assert close(read_gray(path), step)
    assert close(read_gray(path, voi="step"), step)
    assert close(read_gray(path, voi=1), window)


def test_eight_bit_table_of_many_entries_does_not_wrap(path: Path) -> None:
    entries = (np.arange(4096) * 255 // 4095).tolist()
    write_dicom(path, RAMP12, VOILUTSequence=[lut(first=0, entries=entries, bits=8)])
    assert close(read_gray(path), (RAMP12.astype(int) * 255 // 4095) / 255)


def test_table_whose_first_input_lost_its_sign(path: Path) -> None:
    table = lut(first=64512, entries=list(range(4096)), bits=12)
    write_dicom(path, RAMP12, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=[table])
    assert close(read_gray(path), RAMP12 / 4095)


def test_empty_tables_do_not_count(path: Path) -> None:
    write_dicom(path, RAMP12, VOILUTSequence=[Dataset()], WindowCenter=2048, WindowWidth=4096)
    assert close(read_gray(path), RAMP12 / 4095)


@pytest.mark.parametrize("elements", [{"WindowCenter": 40}, {"WindowCenter": 40, "WindowWidth": 0}, {}])
def test_without_a_voi_ct_gets_the_default_window(path: Path, elements: dict[str, Any]) -> None:
    write_dicom(path, RAMP12, Modality="CT", RescaleSlope=1, RescaleIntercept=-1024, **elements)
    assert (read_gray(path) == read_gray(path, window=(40, 400))).all()


def test_without_a_voi_the_others_are_stretched(path: Path) -> None:
    write_dicom(path, RAMP12)
    assert close(read_gray(path), np.clip((RAMP12 - 40.0) / (4055 - 40), 0, 1))


def test_padding_is_left_out_of_the_stretch(path: Path) -> None:
    padded = RAMP12.copy()
    padded[:, :32] = 60000
    write_dicom(path, padded, PixelPaddingValue=60000)
    gray = read_gray(path)
    assert (gray[:, :32] == 0).all()
    assert gray[:, 32:].max() == 1
    assert gray[-2, 40] > 0.9


# --- photometric interpretation, padding ---


@pytest.mark.parametrize("shape", ["INVERSE", "IDENTITY", None])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_inverted_once_and_by_the_photometric_interpretation(path: Path, photometric: str, shape: str | None) -> None:
    elements = {"PresentationLUTShape": shape} if shape else {}
    write_dicom(path, RAMP12, PhotometricInterpretation=photometric, WindowCenter=1000, WindowWidth=500, **elements)
    y = np.clip((RAMP12 - 999.5) / 499 + 0.5, 0, 1)
    assert close(read_gray(path), 1 - y if photometric == "MONOCHROME1" else y)
    assert close(read_gray(path, window=(1000, 500)), 1 - y if photometric == "MONOCHROME1" else y)
    assert (read_gray(path, window=None) == RAMP12).all()
    contradiction = (photometric, shape) in [("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")]
    assert bool(inspect(path).caveats) == contradiction


@pytest.mark.parametrize(("vr", "value"), [("SS", -2000), ("US", 63536)])
def test_padding_in_either_representation(path: Path, vr: str, value: int) -> None:
    pixels = RAMP12.astype(np.int16)
    pixels[0] = -2000
    dataset = dicom_dataset(pixels, Modality="CT", RescaleSlope=1, RescaleIntercept=-1024)
    dataset.add_new("PixelPaddingValue", vr, value)
    save(path, dataset)
    hu = read_gray(path, window=None)
    assert (hu[0] == hu[1:].min()).all()
    assert (hu[1:] == RAMP12[1:].astype(int) - 1024).all()
    assert (read_gray(path)[0] == 0).all()


@pytest.mark.parametrize("ends", [(4000, 4095), (4095, 4000)])
def test_padding_range_is_inclusive_and_has_no_order(path: Path, ends: tuple[int, int]) -> None:
    write_dicom(
        path,
        RAMP12,
        PhotometricInterpretation="MONOCHROME1",
        PixelPaddingValue=ends[0],
        PixelPaddingRangeLimit=ends[1],
        WindowCenter=2048,
        WindowWidth=4096,
    )
    gray = read_gray(path)
    assert (gray[RAMP12 >= 4000] == 0).all()  # black, although MONOCHROME1 shows high values dark as well
    assert gray[RAMP12 == 3999] > 0
    assert close(gray[RAMP12 < 4000], 1 - RAMP12[RAMP12 < 4000] / 4095)


def test_padding_is_black_where_low_values_are_white(path: Path) -> None:
    elements = {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 2048, "WindowWidth": 4096}
    write_dicom(path, RAMP12, PixelPaddingValue=0, **elements)
    gray = read_gray(path)
    assert gray[0, 0] == 0
    assert gray[0, 1] > 0.99


def test_nothing_but_padding(path: Path) -> None:
    write_dicom(path, np.full((4, 4), 7, np.uint16), PixelPaddingValue=7)
    assert (read_gray(path) == 0).all()
    assert (read_gray(path, window=None) == 0).all()


def test_what_is_not_finite_is_padding(path: Path) -> None:
    pixels = np.arange(16, dtype=np.float32).reshape(4, 4)
    pixels[0, :2] = np.nan, np.inf
    write_dicom(path, pixels)
    assert (read_gray(path, window=None)[0] == [2, 2, 2, 3]).all()
    assert (read_gray(path)[0, :2] == 0).all()


# --- what a file says and the gray does not follow ---


@pytest.mark.parametrize(
    ("said", "burned_in"),
    [("YES", "yes"), ("NO", "no"), (None, "unsaid"), ("No", "unsaid"), ("N", "unsaid"), ("", "unsaid")],
)
def test_only_an_explicit_no_says_that_nothing_is_burned_in(path: Path, said: str | None, burned_in: str) -> None:
    write_dicom(path, RAMP12, **({} if said is None else {"BurnedInAnnotation": said}))
    assert inspect(path).burned_in == burned_in


@pytest.mark.parametrize("group", [0x6000, 0x601E])
def test_shutters_and_overlays_are_said_and_not_applied(path: Path, group: int) -> None:
    dataset = dicom_dataset(RAMP12, WindowCenter=2048, WindowWidth=4096)
    plain = read_gray(save(path, dataset))
    dataset.ShutterShape = "RECTANGULAR"
    dataset.ShutterLeftVerticalEdge = 30
    dataset.add_new((group, 0x0010), "US", 64)
    dataset.add_new((group, 0x0011), "US", 64)
    dataset.add_new((group, 0x3000), "OW", b"\xff" * 512)
    assert (read_gray(save(path, dataset)) == plain).all()
    assert inspect(path).caveats == (
        "a display shutter, which is not applied", "a graphic overlay, which is not applied",
    )  # fmt: skip


# --- pydicom as oracle, where it is safe ---


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bits=st.integers(8, 16),
    slope=st.sampled_from([1.0, 0.5, 2.0, 1.000244, 46.2619]),
    intercept=st.sampled_from([0.0, -1024.0, 200.0, 0.000061]),
    center=st.integers(-1000, 3000),
    width=st.integers(2, 5000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_window_and_rescale_as_pydicom_has_them(
    path: Path, bits: int, slope: float, intercept: float, center: int, width: int, function: str, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 2**bits, (9, 11)).astype(np.uint16)
    dataset = dicom_dataset(
        pixels,
        BitsStored=bits,
        HighBit=bits - 1,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=center,
        WindowWidth=width,
        VOILUTFunction=function,
    )
    save(path, dataset)
    calibrated = apply_rescale(pixels, dataset)
    assert np.allclose(read_gray(path, window=None), calibrated, rtol=1e-6)
    low, high = intercept, (2**bits - 1) * slope + intercept  # apply_windowing's output spans this
    expected = (apply_windowing(calibrated, dataset) - low) / (high - low)
    assert np.abs(read_gray(path) - expected).max() < 1e-6
