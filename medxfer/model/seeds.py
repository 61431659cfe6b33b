"""Independent streams of random numbers from one seed: the draws of one part do not change those of another."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

BACKBONE, HEAD, NOISE = 1, 2, 3  # the streams: initial weights, initial head, dropout and drop-path


def derive(seed: int, stream: int, *more: int) -> int:
    """A seed in [0, 2^32) for one stream of a training's `seed`."""
    return int(np.random.SeedSequence((seed, stream, *more)).generate_state(1)[0])


def reseed(seed: int, device: torch.device) -> None:
    """Seed torch on the CPU and on `device`.

    torch.manual_seed would queue a call, with its stack trace, for every kind of accelerator that is never used: a
    millisecond each time, and memory that is never freed.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside the block, torch draws on the CPU from `seed`; after it, as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
