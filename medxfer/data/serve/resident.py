"""The images on the device, where they fit: an epoch then moves nothing there but the numbers of its rows."""

from functools import cache

import torch
from torch import Tensor

from medxfer.data.store.build import GrayStore

SHARE = 0.25  # of a device's free memory that images may take; several cells can share a device
CHUNK = 1024  # images


@cache
def resident(store: GrayStore, device: torch.device) -> Tensor | None:
    """The store's images on `device`, (N, H, W) of its dtype, once a process.

    None where they stay in the memory map: for a CPU, which reads that as fast, and where they would take more than a
    quarter of the device's free memory.
    """
    if device.type != "cuda" or store.gray.nbytes > SHARE * torch.cuda.mem_get_info(device)[0]:
        return None
    return moved(store, device)


def moved(store: GrayStore, device: torch.device) -> Tensor:
    """A copy of the store's images on `device`."""
    first = torch.from_numpy(store.gray[:1].copy())
    images = torch.empty(store.gray.shape, dtype=first.dtype, device=device)
    for start in range(0, len(images), CHUNK):
        images[start : start + CHUNK] = torch.from_numpy(store.gray[start : start + CHUNK].copy()).to(device)
    return images
