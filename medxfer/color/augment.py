"""Augmentation of gray on the device: every sample of the batch draws for itself, reproducibly."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import kornia.augmentation as K
import numpy as np
import torch
from torch import Tensor, nn

from medxfer.errors import MedxferError


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

        pose: list[nn.Module] = []
        if rotate or shift or scale:
            pose.append(K.RandomAffine(rotate, (shift, shift), (1 - scale, 1 + scale), p=1.0))
        if flip:
            pose.append(K.RandomHorizontalFlip(p=flip))
        if cutout:
            pose.append(K.RandomErasing((0.0, cutout), value=0.0, p=1.0))
        exposure: list[nn.Module] = []
        if brightness:
            exposure.append(K.RandomBrightness((1 - brightness, 1 + brightness)))
        if contrast:
            exposure.append(K.RandomContrast((1 - contrast, 1 + contrast)))
        if gamma:
            exposure.append(K.RandomGamma((1 - gamma, 1 + gamma)))
        if noise:
            exposure.append(K.RandomGaussianNoise(std=noise, p=1.0))
        self._pose, self._exposure = nn.Sequential(*pose), nn.Sequential(*exposure)

    def pose(self, gray: Tensor, key: Sequence[int]) -> Tensor:
        """Move the images (B, C, H, W), float of any range, with linear interpolation; outside is 0."""
        with _drawing_from((*key, 0)):
            return self._pose(gray) if len(self._pose) else gray

    def exposure(self, gray: Tensor, key: Sequence[int]) -> Tensor:
        """Change the gray of images (B, C, H, W), float in [0, 1] before and after, all channels alike."""
        with _drawing_from((*key, 1)):
            return self._exposure(gray).clamp(0.0, 1.0) if len(self._exposure) else gray


@contextmanager
def _drawing_from(key: Sequence[int]) -> Iterator[None]:
    """Inside, torch's CPU generator (kornia draws from no other) starts at `key`; after, it is as before."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
