"""What travels between the parts: a batch of gray, and the same batch as a network sees it."""

from typing import NamedTuple

from torch import Tensor


class GrayBatch(NamedTuple):
    """Images as they lie in the store."""

    gray: Tensor  # (B, H, W), uint8 or uint16 display gray (0 is black), or int16 Hounsfield units
    label: Tensor  # (B,) int64 class index, or (B, C) float32 for multi-label
    row: Tensor  # (B,) int64, the image's row in the store


class RenderedBatch(NamedTuple):
    """A batch that has been through the renderer; the only kind that the LightningModule accepts."""

    pixels: Tensor  # (B, C, H, W) float, normalised colour, channels_last
    label: Tensor
    row: Tensor


class FeatureBatch(NamedTuple):
    """A rendered batch that has been through the frozen part of a network: what its head takes."""

    features: Tensor  # (B, D) float32
    label: Tensor
    row: Tensor
