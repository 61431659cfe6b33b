"""The channels' mean and standard deviation over images as an arm sees them, for `normalize=arm`."""

from collections.abc import Iterable

import torch

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.color.render import Renderer


def channel_statistics(renderer: Renderer, batches: Iterable[GrayBatch]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels of `batches`, without augmentation.

    Give a renderer whose ColorTransform has mean 0 and std 1, and the training set's batches. Raises
    MedxferError where there is no pixel, or a channel is constant (no normalisation can give it a spread).
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
