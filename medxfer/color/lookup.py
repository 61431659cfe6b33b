"""Gray → level → colour: matplotlib's index rule, and a gather that costs little more than a copy.

A level is floor(x · levels), clipped to 0 … levels − 1, for x in [0, 1]; for integers x is value / largest
value.
"""

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from medxfer.base.errors import MedxferError

LookUp = Callable[[Tensor, Tensor, int], Tensor]


def level_index(gray: Tensor, levels: int) -> Tensor:
    """The level of each pixel of `gray`: uint8 if `levels` ≤ 256, else int32; the same shape, `gray` is not changed.

    `gray` is uint8, uint16 or floating point in [0, 1] (clipped outside, never NaN: see `refuse_nan`); `levels` is a
    power of two from 2 to 65536. Raises TypeError for another dtype.
    """
    small = torch.uint8 if levels <= 256 else torch.int32
    bits = levels.bit_length() - 1
    if gray.dtype == torch.uint8:
        if bits == 8:
            return gray
        if bits < 8:
            return gray >> (8 - bits)
        return (gray.int() * levels).floor_divide_(255).clamp_(max=levels - 1)
    if gray.dtype == torch.uint16:
        # With 2ⁿ levels floor(x / 65535 · levels) is the upper n bits of x. torch has no
        # unsigned shifts, hence the signed view: cast or mask cut off the copies of the sign that it shifts in.
        level = (gray.view(torch.int16) >> (16 - bits)).to(small)
        return level if bits == 8 else level.bitwise_and_(levels - 1)
    if not gray.is_floating_point():
        raise TypeError(f"gray must be uint8, uint16 or floating point, got {gray.dtype}.")
    exact = gray.float() if gray.dtype.itemsize < 4 else gray  # half precision cannot hold every level
    level = (exact * levels).clamp_(0, levels - 1)
    return level.short().to(small) if levels <= 256 else level.to(small)  # torch casts to uint8 slowly, to short fast


def refuse_nan(gray: Tensor) -> None:
    """Raise MedxferError if floating point `gray` holds NaN.

    For gray as it arrives: the look waits for the device, and what integers become in augmentation is never NaN.
    """
    # min() passes NaN on, and is the fastest look.
    if gray.is_floating_point() and gray.numel() and gray.detach().min().isnan():
        raise MedxferError("an image holds NaN, which has no colour: repair or leave out the image.")


def check_kind(gray: Tensor, windowed: bool) -> None:
    """Raise MedxferError for Hounsfield units (int16) that no window shows, and for display gray in place of them."""
    if gray.dtype == torch.int16 and not windowed:
        raise MedxferError("these images are in Hounsfield units: choose a window, for example window=40/400.")
    if gray.dtype in (torch.uint8, torch.uint16) and windowed:
        raise MedxferError(
            "a CT window needs images in Hounsfield units, and these are display gray: choose window=file, and a "
            "colormap other than windows:…"
        )


def pair_table(table: Tensor) -> Tensor:
    """The colours of every two neighbouring 8-bit levels, (65536, 2·C): row i is for the two bytes of i."""
    every_pair = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.uint8).int()
    colors = table[every_pair.clamp(max=len(table) - 1)]
    return colors.view(65536, 2 * table.shape[1])


def colors_of(gray: Tensor, levels: int, table: Tensor, pairs: Tensor | None) -> Tensor:
    """The colours (B, C, H, W), channels_last, of `gray` (B, H, W) as `level_index` takes it, from `table` (levels, C).

    `pairs`: see `pair_table`.
    """
    look_up = _kernel_for(gray, table)
    if look_up is None:
        return gather(level_index(gray, levels), table, pairs)
    if gray.dtype == torch.uint16:
        return look_up(gray, table, 17 - levels.bit_length())
    return look_up(level_index(gray, levels), table, 0)


def _kernel_for(gray: Tensor, table: Tensor) -> LookUp | None:
    """The kernel of `lookup_kernel` where it can be used: on a CUDA device, and where a compiler does not do better."""
    if not gray.is_cuda or gray.numel() * table.shape[1] >= 2**30 or torch.compiler.is_compiling():
        return None
    return _kernel_on(gray.device)


@cache
def _kernel_on(device: torch.device) -> LookUp | None:
    """None where this machine does not compile the kernel: torch's own gather serves as well, only slower."""
    try:
        from medxfer.color.lookup_kernel import look_up

        gray, table = torch.ones(1, 1, 1, dtype=torch.uint8, device=device), torch.tensor([[1.0], [2.0]], device=device)
        return look_up if look_up(gray, table, 0).item() == 2.0 else None
    except Exception:  # whatever it raises: there may be no Triton, or no C compiler for it
        return None


def gather(levels: Tensor, table: Tensor, pairs: Tensor | None) -> Tensor:
    """The colours of `levels` (B, H, W), as (B, C, H, W) in channels_last memory.

    With `pairs` (see `pair_table`) the levels are uint8, and two are looked up at once: half the indices.
    """
    # A compiler fuses the plain form by itself.
    if pairs is None or levels.numel() % 2 or torch.compiler.is_compiling():
        return F.embedding(levels.int(), table).permute(0, 3, 1, 2)
    flat = levels.reshape(-1)
    flat = flat.clone() if flat.storage_offset() % 2 else flat
    colors = F.embedding(flat.view(torch.uint16).int(), pairs)
    return colors.view(*levels.shape, table.shape[1]).permute(0, 3, 1, 2)


def gather_channels(levels: Tensor, table: Tensor) -> Tensor:
    """Each channel of `levels` (B, C, H, W) through its column of `table`: (B, C, H, W), channels_last."""
    columns = [F.embedding(levels[:, c].int(), table[:, c : c + 1]).squeeze(-1) for c in range(table.shape[1])]
    return torch.stack(columns, dim=-1).permute(0, 3, 1, 2)


def table_over_hu(render: Callable[[Tensor], Tensor]) -> Tensor:
    """What `render` (int16 (1, H, W) → (1, C, H, W)) gives for each of the 65536 HU values: (65536, C)."""
    every_hu = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.int16)
    return render(every_hu.view(1, 256, 256)).permute(0, 2, 3, 1).reshape(65536, -1).contiguous()


def gather_hu(hu: Tensor, table: Tensor) -> Tensor:
    """The colours of int16 `hu` (B, H, W) from a `table_over_hu`, as (B, C, H, W) in channels_last memory."""
    if (look_up := _kernel_for(hu, table)) is not None:
        return look_up(hu.view(torch.uint16), table, 0)
    return F.embedding(hu.view(torch.uint16).int(), table).permute(0, 3, 1, 2)
