"""Lookup tables of files, and the stretch of images that have none (PS3.3 C.11.1, C.11.2), in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A Modality or VOI LUT: `entries[i]` is for the input `first + i`, the ends for all beyond."""

    first: int
    entries: Floats
    bits: int

    def values(self, x: Floats) -> Floats:
        """The entries for `x` (any shape), which is rounded to whole inputs."""
        index = np.clip(np.rint(x) - self.first, 0, len(self.entries) - 1)
        return np.asarray(self.entries[index.astype(np.intp)])

    def gray(self, x: Floats) -> Floats:
        """The same in [0, 1]."""
        return self.values(x) / ((1 << self.bits) - 1)


def lookup_table(descriptor: Sequence[float], data: Any, little_endian: bool, low: float, high: float) -> LookupTable:
    """From the values of LUT Descriptor and LUT Data (bytes, or one or more integers), for inputs `low` to `high`.

    Written for what files hold. 0 entries mean 65,536. The first input loses its sign if the element's
    representation does not fit it: of both readings, the one that covers more inputs counts. 8-bit entries
    may be packed two a word. The bits stated may be too few for the entries, or those of the container
    (some CR systems state 16 for 12 bits).

    Raises ValueError if descriptor and data do not make a table.
    """
    if len(descriptor) != 3:
        raise ValueError("a LUT descriptor has three values")
    count, first, bits = (int(v) for v in descriptor)
    count = count & 0xFFFF or 0x10000
    if isinstance(data, bytes):
        words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2")
    else:
        words = (np.atleast_1d(np.asarray(data, np.int64)) & 0xFFFF).astype("<u2")
    if words.size < count:
        words = words.astype("<u2").view(np.uint8)
    if words.size < count:
        raise ValueError("the LUT data is shorter than its descriptor says")
    entries = words[:count].astype(np.float64)
    return LookupTable(_first(first, count, low, high), entries, _bits(bits, int(entries.max())))


def _first(first: int, count: int, low: float, high: float) -> int:
    unsigned = first & 0xFFFF
    readings = {first, unsigned, unsigned - 0x10000 if unsigned >= 0x8000 else unsigned}
    return max(readings, key=lambda f: (min(f + count - 1, high) - max(f, low), f == first))


def _bits(stated: int, largest: int) -> int:
    needed = max(largest.bit_length(), 1)
    container = stated == 16 and (needed <= 12 or largest == 2**needed - 1)
    return needed if container or not needed <= stated <= 16 else stated


def percentiles(values: Floats, counts: NDArray[np.int64], percent: Sequence[float]) -> Floats:
    """The lowest of `values` (n,) that reach each of `percent` of all `counts` (n,), which are not all 0."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(counts[order])
    ranks = np.maximum(np.asarray(percent) / 100 * cumulative[-1], 1)
    return np.asarray(values[order][np.searchsorted(cumulative, ranks)])


def stretch(values: Floats, counts: NDArray[np.int64], percent: tuple[float, float]) -> Floats:
    """`values` (n,), occurring `counts` times, in [0, 1]: linear between the two percentiles, or between the
    extremes if those coincide; all 0 if the extremes do as well."""
    if not counts.any():
        return np.zeros_like(values)
    for pair in (percent, (0, 100)):
        low, high = percentiles(values, counts, pair)
        if high > low:
            return np.asarray(np.clip((values - low) / (high - low), 0, 1))
    return np.zeros_like(values)
