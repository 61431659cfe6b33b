"""How many batches a cell takes of each part: all, a share or a number of them (trainer.limit_…_batches)."""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.words import count
from medxfer.data.serve.module import batches_of

TITLES = {"train": "training", "val": "validation", "test": "test"}


def limited_batches(config: DictConfig, parts: NDArray[np.str_]) -> dict[str, int]:
    """The batches of train, val and test in one pass, as Lightning limits them: of a share it rounds down.

    `parts` (N,) is the part of each image. Raises MedxferError where a share comes to no batch at all.
    """
    found = {}
    for part, title in TITLES.items():
        batches = batches_of(part, int((parts == part).sum()), config.batch_size)
        limit: Any = config.trainer.get(f"limit_{part}_batches", 1.0)
        found[part] = int(batches * limit) if isinstance(limit, float) else min(batches, limit)
        if batches and not found[part]:
            there = count(batches, f"{title} batch", f"{title} batches")
            raise MedxferError(
                f"trainer.limit_{part}_batches={limit}: of {there} that is less than one; give a share from "
                f"{ceil(1000 / batches) / 1000:g} on, or 1 (a number) for one batch"
            )
    return found
