"""Hounsfield units → display gray, on the device."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.base.window import Window, linear


class Windowing(nn.Module):
    """Hounsfield units → display gray through one or several windows, PS3.3 C.11.2.1.2.1 (LINEAR).

    Takes (B, H, W) or (B, 1, H, W), any real dtype, in HU; gives float32 (B, n, H, W) in [0, 1], one channel
    a window.
    """

    center: Tensor
    width: Tensor

    def __init__(self, windows: Sequence[Window | tuple[float, float]]) -> None:
        """Raises MedxferError if a window is not LINEAR, or its width is not above 1."""
        super().__init__()
        chosen = [Window(*window) for window in windows]
        if any(window.function != "LINEAR" or window.width <= 1 for window in chosen):
            raise MedxferError(f"windows {list(windows)}: each must be linear, and its width above 1 HU.")
        self.lowest = min(window.center - window.width / 2 for window in chosen)  # HU; black in every window
        # Tensors and not numbers: CUDA divides by a number through its reciprocal, which rounds differently.
        for name, values in (("center", [w.center for w in chosen]), ("width", [w.width for w in chosen])):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(-1, 1, 1), persistent=False)

    def forward(self, hu: Tensor) -> Tensor:
        hu = hu if hu.ndim == 4 else hu.unsqueeze(1)
        return linear(hu.float(), self.center, self.width).clamp_(0.0, 1.0)
