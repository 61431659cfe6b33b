"""A table of colours that is trained with the network."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medxfer.color.lookup import refuse_nan
from medxfer.color.tables import colormap_table


class LearnedTable(nn.Module):
    """`levels` colours at equally spaced gray, linear in between, so that there is a gradient to both."""

    mean: Tensor
    std: Tensor

    def __init__(self, start: str, levels: int, mean: Sequence[float], std: Sequence[float]) -> None:
        """Start from the colormap `start`; the result is normalised by the channels' `mean` and `std`."""
        super().__init__()
        self.colors = nn.Parameter(colormap_table(start, levels))  # sRGB, (levels, 3)
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def forward(self, gray: Tensor) -> Tensor:
        """(colour − mean) / std (B, H, W, 3) of uint8, uint16 or floating point gray (B, H, W) in [0, 1]."""
        table = (self.colors - self.mean) / self.std  # before the gather, where it costs nothing
        if gray.is_floating_point():
            refuse_nan(gray)
            return _interpolate(table, gray)
        largest = torch.iinfo(gray.dtype).max
        every_gray = torch.linspace(0, 1, largest + 1, dtype=torch.float64, device=gray.device)
        return F.embedding(gray.int(), _interpolate(table, every_gray.to(table.dtype)))

    def smoothness(self) -> Tensor:
        """Sum of squared second differences, a scalar: the penalty of P-splines (Eilers & Marx 1996)."""
        return self.colors.diff(n=2, dim=0).square().sum()


def _interpolate(table: Tensor, gray: Tensor) -> Tensor:
    """(..., 3): `table` (levels, 3) between its entries, at floating point `gray` (...) in [0, 1]."""
    last = len(table) - 1
    position = gray.clamp(0, 1) * last
    below = position.detach().floor().clamp(max=last - 1)
    index = below.int()
    fraction = (position - below).unsqueeze(-1).to(table.dtype)
    return torch.lerp(F.embedding(index, table), F.embedding(index + 1, table), fraction)
