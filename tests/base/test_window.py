"""Windows: the standard's formulas, written out here a second time, and the texts that name a window."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medxfer.base.errors import MedxferError
from medxfer.base.window import NAMED_WINDOWS, Window, linear, parse_window, window_name


def standard_linear(x: float, c: float, w: float) -> float:
    """PS3.3 C.11.2.1.2.1, word for word, with y from 0 to 1."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 1.0
    return (x - (c - 0.5)) / (w - 1) + 0.5


def standard_linear_exact(x: float, c: float, w: float) -> float:
    """PS3.3 C.11.2.1.3.2."""
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 1.0
    return (x - c) / w + 0.5


def standard_sigmoid(x: float, c: float, w: float) -> float:
    """PS3.3 C.11.2.1.3.1."""
    return 1 / (1 + math.exp(-4 * (x - c) / w))


FORMULAS = {"LINEAR": standard_linear, "LINEAR_EXACT": standard_linear_exact, "SIGMOID": standard_sigmoid}


@pytest.mark.parametrize("function", FORMULAS)
@given(center=st.integers(-2000, 4000), width=st.integers(1, 4000), offset=st.integers(-5000, 5000))
def test_window_is_the_standards(function: str, center: int, width: int, offset: int) -> None:
    x = center + offset / 4 if abs(offset) < 150 * width else center  # where exp does not overflow
    gray = Window(center, width, function).gray(np.array([x]))[0]
    assert gray == pytest.approx(FORMULAS[function](x, center, width), abs=1e-12)


@pytest.mark.parametrize("function", FORMULAS)
def test_window_is_monotone_and_bounded(function: str) -> None:
    gray = Window(40, 400, function).gray(np.linspace(-1e6, 1e6, 10001))
    assert gray.min() >= 0
    assert gray.max() <= 1
    assert (np.diff(gray) >= 0).all()


def test_widths_that_the_standard_forbids() -> None:
    assert Window(0, 1).valid
    assert not Window(0, 0.5).valid
    assert Window(0, 0.5, "SIGMOID").valid
    assert not Window(0, 0, "LINEAR_EXACT").valid


def test_a_window_of_width_one_is_a_step() -> None:
    assert Window(10, 1).gray(np.array([9.0, 9.5, 9.6, 10.0])).tolist() == [0, 0, 1, 1]


def test_names_and_numbers_are_parsed() -> None:
    assert parse_window("40/400") == Window(40.0, 400.0)
    assert parse_window("-600.5/1500") == Window(-600.5, 1500.0)
    assert parse_window("file") is None
    assert all(parse_window(name) == window for name, window in NAMED_WINDOWS.items())


@pytest.mark.parametrize(
    "text", ["", "lungs", "40", "40/", "/400", "40/0", "40/1", "40/-3", "a/b", "nan/400", "40/inf"]
)
def test_windows_that_cannot_be(text: str) -> None:
    with pytest.raises(MedxferError, match="window"):
        parse_window(text)


@given(center=st.floats(-2000, 4000), width=st.floats(1.5, 4000))
def test_a_tensor_is_shown_as_an_array_is(center: float, width: float) -> None:
    values = np.linspace(-3000, 5000, 101)
    tensor = linear(torch.from_numpy(values.copy()), center, width).clamp(0, 1)
    assert np.array_equal(tensor.numpy(), Window(center, width).gray(values))


def test_auto_is_a_fixed_window_for_ct_and_the_files_own_for_the_rest() -> None:
    assert parse_window(window_name("auto", "CT")) == Window(40, 400)
    assert parse_window(window_name("auto", "DX")) is None
    assert window_name("lung", "DX") == "lung"
    with pytest.raises(MedxferError, match="mixes CT"):
        window_name("auto", "CT+DX")
