"""Windows: the calibrated values that are shown as gray, from black to white (PS3.3 C.11.2)."""

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError, unknown

if TYPE_CHECKING:  # the processes that decode do without it, because its import takes seconds
    from torch import Tensor

Values = TypeVar("Values", NDArray[np.float64], "Tensor")


class Window(NamedTuple):
    """A window on calibrated values (HU for CT), with one of the three functions of PS3.3 C.11.2.1.3."""

    center: float
    width: float
    function: str = "LINEAR"  # or LINEAR_EXACT or SIGMOID

    @property
    def valid(self) -> bool:
        """Whether the standard allows it: a width of at least 1 for LINEAR, and above 0 for the others."""
        smallest = self.width >= 1 if self.function == "LINEAR" else self.width > 0
        return smallest and math.isfinite(self.center) and math.isfinite(self.width)

    def gray(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """`values` (any shape, any real dtype) as gray in [0, 1]."""
        x = np.asarray(values, np.float64)
        if self.function == "SIGMOID":
            from scipy.special import expit  # half a second in every process that decodes, for a rare function

            return np.asarray(expit(4 * (x - self.center) / self.width))
        if self.function == "LINEAR_EXACT":
            return _ramp(x, self.center, self.width).clip(0, 1)
        if self.width == 1:
            return (x > self.center - 0.5).astype(np.float64)
        return linear(x, self.center, self.width).clip(0, 1)


def linear(values: Values, center: Any, width: Any) -> Values:
    """LINEAR (PS3.3 C.11.2.1.2.1) of a floating point array or tensor: 0 is black, 1 is white, nothing is clipped.

    `center` and `width` (above 1) are numbers, or tensors that broadcast with `values`, which is not changed.
    """
    return _ramp(values, center - 0.5, width - 1)


def _ramp(values: Values, middle: Any, span: Any) -> Values:
    gray: Values = values - middle
    gray /= span
    gray += 0.5
    return gray


CT_WINDOW: Final = Window(40, 400)  # HU; for CT that has no window of its own, and by default in training
# The usual presets of radiology (as listed by Radiopaedia, "Windowing (CT)"), in HU.
NAMED_WINDOWS: Final = {
    "brain": Window(40, 80),
    "subdural": Window(80, 200),
    "stroke": Window(40, 40),
    "bone": Window(600, 2800),
    "lung": Window(-600, 1500),
    "mediastinum": Window(50, 350),
    "abdomen": Window(50, 400),
    "liver": Window(30, 150),
    "soft_tissue": CT_WINDOW,
}


def parse_window(text: str) -> Window | None:
    """The window that `text` names, as `<center>/<width>` in HU or a preset; None for `file`, the file's own.

    Raises MedxferError for anything else.
    """
    if text == "file":
        return None
    if text in NAMED_WINDOWS:
        return NAMED_WINDOWS[text]
    center, slash, width = text.partition("/")
    if not slash:
        hint = f"use <center>/<width>, file, or one of {', '.join(NAMED_WINDOWS)}."
        raise unknown("window", text, [*NAMED_WINDOWS, "file"], hint)
    try:
        window = Window(float(center), float(width))
    except ValueError:
        window = Window(math.nan, math.nan)
    if not (window.valid and window.width > 1):
        raise MedxferError(
            f"window '{text}': needs <center>/<width>, two numbers in HU, width above 1, for example 40/400."
        )
    return window


def window_name(window: str, modality: str) -> str:
    """`window` with "auto" resolved for images of `modality`: a name, <center>/<width>, or file.

    Raises MedxferError if no single window fits.
    """
    if window != "auto":
        return str(window)
    if modality != "CT" and "CT" in modality.split("+"):
        raise MedxferError(
            f"the data set mixes CT with other modalities ({modality}), so no window fits all: "
            "keep them in two folders, or take each file's own window with window=file"
        )
    # CT files' own windows differ by scanner, and a network could tell the scanner by them.
    return f"{CT_WINDOW.center:g}/{CT_WINDOW.width:g}" if modality == "CT" else "file"
