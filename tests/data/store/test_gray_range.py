"""What is odd about the values of an image: slices that are calibrated wrongly, pictures that show nothing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medxfer.data.dicom import read_gray
from medxfer.data.phantom import example
from medxfer.data.store import gray_range
from medxfer.data.store.gray_range import odd_caveats, odd_range

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


def slice_of_a_body(border: float | None = None) -> NDArray[np.float32]:
    """HU: air around an ellipse of fat, soft tissue and bone; `border` lies outside of a circle."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    hu = np.full((128, 128), -1000.0)
    for radius, value in ((0.8, -100), (0.7, 50), (0.25, 700)):
        hu[x**2 + 1.5 * y**2 < radius**2] = value
    hu += rng.normal(0, 15, hu.shape)
    if border is not None:
        hu[x**2 + y**2 > 1] = border
    return hu.astype(np.float32)


@pytest.mark.parametrize("border", [None, -1024, -2000, -3024])
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda hu: hu, ""),
        (lambda hu: hu + 1024, gray_range.RAW),
        (lambda hu: np.maximum(hu - 1024, -2048), gray_range.SHIFTED),
        (lambda hu: np.rint(hu) % 4096, gray_range.WRAPPED),
        (lambda hu: np.clip((hu + 160) / 400, 0, 1) * 255, gray_range.NO_AIR),
        (lambda hu: hu * 0 + 7, gray_range.ONE_VALUE),
    ],
)
def test_a_slice_that_is_calibrated_wrongly_is_odd_whatever_its_border(border, wrong, reason) -> None:
    hu = wrong(slice_of_a_body())
    if border is not None and reason in ("", gray_range.SHIFTED, gray_range.RAW):
        hu[slice_of_a_body(1e6) == 1e6] = border + 1024 * (reason == gray_range.RAW)
    assert odd_range(hu.astype(np.float32), hounsfield=True) == reason


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("gray", "reason"),
    [
        (RAMP, ""),
        (0.3 + RAMP / 4, ""),
        (RAMP / 16, gray_range.FEW_LEVELS),  # 12 bits in 16
        (0.8 + RAMP / 16, gray_range.FEW_LEVELS),
        ((RAMP > 0.5) * 1.0, gray_range.BLACK_AND_WHITE),  # a mask
        (np.where(RAMP > 0.995, RAMP, 0), gray_range.BLACK_AND_WHITE),  # a window that is far off
        (RAMP * 0, gray_range.ONE_VALUE),
        (RAMP * 0 + 1, gray_range.ONE_VALUE),
    ],
)
def test_a_picture_that_shows_nothing_is_odd(dtype, gray, reason) -> None:
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    assert odd_range((gray * white).astype(dtype), hounsfield=False) == reason


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0, 1), st.floats(0, 1), st.integers(2, 21))
def test_few_levels_are_told_by_the_percentiles_however_few_pixels_are_beyond(
    dark: int, light: int, darkest: float, lightest: float, side: int
) -> None:
    gray = np.full(side**2, (darkest + lightest) / 2, np.float32)
    gray[: min(dark, side**2)], gray[max(side**2 - light, 0) :] = darkest, lightest
    low, high = np.percentile(gray, [1, 99])
    at_ends = ((gray <= 0) | (gray >= 1)).mean() >= 0.99
    told = odd_range(gray.reshape(side, side), hounsfield=False)
    assert (told == gray_range.FEW_LEVELS) == (high - low < 1 / 8 and not at_ends and gray.min() < gray.max())


def test_a_large_picture_is_judged_like_a_small_one() -> None:
    assert odd_range(np.kron(slice_of_a_body(), np.ones((16, 16), np.float32)), hounsfield=True) == ""


def test_phantoms_are_not_odd() -> None:
    for modality in ("CT", "DX"):
        assert odd_range(example(modality, 128), hounsfield=modality == "CT") == ""


def test_caveats_count_images() -> None:
    odd = ["", gray_range.ONE_VALUE, "", gray_range.RAW, gray_range.ONE_VALUE]
    assert odd_caveats(odd) == (
        "one value everywhere: 2 of 5 images",
        "soft tissue near +1,000 HU: the intercept is missing: 1 of 5 images",
    )
    assert odd_caveats(["", ""]) == ()


@pytest.mark.data
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda hu: hu, ""),
        (lambda hu: hu + 1024, gray_range.RAW),
        (lambda hu: np.maximum(hu - 1024, -2048), gray_range.SHIFTED),
        (lambda hu: np.rint(hu) % 4096, gray_range.WRAPPED),
    ],
)
def test_real_slices_are_right_and_their_wrong_forms_are_told(test_data: Path, wrong, reason) -> None:
    for path in sorted((test_data / "ct_contrast").rglob("*.dcm")):
        assert odd_range(wrong(read_gray(path, window=None)), hounsfield=True) == reason, path.name
