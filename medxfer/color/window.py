"""CT windows: names, `<center>/<width>`, and Hounsfield units → display gray."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from medxfer.base.errors import MedxferError, unknown


class Window(NamedTuple):
    """A linear CT window; shows center − width/2 … center + width/2 as black … white."""

    center: float  # HU
    width: float  # HU, more than 1


# The usual presets of radiology (as listed by Radiopaedia, "Windowing (CT)").
NAMED_WINDOWS = {
    "brain": Window(40, 80),
    "subdural": Window(80, 200),
    "stroke": Window(40, 40),
    "bone": Window(600, 2800),
    "lung": Window(-600, 1500),
    "mediastinum": Window(50, 350),
    "abdomen": Window(50, 400),
    "liver": Window(30, 150),
    "soft_tissue": Window(40, 400),
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
    if not (math.isfinite(window.center) and math.isfinite(window.width) and window.width > 1):
        raise MedxferError(
            f"window '{text}': needs <center>/<width>, two numbers in HU, width above 1, for example 40/400."
        )
    return window


class Windowing(nn.Module):
    """Hounsfield units → display gray through one or several windows, PS3.3 C.11.2.1.2.1 (LINEAR).

    Takes (B, H, W) or (B, 1, H, W), any real dtype, in HU; gives float32 (B, n, H, W) in [0, 1], one channel
    a window.
    """

    center: Tensor
    width: Tensor

    def __init__(self, windows: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        if any(width <= 1 for _, width in windows):
            raise MedxferError(f"windows {list(windows)}: every width must be above 1 HU.")
        # Tensors and not numbers: CUDA divides by a number through its reciprocal, which rounds differently.
        self.lowest = min(center - width / 2 for center, width in windows)  # HU; black in every window
        center, width = torch.tensor(windows, dtype=torch.float32).T
        self.register_buffer("center", center.view(-1, 1, 1), persistent=False)
        self.register_buffer("width", width.view(-1, 1, 1), persistent=False)

    def forward(self, hu: Tensor) -> Tensor:
        hu = hu if hu.ndim == 4 else hu.unsqueeze(1)
        gray = (hu.float() - (self.center - 0.5)).div_(self.width - 1).add_(0.5)
        return gray.clamp_(0.0, 1.0)
