"""The one way from gray to what a network sees, in training, prediction and figures."""

import torch
from torch import Tensor, nn

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.base.errors import MedxferError
from medxfer.base.window import Window
from medxfer.color.augment import Augment
from medxfer.color.lookup import gather_hu, table_over_hu
from medxfer.color.transform import ColorTransform
from medxfer.color.window import Windowing


class Renderer(nn.Module):
    """A GrayBatch → a RenderedBatch: augment the pose, window, augment the exposure, look the colours up.

    It works on the batch's device; move the renderer there with `.to()`.
    """

    over_hu: Tensor | None

    def __init__(
        self, color: ColorTransform | None, window: Window | tuple[float, float] | None, augment: Augment | None = None
    ) -> None:
        """Wire the steps.

        Args:
            color: the colour of every pixel, or None for gray (B, 1, H, W) in [0, 1], for a model that
                colours itself.
            window: center and width in HU for CT images; None for images that are display gray, and for a
                `color` that has its own windows (which goes before `window`).
            augment: what happens to a batch that comes with a key, or None.
        """
        super().__init__()
        self.color = color
        self.augment = augment
        if color is not None and color.takes_hu:
            self.windowing = color.windowing
        else:
            self.windowing = None if window is None else Windowing([window])
        fixed = color is not None and not color.takes_hu and color.learned is None
        over_hu = table_over_hu(self._show) if fixed and self.windowing is not None else None
        self.register_buffer("over_hu", over_hu, persistent=False)

    def forward(self, batch: GrayBatch, key: tuple[int, ...] | None = None) -> RenderedBatch:
        """Render a batch.

        Args:
            batch: gray (B, H, W): uint8 or uint16 display gray, or int16 HU where there is a window.
            key: the augmentation's draws follow from it, and from nothing else: (seed, epoch, batch), whole
                numbers from 0. None for no augmentation, as in validation, test and prediction.

        Returns:
            pixels float (B, C, H, W) in channels_last memory; label and row as they came.

        Raises:
            MedxferError: HU without a window, or a window for images that are not in HU.
        """
        self._check(batch.gray)
        if key is not None and self.augment is not None:
            pixels = self._augmented(batch.gray, self.augment, key)
        elif self.over_hu is not None:
            pixels = gather_hu(batch.gray, self.over_hu)
        elif self.color is not None and self.color.takes_hu:
            pixels = self.color(batch.gray)
        else:
            pixels = self._show(batch.gray)
        return RenderedBatch(pixels, batch.label, batch.row)

    def _show(self, gray: Tensor) -> Tensor:
        display = gray if self.windowing is None else self.windowing(gray)
        return self._colored(display)

    def _colored(self, display: Tensor) -> Tensor:
        if self.color is not None:
            return self.color.lookup(display)
        return _unit(display) if display.ndim == 4 else _unit(display).unsqueeze(1)

    def _augmented(self, gray: Tensor, augment: Augment, key: tuple[int, ...]) -> Tensor:
        with torch.no_grad():
            if self.windowing is None:
                display = augment.pose(_unit(gray).unsqueeze(1), key)
            else:
                black = self.windowing.lowest  # what comes in from outside is black in every window
                hu = augment.pose(gray.float().sub_(black).unsqueeze(1), key).add(black)
                display = self.windowing(hu)
            display = augment.exposure(display, key)
        return self._colored(display)

    def _check(self, gray: Tensor) -> None:
        if gray.dtype == torch.int16 and self.windowing is None:
            raise MedxferError("these images are in Hounsfield units: choose a window, for example window=40/400.")
        if gray.dtype != torch.int16 and self.windowing is not None:
            windowed = self.color is not None and self.color.takes_hu
            setting = f"colormap={self.color.colormap.name}" if self.color and windowed else "a CT window"
            raise MedxferError(
                f"{setting} needs images in Hounsfield units, and these are display gray: "
                f"choose {'another colormap' if windowed else 'window=file'}."
            )


def _unit(gray: Tensor) -> Tensor:
    """Float gray in [0, 1] of uint8, uint16 or float gray."""
    if gray.is_floating_point():
        return gray
    return gray.float().div_(torch.iinfo(gray.dtype).max)
