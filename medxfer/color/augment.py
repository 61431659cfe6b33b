"""Augmentation of gray on the device: every sample of the batch draws for itself, reproducibly.

The draws are ours, because arms are paired by them: libraries' augmentations draw from the global generator.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medxfer.base.errors import MedxferError


class Augment(nn.Module):
    """Small changes of pose and exposure, as between two radiographs of one patient.

    Each setting is the largest change either way; 0 leaves that change out. There is no vertical flip (no
    radiograph is read upside down), and the horizontal one is off by default: it would undo laterality.
    """

    def __init__(
        self,
        rotate: float = 5.0,
        shift: float = 0.03,
        scale: float = 0.05,
        flip: float = 0.0,
        cutout: float = 0.0,
        brightness: float = 0.1,
        contrast: float = 0.1,
        gamma: float = 0.1,
        noise: float = 0.0,
    ) -> None:
        """Set how much at most.

        Args:
            rotate: degrees.
            shift: fraction of width and of height.
            scale: relative change of size.
            flip: probability of a left-right flip, 0 to 1.
            cutout: largest part of the image's area that is blacked out.
            brightness: added to gray (0 to 1).
            contrast: relative change of gray.
            gamma: relative change of the exponent.
            noise: standard deviation of Gaussian noise, in gray.

        Raises:
            MedxferError: a setting is out of its range.
        """
        super().__init__()
        fractions = {"shift": shift, "scale": scale, "flip": flip, "cutout": cutout, "noise": noise}
        fractions |= {"brightness": brightness, "contrast": contrast, "gamma": gamma}
        for name, value, limit in [("rotate", rotate, 180), *((n, v, 1) for n, v in fractions.items())]:
            if not 0 <= value <= limit:
                raise MedxferError(f"augment.{name}={value}: must be from 0 to {limit}.")
        self.rotate, self.shift, self.scale, self.flip, self.cutout = rotate, shift, scale, flip, cutout
        self.brightness, self.contrast, self.gamma, self.noise = brightness, contrast, gamma, noise

    def pose(self, gray: Tensor, key: Sequence[int]) -> Tensor:
        """Move the images (B, C, H, W), float of any range, with linear interpolation; outside is 0."""
        draws = _generator(*key, 0)
        n, _, height, width = gray.shape
        angle, across, down, size, side = _symmetric(draws, n, 5).unbind(1)
        if self.flip:
            mirrored = ((side + 1) / 2 < self.flip).view(-1, 1, 1, 1).to(gray.device)
            gray = torch.where(mirrored, gray.flip(-1), gray)
        if self.rotate or self.shift or self.scale:
            gray = _moved(
                gray,
                turn=torch.deg2rad(self.rotate * angle),
                size=1.0 + self.scale * size,
                shift=self.shift * torch.stack([across * width, down * height], dim=1),
            )
        if self.cutout:
            gray = gray.masked_fill(self._rectangles(gray.shape, draws).to(gray.device), 0.0)
        return gray

    def exposure(self, gray: Tensor, key: Sequence[int]) -> Tensor:
        """Change the gray of images (B, C, H, W), float in [0, 1] before and after, all channels alike."""
        draws = _generator(*key, 1)
        change = _symmetric(draws, len(gray), 3).to(gray.device)
        brightness, contrast, gamma = change.view(-1, 3, 1, 1, 1).unbind(1)
        if self.brightness:
            gray = (gray + self.brightness * brightness).clamp_(0.0, 1.0)
        if self.contrast:
            gray = (gray * (1.0 + self.contrast * contrast)).clamp_(0.0, 1.0)
        if self.gamma:
            gray = gray.pow(1.0 + self.gamma * gamma)
        if self.noise:
            spread = torch.randn((len(gray), 1, *gray.shape[2:]), generator=draws)
            gray = (gray + self.noise * spread.to(gray.device)).clamp_(0.0, 1.0)
        return gray

    def _rectangles(self, shape: Sequence[int], draws: torch.Generator) -> Tensor:
        """What is cut out: bool (B, 1, H, W), a rectangle an image, its sides' ratio up to 3.3 either way."""
        n, _, height, width = shape
        area, ratio, top, left = torch.rand(n, 4, generator=draws).unbind(1)
        area, ratio = area * self.cutout * height * width, torch.exp((2 * ratio - 1) * math.log(3.3) / 2)
        sides = [(area.sqrt() * ratio).clamp(max=height).round(), (area.sqrt() / ratio).clamp(max=width).round()]
        inside = []
        for side, start, length in zip(sides, (top, left), (height, width), strict=True):
            first = (start * (length - side)).floor().unsqueeze(1)
            place = torch.arange(length).unsqueeze(0)
            inside.append((place >= first) & (place < first + side.unsqueeze(1)))
        return (inside[0].unsqueeze(2) & inside[1].unsqueeze(1)).unsqueeze(1)


def _moved(gray: Tensor, turn: Tensor, size: Tensor, shift: Tensor) -> Tensor:
    """Images (B, C, H, W), turned by `turn` radians and scaled by `size` around their middle, then shifted.

    `turn` and `size` are (B,), `shift` is (B, 2), x and y in pixels. Interpolation is linear; outside is 0.
    """
    height, width = gray.shape[2:]
    x = torch.arange(width) - (width - 1) / 2 - shift[:, :1]
    y = torch.arange(height) - (height - 1) / 2 - shift[:, 1:]
    # Where each pixel comes from, of which grid_sample counts half a side as 1. It is linear in the column and in the
    # row, and their sum takes half the time of the matrix product in affine_grid, and in kornia's warp_affine. x and y
    # lie in planes of their own, so that sum and sampling read whole vectors.
    unit = 2 / torch.tensor([max(width - 1, 1), max(height - 1, 1)])
    cos, sin = torch.cos(turn) / size, torch.sin(turn) / size
    of_column = (torch.stack([cos, -sin], dim=1) * unit).unsqueeze(2) * x.unsqueeze(1)
    of_row = (torch.stack([sin, cos], dim=1) * unit).unsqueeze(2) * y.unsqueeze(1)
    source = of_row.to(gray.device).unsqueeze(3) + of_column.to(gray.device).unsqueeze(2)
    return F.grid_sample(gray, source.permute(0, 2, 3, 1).to(gray.dtype), align_corners=True)


def _generator(*key: int) -> torch.Generator:
    """A generator of its own, on the CPU, so that every device sees the same draws and nobody else's are disturbed."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))


def _symmetric(draws: torch.Generator, n: int, k: int) -> Tensor:
    """(n, k), uniform in [-1, 1)."""
    return 2 * torch.rand(n, k, generator=draws) - 1
