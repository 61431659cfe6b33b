"""ColorTransform: gray as it lies in the store → normalised colour as a network takes it, in one gather."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.base.window import Window, linear
from medxfer.color.colormaps import check_levels, parse_colormap
from medxfer.color.lookup import (
    check_kind,
    colors_of,
    gather_channels,
    level_index,
    pair_table,
    refuse_nan,
)
from medxfer.color.single import single_normalisation


class ColorTransform(nn.Module):
    """A colormap with the normalisation folded in: `transform(gray)` is (colour − mean) / std.

    All but `windows:…` take display gray: uint8, uint16 or floating point in [0, 1], of shape (B, H, W) or
    (B, 1, H, W). `windows:…` takes Hounsfield units of the same shapes, int16 or floating point. The result
    is floating point (B, C, H, W) in channels_last memory, float32 unless the module was moved to another
    dtype; C is `in_channels`. The argument is never changed, and no pixel depends on another.
    """

    table: Tensor  # (levels, C), normalised; absent if the colours are learned
    pairs: Tensor | None

    def __init__(self, colormap: str, mean: Sequence[float], std: Sequence[float], levels: int = 256) -> None:
        """Build the tables. Raises MedxferError for an unknown colormap, and for impossible levels, mean or std."""
        super().__init__()
        self.colormap = parse_colormap(colormap)
        check_levels(levels)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise MedxferError(f"mean={list(mean)} std={list(std)}: three numbers each, and std above 0.")
        self.mean, self.std = tuple(map(float, mean)), tuple(map(float, std))  # of three channels, as given
        self.levels = levels
        self.in_channels = self.colormap.in_channels
        self.takes_hu = self.colormap.takes_hu  # Hounsfield units, not display gray
        if self.in_channels == 1:
            m, s = single_normalisation(mean, std)
            mean, std = [m], [s]
        self.learned = None
        if self.colormap.kind == "learned":
            self.learned = LearnedTable(self.colormap.table(levels), mean, std)
        else:
            center, scale = torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
            colors = self.colormap.table(levels)[:, : len(mean)]
            table = ((colors.double() - center) / scale).float()
            self.register_buffer("table", table, persistent=False)
            pairs = pair_table(table) if levels <= 256 and not self.takes_hu else None
            self.register_buffer("pairs", pairs, persistent=False)
        self.windowing = Windowing(self.colormap.windows) if self.takes_hu else None

    def forward(self, gray: Tensor) -> Tensor:
        """(B, C, H, W), channels_last. Raises MedxferError for NaN, and for gray of the other kind (HU, display)."""
        check_kind(gray, self.takes_hu)
        refuse_nan(gray)
        return self.lookup(gray if self.windowing is None else self.windowing(_planes(gray)))

    def lookup(self, display: Tensor) -> Tensor:
        """(B, C, H, W), channels_last, of display gray; for `windows:…` of its windows' gray (B, 3, H, W).

        No NaN is looked for: see `refuse_nan`.
        """
        if self.takes_hu:
            return gather_channels(level_index(display, self.levels), self.table)
        if self.learned is not None:
            colors: Tensor = self.learned(_planes(display))
            return colors.permute(0, 3, 1, 2)
        return colors_of(_planes(display), self.levels, self.table, self.pairs)

    def smoothness(self) -> Tensor:
        """Roughness of a learned table (a scalar that has a gradient), zero for a fixed one."""
        return torch.zeros(()) if self.learned is None else self.learned.smoothness()


class Windowing(nn.Module):
    """Hounsfield units → display gray through one or several windows, PS3.3 C.11.2.1.2.1 (LINEAR).

    Takes (B, H, W) or (B, 1, H, W), any real dtype, in HU; gives float32 (B, n, H, W) in [0, 1], one channel
    a window.
    """

    center: Tensor
    width: Tensor

    def __init__(self, windows: Sequence[Window | tuple[float, float]]) -> None:
        """Raises MedxferError if a window is not LINEAR, or its width is not above 1."""
        super().__init__()
        chosen = [Window(*window) for window in windows]
        if any(window.function != "LINEAR" or window.width <= 1 for window in chosen):
            raise MedxferError(f"windows {list(windows)}: each must be linear, and its width above 1 HU.")
        self.lowest = min(window.center - window.width / 2 for window in chosen)  # HU; black in every window
        # Tensors and not numbers: CUDA divides by a number through its reciprocal, which rounds differently.
        for name, values in (("center", [w.center for w in chosen]), ("width", [w.width for w in chosen])):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(-1, 1, 1), persistent=False)

    def forward(self, hu: Tensor) -> Tensor:
        hu = hu if hu.ndim == 4 else hu.unsqueeze(1)
        return linear(hu.float(), self.center, self.width).clamp_(0.0, 1.0)


class LearnedTable(nn.Module):
    """Colours at equally spaced gray, trained with the network. Linear in between, so that gray has a gradient too."""

    mean: Tensor
    std: Tensor

    def __init__(self, start: Tensor, mean: Sequence[float], std: Sequence[float]) -> None:
        """Start from the colours `start`, sRGB (levels, 3). `mean` and `std` of the channels normalise the result."""
        super().__init__()
        self.colors = nn.Parameter(start)
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def forward(self, gray: Tensor) -> Tensor:
        """(colour − mean) / std (B, H, W, 3) of uint8, uint16 or floating point gray (B, H, W) in [0, 1]."""
        table = (self.colors - self.mean) / self.std  # before the gather, where it costs nothing
        if gray.is_floating_point():
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


def _planes(gray: Tensor) -> Tensor:
    """(B, H, W) of (B, H, W) or (B, 1, H, W); the same memory."""
    if gray.ndim == 4 and gray.shape[1] == 1:
        return gray.squeeze(1)
    if gray.ndim != 3:
        raise ValueError(f"gray must have shape (B, H, W) or (B, 1, H, W), got {tuple(gray.shape)}.")
    return gray
