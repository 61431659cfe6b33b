"""Whether an image's gray can be right, by the values that it really has.

The rules are about values alone, and wide: real slices and radiographs pass them, and what fails one of them shows
nothing, or was calibrated wrongly. They read about `_PIXELS` pixels, evenly spaced.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError

ONE_VALUE: Final = "one value everywhere"
BLACK_AND_WHITE: Final = "black or white in 99 % of the pixels"
FEW_LEVELS: Final = "less than an eighth of the gray levels"
NO_AIR: Final = "no air: nothing below −200 HU"
RAW: Final = "soft tissue near +1,000 HU: the intercept is missing"
SHIFTED: Final = "air near −2,000 HU: the intercept is applied twice"
WRAPPED: Final = "above +2,500 HU in 5 % of the pixels: the values have wrapped"
ODD: Final = (ONE_VALUE, BLACK_AND_WHITE, FEW_LEVELS, NO_AIR, RAW, SHIFTED, WRAPPED)

_PIXELS: Final = 2**16
_ENDS: Final = 0.99  # share of pixels
_LEVELS: Final = 1 / 8  # 12 bits in a picture of 16 use a sixteenth
_TISSUE: Final = 0.05  # share of pixels
_BORDER: Final = 0.02  # share of pixels
_AIR: Final = 0.001  # share of pixels, the table's at least


def odd_range(picture: NDArray[Any], hounsfield: bool) -> str:
    """One of ODD, or "" if nothing is odd about `picture` (H, W), display gray or HU as `Reading.pictures` gives it."""
    if picture.min() == picture.max():
        return ONE_VALUE
    step = max(int(np.ceil(np.sqrt(picture.size / _PIXELS))), 1)
    values = picture[::step, ::step].astype(np.float32)
    if hounsfield:
        return _odd_hounsfield(values)
    return _odd_gray(values, 1.0 if picture.dtype.kind == "f" else float(np.iinfo(picture.dtype).max))


def _odd_gray(gray: NDArray[np.float32], white: float) -> str:
    if np.count_nonzero((gray <= 0) | (gray >= white)) / gray.size >= _ENDS:
        return BLACK_AND_WHITE
    dark, light = (np.count_nonzero(part) for part in (gray < 0.4 * white, gray > 0.6 * white))
    if min(dark, light) > gray.size // 100 + 1:
        return ""  # as the percentiles would say of most pictures, sooner
    low, high = np.percentile(gray, [1, 99])
    return FEW_LEVELS if high - low < _LEVELS * white else ""


def _odd_hounsfield(hu: NDArray[np.float32]) -> str:
    """Air is near −1,000 HU, fat near −100, soft tissue near 50, bone mostly below 850. Low values that fill a part of
    the image each may be a border that the file does not declare as padding, so they count only where no others do."""
    whole: NDArray[np.int64] = np.rint(hu.clip(-32768, 32767)).astype(np.int64)  # as the store holds them
    lowest = int(whole.min())
    counts = np.bincount((whole - lowest).ravel())
    values = np.arange(lowest, lowest + len(counts))
    borders = values[(values < -200) & (counts > _BORDER * whole.size)]
    inside = np.where(np.isin(values, [border + by for border in borders for by in (-1, 0, 1)]), 0, counts)

    def share(start: float, stop: float) -> float:
        return float(inside[(values >= start) & (values < stop)].sum()) / max(int(inside.sum()), 1)

    if share(2500, np.inf) > _TISSUE:
        return WRAPPED
    if share(-2300, -1300) > _TISSUE:
        return SHIFTED
    if share(-np.inf, -200) > _AIR:
        return ""
    if share(850, 1250) > _TISSUE:
        return RAW
    return "" if ((borders > -1100) & (borders < -900)).any() else NO_AIR


def odd_caveats(odd: Sequence[str]) -> tuple[str, ...]:
    """The caveats on images of which `odd` has what is odd about each, "" for most."""
    images = list(odd)
    return tuple(f"{reason}: {images.count(reason)} of {len(images)} images" for reason in ODD if reason in images)


def check_odd(odd: Sequence[str], files: Path, max_rejected: float) -> None:
    """Raise MedxferError if more than `max_rejected` of the images are odd; `odd` is as for `odd_caveats`, and `files`
    the table that names them."""
    number = sum(map(bool, odd))
    if number > max_rejected * len(odd):
        raise MedxferError(
            f"{number} of {len(odd)} images have an odd range of gray ({'; '.join(odd_caveats(odd))}); {files} names "
            "them: look at some, then take them as they are by data.odd_range=keep, or without them by "
            "data.odd_range=leave_out"
        )
