"""The gray path: stored values → calibrated values → display gray (PS3.3 C.11.1, C.11.2, C.7.6.3; PS3.4 N.2).

The arithmetic is done once for every value that occurs, in float64; the picture is then one lookup a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut

from medxfer.data.dicom.distinct import Levels
from medxfer.data.dicom.header import Header
from medxfer.data.dicom.pixels import GRAY, DicomFile
from medxfer.data.dicom.voi import Floats, LookupTable, Window, lookup_table, stretch

Mask = NDArray[np.bool_]

CT_WINDOW: Final = Window(40, 400)  # HU; for a calibrated CT image without a VOI of its own
PERCENTILES: Final = (1.0, 99.0)  # for every other such image: stretched between these, padding left out
_LUMINANCE: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as the Y of YBR_FULL


@dataclass(frozen=True)
class Display:
    """What to show: `window`, `voi`, `prefer` and `hounsfield` as in `read_gray`."""

    window: Window | Literal["auto"] | None
    voi: int | str
    prefer: Literal["lut", "window"]
    hounsfield: bool


def frame_gray(file: DicomFile, frame: int, display: Display) -> NDArray[np.float32]:
    """One frame as `read_gray` gives it. Raises DicomError."""
    header = file.header.of_frame(frame)
    if display.hounsfield and not in_hounsfield(header):
        raise header.error("its values are not in Hounsfield units", "not in HU")
    stored = file.stored(frame)
    if file.format.photometric not in GRAY:
        return _luminance(file, stored, display.window)
    levels = Levels(stored)
    padding = _padding(file, levels.values) | ~np.isfinite(levels.values)
    values = _calibrated(header, np.where(np.isfinite(levels.values), levels.values, 0))
    if (np.abs(values[~padding]) > np.finfo(np.float32).max).any():
        raise header.error("its rescaled values are larger than a float32 holds")
    if display.window is None:
        if padding.any():
            others = values[~padding & (levels.counts() > 0)]
            values[padding] = others.min() if others.size else 0
        return levels.paint(values)
    if display.window == "auto":
        gray = _own_gray(header, levels, values, padding, display)
    else:
        gray = display.window.gray(values)
    if file.format.photometric == "MONOCHROME1":
        gray = 1 - gray  # the one inversion: Presentation LUT Shape INVERSE says the same again
    return levels.paint(np.where(padding, 0, gray))


def in_hounsfield(header: Header) -> bool:
    """Whether it is CT, is rescaled, and says of no other unit (Rescale Type, PS3.3 C.11.1.1.2; HU where absent)."""
    tables = header.items("ModalityLUTSequence")
    if tables:
        unit = Header(header.path, tables[0]).text("ModalityLUTType")
    else:
        unit = "none" if header.get("RescaleIntercept") is None else header.text("RescaleType")
    return header.text("Modality") == "CT" and unit in (None, "HU")


def _calibrated(header: Header, stored: Floats) -> Floats:
    """Modality LUT or rescale (PS3.3 C.11.1): `stored` (n,) in the modality's unit, a new array."""
    tables = _tables(header, "ModalityLUTSequence", stored)
    if tables:
        return tables[0].values(stored)
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
        ends = [_as_stored(end, file.format.bits_stored, file.format.signed) for end in ends]
    return (stored >= min(ends)) & (stored <= max(ends))


def _as_stored(value: float, bits: int, signed: bool) -> float:
    """A padding value that was written in the other representation, such as 63536 for −2000."""
    if not signed:
        return value if value >= 0 else value % 2**16
    half = 2 ** (bits - 1)
    return value if -half <= value < half else (value + half) % (2 * half) - half


def _own_gray(header: Header, levels: Levels, values: Floats, padding: Mask, display: Display) -> Floats:
    """`values` (n,) in [0, 1] by the file's own VOI, or by the default where it has none."""
    own = _voi(header, values[~padding], display)
    if own is None and in_hounsfield(header):
        own = CT_WINDOW
    if own is None:
        return stretch(values, np.where(padding, 0, levels.counts()), PERCENTILES)
    return own.gray(values)


def _voi(header: Header, values: Floats, display: Display) -> LookupTable | Window | None:
    """The chosen one of the file's VOI LUTs and windows; None where it has none and none was asked for."""
    tables = _tables(header, "VOILUTSequence", values)
    windows = _windows(header)
    choices: list[LookupTable | Window]
    choices = [*tables, *windows] if display.prefer == "lut" else [*windows, *tables]
    index = display.voi
    if isinstance(index, str):
        name = index.strip().casefold()
        choices, index = [c for c in choices if c.explanation.casefold() == name], 0
    elif index == 0 and not choices:
        return None
    if not 0 <= index < len(choices):
        raise header.error("it has no such VOI LUT or window", "no such window")
    return choices[index]


def _windows(header: Header) -> list[Window]:
    """Every window with a center and a possible width (C.11.2.1.2); an unknown function is LINEAR."""
    function = (header.text("VOILUTFunction") or "").upper()
    function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
    centers, widths = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    names = header.texts("WindowCenterWidthExplanation") + [""] * len(centers)
    windows = [Window(c, w, function, name) for c, w, name in zip(centers, widths, names, strict=False)]
    return [window for window in windows if window.valid]


def _tables(header: Header, keyword: str, inputs: Floats) -> list[LookupTable]:
    """The tables of a LUT sequence, for `inputs`. Items without any content do not count."""
    little_endian = header.dataset.original_encoding[1] is not False
    low, high = (inputs.min(), inputs.max()) if inputs.size else (0, 0)
    tables = []
    for item in header.items(keyword):
        table = Header(header.path, item)
        descriptor, data = table.numbers("LUTDescriptor"), table.get("LUTData")
        if not descriptor and data is None:
            continue
        try:
            explanation = table.text("LUTExplanation") or ""
            tables.append(lookup_table(descriptor, data, little_endian, low, high, explanation))
        except (TypeError, ValueError, OverflowError):
            raise header.error(f"a table of its {keyword} is damaged") from None
    return tables


def _luminance(file: DicomFile, stored: NDArray[Any], window: Window | Literal["auto"] | None) -> NDArray[np.float32]:
    """Colour has no Modality LUT and no VOI: "auto" is full scale; a window or None is on stored values."""
    full = 2**file.format.bits_stored - 1
    if file.format.photometric == "PALETTE COLOR":
        try:
            stored = apply_color_lut(stored, file.header.dataset)
        except Exception:  # pydicom raises whatever a damaged palette makes it raise
            raise file.header.error("its palette is damaged") from None
        full = np.iinfo(stored.dtype).max
    values = stored[..., :3] @ _LUMINANCE
    if window == "auto":
        values = np.clip(values / full, 0, 1)
    elif window is not None:
        values = window.gray(values)
    return values.astype(np.float32)
