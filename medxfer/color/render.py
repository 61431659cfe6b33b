"""The one way from gray to what a network sees, in training, prediction and figures."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.base.errors import MedxferError
from medxfer.base.window import Window
from medxfer.color.augment import Augment
from medxfer.color.lookup import check_kind, gather_hu, refuse_nan, table_over_hu
from medxfer.color.transform import ColorTransform, Windowing


class Renderer(nn.Module):
    """A GrayBatch → a RenderedBatch: augment the pose, window, augment the exposure, look the colours up.

    It works on the batch's device; move the renderer there with `.to()`.
    """

    over_hu: Tensor | None

    def __init__(
        self,
        color: ColorTransform | None,
        window: Window | tuple[float, float] | None,
        augment: Augment | None = None,
    ) -> None:
        """Prepare the steps.

        Args:
            color: the colour of every pixel, or None for gray (B, 1, H, W) in [0, 1], for a model that
                colours itself.
            window: center and width in HU for CT images; None for images that are display gray. A `color` that
                has its own windows takes those.
            augment: what happens to a batch that comes with a key, or None.
        """
        super().__init__()
        self.color = color
        self.augment = augment
        self.windowing = None if window is None else Windowing([window])
        if color is not None and color.takes_hu:
            self.windowing = color.windowing
        fixed = color is not None and color.learned is None
        over_hu = table_over_hu(self._show) if fixed and self.windowing is not None else None
        self.register_buffer("over_hu", over_hu, persistent=False)

    def forward(self, batch: GrayBatch, key: tuple[int, ...] | None = None) -> RenderedBatch:
        """Render a batch.

        Args:
            batch: gray (B, H, W): uint8 or uint16 display gray, or int16 HU if there is a window.
            key: (seed, epoch, batch), whole numbers from 0, which alone decide the augmentation's draws. None for
                no augmentation, as in validation, test and prediction.

        Returns:
            pixels float (B, C, H, W) in channels_last memory; label and row as they came.

        Raises:
            MedxferError: HU without a window, a window for images that are not in HU, or NaN.
        """
        check_kind(batch.gray, self.windowing is not None)
        refuse_nan(batch.gray)
        if key is not None and self.augment is not None:
            pixels = self._augmented(batch.gray, self.augment, key)
        elif self.over_hu is not None and batch.gray.dtype == torch.int16:
            pixels = gather_hu(batch.gray, self.over_hu)
        else:
            pixels = self._show(batch.gray)
        return RenderedBatch(pixels, batch.label, batch.row)

    def _show(self, gray: Tensor) -> Tensor:
        return self._colored(gray if self.windowing is None else self.windowing(gray))

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


def channel_statistics(renderer: Renderer, batches: Iterable[GrayBatch]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels of `batches`, without augmentation: normalize=arm.

    Give a renderer whose ColorTransform has mean 0 and std 1, and the training set's batches. Raises MedxferError
    if there is no pixel, or a channel is constant and so has no spread to normalise by.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for batch in batches:
        pixels = renderer(batch).pixels.detach().double()
        count += pixels[:, 0].numel()
        total = total.to(pixels) + pixels.sum(dim=(0, 2, 3))
        squares = squares.to(pixels) + pixels.square().sum(dim=(0, 2, 3))
    if count == 0:
        raise MedxferError("normalize=arm: the training set has no images to take statistics of.")
    mean = total / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt()
    if (std == 0).any():
        raise MedxferError("normalize=arm: a channel is constant over the training set, use normalize=fixed.")
    return tuple(mean.tolist()), tuple(std.tolist())


def _unit(gray: Tensor) -> Tensor:
    """Float gray in [0, 1] of uint8, uint16 or float gray."""
    return gray if gray.is_floating_point() else gray.float().div_(torch.iinfo(gray.dtype).max)
