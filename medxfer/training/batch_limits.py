"""Shares of an epoch (trainer.limit_…_batches) that come to no batch at all."""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.words import count

TITLES = {"train": "training", "val": "validation", "test": "test"}
EVALUATED = 4  # times as many images are in a batch that is not trained on


def check_batch_limits(config: DictConfig, parts: NDArray[np.str_]) -> None:
    """Raise MedxferError where Lightning, which rounds down, would train, validate or test on nothing.

    `parts` (N,) is the part of each image.
    """
    for part, title in TITLES.items():
        limit: Any = config.trainer.get(f"limit_{part}_batches", 1.0)
        batches = ceil(int((parts == part).sum()) / (config.batch_size * (1 if part == "train" else EVALUATED)))
        if isinstance(limit, float) and batches and int(batches * limit) == 0:
            there = count(batches, f"{title} batch", f"{title} batches")
            raise MedxferError(
                f"trainer.limit_{part}_batches={limit}: of {there} that is less than one; give a share from "
                f"{ceil(1000 / batches) / 1000:g} on, or 1 (a number) for one batch"
            )
