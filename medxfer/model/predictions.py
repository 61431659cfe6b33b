"""The scores of a whole split, put together from the batches of every process."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors


@dataclass(frozen=True)
class Predictions:
    """Scores of a whole split, one row an image, in ascending order of `index`; on the CPU."""

    index: Tensor  # (N,) int64, rows in the store
    label: Tensor  # (N,) int64, or (N, C) float32 for multi-label
    scores: Tensor  # (N, C) float32 probabilities


def pooled(rows: list[tuple[Tensor, Tensor, Tensor]], processes: int) -> tuple[Tensor, ...]:
    """(index, label, logits) of the whole split on every process, by ascending index, each image once."""
    columns = tuple(torch.cat(column) for column in zip(*rows, strict=True))
    if processes > 1:
        columns = tuple(torch.cat(gather_all_tensors(column)) for column in columns)
    index, order = columns[0].sort(stable=True)
    first = torch.ones_like(index, dtype=torch.bool)
    first[1:] = index[1:] != index[:-1]  # a distributed sampler repeats images to fill its last round
    return tuple(column[order[first]] for column in columns)
