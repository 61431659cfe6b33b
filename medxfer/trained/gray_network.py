"""A trained cell as one network from gray to probabilities: the lookup, the backbone and the scores."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medxfer.trained.trained_cell import TrainedCell


class GrayNetwork(nn.Module):
    """(B, H, W) gray of the cell's dtype → (B, classes) float32 probabilities.

    Window, levels, colours and normalisation act on each pixel by itself, so that together they are one table over all
    gray values; the result is the same to the last bit, and the gather is all that an exported graph needs.
    """

    table: Tensor  # (values, C)

    def __init__(self, cell: TrainedCell) -> None:
        super().__init__()
        self.register_buffer("table", lookup_table(cell))
        self.lowest = int(np.iinfo(cell.gray).min)
        self.backbone = cell.model.backbone
        self.scores = cell.model.scores

    def forward(self, gray: Tensor) -> Tensor:
        pixels = F.embedding(gray.to(torch.int32) - self.lowest, self.table).permute(0, 3, 1, 2)
        return self.scores(self.backbone(pixels))


def lookup_table(cell: TrainedCell) -> Tensor:
    """What the network is given for each gray value of the cell's dtype, from the lowest: (values, C) float32."""
    limits = np.iinfo(cell.gray)
    every = np.arange(limits.min, limits.max + 1).astype(cell.gray)
    return cell.pixels(torch.from_numpy(every).view(1, 1, -1))[0, :, 0].T.contiguous()
