"""ColorTransform: gray as it lies in the store → normalised colour as a network takes it, in one gather."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.color.learned import LearnedTable
from medxfer.color.lookup import gather, gather_channels, gather_hu, pair_table, quantise, table_over_hu
from medxfer.color.names import check_levels, parse_colormap
from medxfer.color.single import single_normalisation
from medxfer.color.tables import colormap_table
from medxfer.color.window import Windowing


class ColorTransform(nn.Module):
    """A colormap with the normalisation folded in: `transform(gray)` is (colour − mean) / std.

    All but `windows:…` take display gray: uint8, uint16 or floating point in [0, 1], of shape (B, H, W) or
    (B, 1, H, W). `windows:…` takes Hounsfield units of the same shapes, int16 or floating point. The result
    is floating point (B, C, H, W) in channels_last memory, float32 unless the module was moved to another
    dtype; C is `in_channels`. The argument is never changed, and no pixel depends on another.
    """

    table: Tensor  # (levels, C), normalised; absent where the colours are learned
    pairs: Tensor | None
    over_hu: Tensor | None  # (65536, 3) for `windows:…`

    def __init__(self, colormap: str, mean: Sequence[float], std: Sequence[float], levels: int = 256) -> None:
        """Build the tables; MedxferError for an unknown colormap, and for levels or std that cannot be."""
        super().__init__()
        self.colormap = parse_colormap(colormap)
        check_levels(levels)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise MedxferError(f"mean={list(mean)} std={list(std)}: three numbers each, and std above 0.")
        self.mean, self.std = tuple(map(float, mean)), tuple(map(float, std))  # of three channels, as given
        if self.colormap.kind == "single":
            m, s = single_normalisation(mean, std)
            mean, std = [m], [s]
        self.levels = levels
        center, scale = torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
        self.learned = None
        if self.colormap.kind == "learned":
            self.learned = LearnedTable(self.colormap.table, levels, mean, std)
        else:
            colors = colormap_table(self.colormap.table, levels)[:, : len(mean)]
            table = ((colors.double() - center) / scale).float()
            self.register_buffer("table", table, persistent=False)
            pairs = pair_table(table) if levels <= 256 and not self.takes_hu else None
            self.register_buffer("pairs", pairs, persistent=False)
        self.windowing = Windowing(self.colormap.windows) if self.takes_hu else None
        over_hu = table_over_hu(self._unfused) if self.takes_hu else None
        self.register_buffer("over_hu", over_hu, persistent=False)

    @property
    def in_channels(self) -> int:
        """Channels of the result: 3, or 1 for `single`."""
        return self.colormap.in_channels

    @property
    def takes_hu(self) -> bool:
        """Whether it takes Hounsfield units."""
        return self.colormap.takes_hu

    def forward(self, gray: Tensor) -> Tensor:
        """(B, C, H, W), channels_last. MedxferError for NaN and for gray of the other kind (HU, display)."""
        if not self.takes_hu:
            return self.lookup(gray)
        if gray.dtype in (torch.uint8, torch.uint16):
            raise MedxferError(
                f"colormap={self.colormap.name} needs images in Hounsfield units, and these are display gray."
            )
        if self.over_hu is not None and gray.dtype == torch.int16:
            return gather_hu(_planes(gray), self.over_hu)
        return self._unfused(gray)

    def lookup(self, display: Tensor) -> Tensor:
        """(B, C, H, W), channels_last, of display gray; for `windows:…` of its windows' gray (B, 3, H, W)."""
        if display.dtype == torch.int16:
            raise MedxferError(
                f"colormap={self.colormap.name} needs display gray, and these are Hounsfield units: "
                "choose a window, for example window=40/400."
            )
        if self.takes_hu:
            return gather_channels(quantise(display, self.levels), self.table)
        if self.learned is not None:
            return self.learned(_planes(display)).permute(0, 3, 1, 2)
        return gather(quantise(_planes(display), self.levels), self.table, self.pairs)

    def smoothness(self) -> Tensor:
        """Roughness of a learned table (a scalar that has a gradient), zero for a fixed one."""
        return torch.zeros(()) if self.learned is None else self.learned.smoothness()

    def _unfused(self, hu: Tensor) -> Tensor:
        assert self.windowing is not None
        return self.lookup(self.windowing(hu))


def _planes(gray: Tensor) -> Tensor:
    """(B, H, W) of (B, H, W) or (B, 1, H, W); the same memory."""
    if gray.ndim == 4 and gray.shape[1] == 1:
        return gray.squeeze(1)
    if gray.ndim != 3:
        raise ValueError(f"gray must have shape (B, H, W) or (B, 1, H, W), got {tuple(gray.shape)}.")
    return gray
