"""Files as the store holds them: resized in gray, quantised, with or without their shape."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medxfer.data.store.decode import deepened, quantise, resize


def test_resizing_averages_instead_of_skipping_pixels() -> None:
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    small = resize(checks, 16)
    assert small.dtype == np.uint8
    assert np.abs(small[2:-2, 2:-2].astype(float) - 127.5).max() < 8


@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 40), st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_with_its_aspect_kept_a_picture_lies_in_the_middle_of_a_square(
    height: int, width: int, size: int, dtype: type
) -> None:
    square = resize(np.ones((height, width), dtype), size, keep_aspect=True, fill=0)
    assert (square.shape, square.dtype) == ((size, size), dtype)
    rows, columns = np.flatnonzero(square.any(1)), np.flatnonzero(square.any(0))
    assert max(len(rows), len(columns)) == size
    assert abs(len(rows) - size * height / max(height, width)) <= 1
    assert abs(len(columns) - size * width / max(height, width)) <= 1
    assert square[np.ix_(rows, columns)].all()  # one block
    assert abs(rows[0] - (size - 1 - rows[-1])) <= 1
    assert abs(columns[0] - (size - 1 - columns[-1])) <= 1


def test_hounsfield_units_to_the_nearest_and_gray_over_the_whole_range() -> None:
    assert quantise(np.float32([[-1024.4, 40.6, 1e9]]), hounsfield=True).tolist() == [[-1024, 41, 32767]]
    assert quantise(np.float32([[0, 0.5, 1]]), hounsfield=False).tolist() == [[0, 32768, 65535]]
    eight_bits = np.uint8([[0, 7, 255]])
    assert quantise(eight_bits, hounsfield=False) is eight_bits


def test_deeper_gray_is_the_same_gray() -> None:
    eight_bits = np.array([0, 7, 255], np.uint8)
    assert deepened(eight_bits, np.dtype(np.uint16)).tolist() == [0, 7 * 257, 65535]
    assert deepened(eight_bits, np.dtype(np.uint16)).dtype == np.uint16
    assert deepened(eight_bits, np.dtype(np.uint8)) is eight_bits
