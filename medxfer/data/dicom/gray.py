"""The gray path: stored values → calibrated values → display gray (PS3.3 C.11.1, C.11.2, C.7.6.3; PS3.4 N.2).

The arithmetic is done once for every value that occurs, in float64; the picture is then one lookup a pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from medxfer.base.window import CT_WINDOW, Window
from medxfer.data.dicom.header import Header, refusing
from medxfer.data.dicom.pixels import GRAY, DicomFile

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Shown = Window | Literal["auto"] | None  # "auto" is the file's own VOI; None is calibrated values

PERCENTILES: Final = (1.0, 99.0)  # an image that is not CT and has no VOI is stretched between these, without padding
_LUMINANCE: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as the Y of YBR_FULL
_EXACT: Final = 2**53  # the largest of the whole numbers that a float64 tells apart
_BLOCK: Final = 2**15  # pixels that are looked up at once: their places stay in the processor's cache


class StoredValues:
    """An image as the table of its possible values, and the place of every pixel in that table.

    An image with more possible values than pixels (small, 32-bit or float) has a place for every pixel, and so has one
    with whole numbers that a float64 does not tell apart (64-bit).
    """

    def __init__(self, image: NDArray[Any]) -> None:
        """image: (H, W), an integer or float type."""
        self._image = image
        self._lowest: int | None = None
        if image.dtype.kind in "iu":
            low, high = int(image.min()), int(image.max())
            if high - low < image.size and low >= -_EXACT and high <= _EXACT:
                self._lowest, self.table = low, np.arange(low, high + 1, dtype=np.float64)
                return
        self.table = image.astype(np.float64).ravel()

    def counts(self) -> NDArray[np.int64]:
        """How many pixels have each value of the table."""
        if self._lowest is None:
            return np.ones(len(self.table), np.int64)
        counts = np.zeros(len(self.table), np.int64)
        for _, places in self._places(self._lowest):
            counts += np.bincount(places.ravel(), minlength=len(counts))
        return counts

    def picture(self, values: Floats) -> NDArray[np.float32]:
        """The image (H, W) with `values[i]` in place of `table[i]`."""
        values32 = values.astype(np.float32)
        if self._lowest is None:
            return values32.reshape(self._image.shape)
        picture = np.empty(self._image.shape, np.float32)
        for rows, places in self._places(self._lowest):
            np.take(values32, places, out=picture[rows], mode="clip")  # in range anyway; "raise" would buffer
        return picture

    def _places(self, lowest: int) -> Iterator[tuple[slice, NDArray[np.intp]]]:
        """The places of some rows after the other; they hold until the next ones are made."""
        height, width = self._image.shape
        step = max(_BLOCK // width, 1)
        places = np.empty((min(step, height), width), np.intp)
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            here = places[: rows.stop - top]
            here[:] = self._image[rows]
            here -= lowest
            yield rows, here


def frame_gray(file: DicomFile, frame: int, window: Shown, voi: int | str, hounsfield: bool) -> NDArray[np.float32]:
    """One frame as `read_gray` gives it. Raises DicomError."""
    header = file.header.of_frame(frame)
    if hounsfield and not in_hounsfield(header):
        raise header.error("its values are not in Hounsfield units", "not in HU")
    image = file.stored(frame)
    if file.format.photometric_interpretation not in GRAY:
        return _luminance(file, image, window)
    stored = StoredValues(image)
    finite = np.isfinite(stored.table)
    padding = _padding(file, stored.table) | ~finite
    values = _calibrated(header, np.where(finite, stored.table, 0))
    if (np.abs(values[~padding]) > np.finfo(np.float32).max).any():
        raise header.error("its rescaled values are larger than a float32 holds")
    if window is None:
        return _without(stored.picture(np.where(padding, np.inf, values))) if padding.any() else stored.picture(values)
    shown = _voi(header, values[~padding], voi) if window == "auto" else window
    if shown is None and in_hounsfield(header):
        shown = CT_WINDOW
    gray = shown.gray(values) if shown else stretch(values, np.where(padding, 0, stored.counts()), PERCENTILES)
    if file.format.photometric_interpretation == "MONOCHROME1":
        gray = 1 - gray  # the only inversion: Presentation LUT Shape INVERSE says the same again
    return stored.picture(np.where(padding, 0, gray))


def _without(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """`picture` (H, W), in place, with its lowest value where it is infinite: at its padding."""
    lowest = picture.min()
    np.copyto(picture, lowest if np.isfinite(lowest) else 0, where=np.isinf(picture))
    return picture


def in_hounsfield(header: Header) -> bool:
    """Whether it is CT, is rescaled, and names no other unit (Rescale Type, PS3.3 C.11.1.1.2; HU if absent)."""
    tables = header.items("ModalityLUTSequence")
    if tables:
        unit = Header(header.path, tables[0]).text("ModalityLUTType")
    else:
        unit = header.text("RescaleType") if header.has("RescaleIntercept") else "none"
    return header.text("Modality") == "CT" and unit in (None, "HU")


def _calibrated(header: Header, stored: Floats) -> Floats:
    """Modality LUT or rescale (PS3.3 C.11.1): `stored` (n,) in the modality's unit, a new array."""
    for _, table in _tables(header, "ModalityLUTSequence", stored)[:1]:
        return table.values(stored)
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    if slope == 0:
        raise header.error("its RescaleSlope is 0")
    with np.errstate(over="ignore"):
        return stored * (1 if slope is None else slope) + (intercept or 0)


def _padding(file: DicomFile, stored: Floats) -> Mask:
    """Which of `stored` (n,) are padding: a value, or a range with its ends in either order (C.7.5.1.1.2)."""
    prefix = file.element.removesuffix("PixelData")
    value = file.header.number(f"{prefix}PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = file.header.number(f"{prefix}PixelPaddingRangeLimit")
    ends = [value, value if limit is None else limit]
    if not prefix:
        ends = [_as_stored(end, file.format.bits_stored, file.format.pixel_representation) for end in ends]
    return (stored >= min(ends)) & (stored <= max(ends))


def _as_stored(value: float, bits: int, signed: int) -> float:
    """A padding value that was written in the other representation, such as 63536 for −2000."""
    if not signed:
        return value if value >= 0 else value % 2**16
    half = 2 ** (bits - 1)
    return value if -half <= value < half else (value + half) % (2 * half) - half


def _voi(header: Header, values: Floats, voi: int | str) -> LookupTable | Window | None:
    """The VOI LUT or window that `voi` chooses among all that the file has, LUTs first: 0 is the first that is possible
    (None if none is), any other number or name is that very one."""
    choices: list[tuple[str, LookupTable | Window]]
    choices = [*_tables(header, "VOILUTSequence", values), *_windows(header)]
    if voi == 0:
        return next((shown for _, shown in choices if _possible(shown)), None)
    if isinstance(voi, str):
        named = [number for number, (name, _) in enumerate(choices) if name.casefold() == voi.strip().casefold()]
        voi = named[0] if named else len(choices)
    if not 0 <= voi < len(choices):
        raise header.error("it has no such VOI LUT or window", "no such window")
    if not _possible(choices[voi][1]):
        raise header.error("the window that is asked for has no possible width", "no such window")
    return choices[voi][1]


def _possible(shown: LookupTable | Window) -> bool:
    return isinstance(shown, LookupTable) or shown.valid


def _windows(header: Header) -> list[tuple[str, Window]]:
    """Every window that has a center and a width, possible or not (C.11.2.1.2), and its name; an unknown function is
    LINEAR."""
    function = (header.text("VOILUTFunction") or "").upper()
    function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
    centers, widths = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    names = header.texts("WindowCenterWidthExplanation") + [""] * len(centers)
    return [(name, Window(c, w, function)) for name, c, w in zip(names, centers, widths, strict=False)]


def _tables(header: Header, keyword: str, inputs: Floats) -> list[tuple[str, LookupTable]]:
    """The tables of a LUT sequence, for `inputs`, and their names. Items without any content do not count."""
    little_endian = header.dataset.original_encoding[1] is not False
    low, high = (inputs.min(), inputs.max()) if inputs.size else (0, 0)
    tables = []
    for item in header.items(keyword):
        table = Header(header.path, item)
        descriptor, data = table.numbers("LUTDescriptor"), table.get("LUTData")
        if not descriptor and data is None:
            continue
        with refusing(header.path, "bad header", f"a table of its {keyword} is damaged"):
            lut = lookup_table(descriptor, data, little_endian, low, high)
        tables.append((table.text("LUTExplanation") or "", lut))
    return tables


def _luminance(file: DicomFile, stored: NDArray[Any], window: Shown) -> NDArray[np.float32]:
    """Colour has no Modality LUT and no VOI: "auto" is full scale; a window or None is on stored values."""
    full = 2**file.format.bits_stored - 1
    if file.format.photometric_interpretation == "PALETTE COLOR":
        with refusing(file.path, "bad header", "its palette is damaged"):
            stored = apply_color_lut(stored, file.header.dataset)
        full = np.iinfo(stored.dtype).max
    values: Floats = stored[..., :3] @ _LUMINANCE
    if window == "auto":
        values = np.clip(values / full, 0, 1)
    elif window is not None:
        values = window.gray(values)
    return values.astype(np.float32)


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
