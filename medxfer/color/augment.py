"""Augmentation of gray on the device: every sample of the batch has its own draws, and they are reproducible.

The draws are ours because arms are paired by them. Libraries' augmentations draw from the global generator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medxfer.base.errors import MedxferError


@dataclass(frozen=True)
class Augment:
    """Small changes of pose and exposure, as between two radiographs of one patient.

    Each setting is the largest change either way, from 0 to 1 but for `rotate`; 0 leaves that change out. There is no
    vertical flip (no radiograph is read upside down), and the horizontal one is off by default because it would undo
    laterality. Raises MedxferError if a setting is out of its range.
    """

    rotate: float = 5.0  # degrees, to 180
    shift: float = 0.03  # fraction of width and of height
    scale: float = 0.05  # relative change of size
    flip: float = 0.0  # probability of a left-right flip
    brightness: float = 0.1  # added to gray (0 to 1)
    contrast: float = 0.1  # relative change of gray
    gamma: float = 0.1  # relative change of the exponent

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            limit = 180 if name == "rotate" else 1
            if not 0 <= value <= limit:
                raise MedxferError(f"augment.{name}={value}: must be from 0 to {limit}.")

    def pose(self, gray: Tensor, key: Sequence[int]) -> Tensor:
        """Move the images (B, C, H, W), float of any range, with linear interpolation; outside is 0."""
        n, _, height, width = gray.shape
        angle, across, down, size, side = _on(gray.device, _draws(n, 5, *key, 0)).unbind(1)
        if self.flip:
            mirrored = ((side + 1) / 2 < self.flip).view(-1, 1, 1, 1)
            gray = torch.where(mirrored, gray.flip(-1), gray)
        if self.rotate or self.shift or self.scale:
            gray = _moved(
                gray,
                turn=torch.deg2rad(self.rotate * angle),
                size=1.0 + self.scale * size,
                shift=self.shift * torch.stack([across * width, down * height], dim=1),
            )
        return gray

    def exposure(self, gray: Tensor, key: Sequence[int]) -> Tensor:
        """Change the gray of images (B, C, H, W), float in [0, 1] before and after, all channels alike."""
        change = _on(gray.device, _draws(len(gray), 3, *key, 1))
        brightness, contrast, gamma = change.view(-1, 3, 1, 1, 1).unbind(1)
        if self.brightness:
            gray = (gray + self.brightness * brightness).clamp_(0.0, 1.0)
        if self.contrast:
            gray = (gray * (1.0 + self.contrast * contrast)).clamp_(0.0, 1.0)
        if self.gamma:
            gray = gray.pow(1.0 + self.gamma * gamma)
        return gray


def _moved(gray: Tensor, turn: Tensor, size: Tensor, shift: Tensor) -> Tensor:
    """Images (B, C, H, W), turned by `turn` radians and scaled by `size` around their middle, then shifted.

    `turn` and `size` are (B,), `shift` is (B, 2), x and y in pixels. Interpolation is linear; outside is 0.
    """
    height, width = gray.shape[2:]
    x = torch.arange(width, device=gray.device) - (width - 1) / 2 - shift[:, :1]
    y = torch.arange(height, device=gray.device) - (height - 1) / 2 - shift[:, 1:]
    # Where each pixel comes from; grid_sample counts half a side as 1. It is linear in the column and in the row, and
    # their sum takes half the time of the matrix product in affine_grid, and in kornia's warp_affine. x and y lie in
    # planes of their own, so that sum and sampling read whole vectors.
    across, down = 2 / max(width - 1, 1), 2 / max(height - 1, 1)
    cos, sin = torch.cos(turn) / size, torch.sin(turn) / size
    of_column = torch.stack([cos * across, -sin * down], dim=1).unsqueeze(2) * x.unsqueeze(1)
    of_row = torch.stack([sin * across, cos * down], dim=1).unsqueeze(2) * y.unsqueeze(1)
    source = of_row.unsqueeze(3) + of_column.unsqueeze(2)
    return F.grid_sample(gray, source.permute(0, 2, 3, 1).to(gray.dtype), align_corners=True)


def _on(device: torch.device, draws: Tensor) -> Tensor:
    """`draws` on `device`, without waiting for what it still computes."""
    return draws.to(device, non_blocking=True)


def _draws(n: int, k: int, *key: int) -> Tensor:
    """(n, k), uniform in [-1, 1), decided by `key`.

    From a generator of their own on the CPU: every device gets the same draws, and no other draws are disturbed.
    """
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
    return 2 * torch.rand(n, k, generator=torch.Generator().manual_seed(seed)) - 1
