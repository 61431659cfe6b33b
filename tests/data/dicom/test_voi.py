"""Lookup tables as files hold them, and the stretch of images without any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medxfer.data.dicom.gray import LookupTable, lookup_table, percentiles, stretch


def test_table_takes_its_ends_beyond_them_and_rounds() -> None:
    table = LookupTable(first=10, entries=np.array([0.0, 100, 255]), bits=8)
    assert table.values(np.array([-5.0, 10, 10.6, 12, 9999])).tolist() == [0, 0, 100, 255, 255]
    assert table.gray(np.array([12.0]))[0] == 1


def test_zero_entries_mean_65536() -> None:
    table = lookup_table([0, 0, 16], list(range(65536)), True, 0, 65535)
    assert len(table.entries) == 65536
    assert table.gray(np.array([65535.0]))[0] == 1


@pytest.mark.parametrize(("first", "low", "high"), [(64512, -1024, 3071), (-1024, -1024, 3071)])
def test_first_input_is_negative_where_the_inputs_are(first: int, low: int, high: int) -> None:
    assert lookup_table([4096, first, 12], list(range(4096)), True, low, high).first == -1024


@pytest.mark.parametrize("first", [40000, 40000 - 65536])
def test_first_input_is_large_where_the_inputs_are(first: int) -> None:
    assert lookup_table([4096, first, 12], list(range(4096)), True, 40100, 43000).first == 40000


def test_a_signed_count_is_unsigned() -> None:
    data = [i & 0xFFFF for i in range(40000)]
    assert len(lookup_table([40000 - 65536, 0, 16], data, True, 0, 39999).entries) == 40000


def test_eight_bits_and_more_than_256_entries_do_not_wrap() -> None:
    ramp = np.linspace(0, 255, 4096).round().astype(int).tolist()
    table = lookup_table([4096, 0, 8], ramp, True, 0, 4095)
    assert (np.diff(table.gray(np.arange(4096.0))) >= 0).all()
    assert table.gray(np.array([4095.0]))[0] == 1


@pytest.mark.parametrize(("little_endian", "order"), [(True, "<u2"), (False, ">u2")])
def test_eight_bit_entries_packed_two_a_word(little_endian: bool, order: str) -> None:
    entries = np.arange(256, dtype=np.uint8)
    data = entries.view("<u2").astype(order).tobytes()  # the low byte of a word comes first
    assert (lookup_table([256, 0, 8], data, little_endian, 0, 255).entries == entries).all()
    words = entries.view("<u2").tolist()
    assert (lookup_table([256, 0, 8], words, little_endian, 0, 255).entries == entries).all()


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_words_in_either_byte_order(order: str) -> None:
    entries = np.arange(1000) * 65
    data = entries.astype(order).tobytes()
    assert (lookup_table([1000, 0, 16], data, order == "<u2", 0, 999).entries == entries).all()


@pytest.mark.parametrize(
    ("stated", "largest", "bits"),
    [
        (12, 4095, 12),
        (12, 2000, 12),  # a table need not reach white
        (8, 4095, 12),  # too few bits stated: they would wrap
        (16, 4095, 12),  # the container's size
        (16, 3990, 12),
        (16, 32767, 15),
        (16, 40000, 16),
        (16, 30000, 16),
        (0, 1023, 10),
    ],
)
def test_bits(stated: int, largest: int, bits: int) -> None:
    assert lookup_table([2, 0, stated], [0, largest], True, 0, 1).bits == bits


@pytest.mark.parametrize(
    ("descriptor", "data"),
    [([256, 0], [0] * 256), ([256, 0, 8], [0] * 100), ([2, 0, 8], None), ([4, 0, 16], b"\0\0")],
)
def test_no_table(descriptor: list[int], data: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        lookup_table(descriptor, data, True, 0, 255)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30).filter(any), st.sampled_from([0, 1, 25, 50, 99, 100]))
def test_percentiles_are_numpys(counts: list[int], percent: int) -> None:
    values = np.arange(len(counts), dtype=np.float64)[::-1].copy()
    image = np.repeat(values, counts)
    expected = np.percentile(image, percent, method="inverted_cdf")
    assert percentiles(values, np.array(counts), [percent])[0] == expected


def test_stretch_of_little() -> None:
    values = np.array([0.0, 5.0, 10.0])
    assert stretch(values, np.array([1000, 0, 1]), (1, 99)).tolist() == [0, 0.5, 1]  # by the extremes
    assert stretch(values, np.array([0, 9, 0]), (1, 99)).tolist() == [0, 0, 0]
    assert stretch(values, np.array([0, 0, 0]), (1, 99)).tolist() == [0, 0, 0]
