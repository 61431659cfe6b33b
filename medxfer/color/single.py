"""The one-channel control: the function of three equal channels, computed by a stem that takes one.

`none` shows the stem W the input (g − mean_c) / std_c in each channel c; `single` shows it z = (g − m) / s
once. With W' = Σ_c W_c · s / std_c and b' = Σ_c ΣW_c · (m − mean_c) / std_c the stem gives the same, except
where it reaches over the border: there zero padding is mean_c to one and m to the other, unless mean is equal
in all channels.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from medxfer.base.errors import MedxferError


def single_normalisation(mean: Sequence[float], std: Sequence[float]) -> tuple[float, float]:
    """(m, s): the normalisation of the one channel, the average of those of the weights' channels."""
    return sum(mean) / len(mean), sum(std) / len(std)


def fold_stem(
    weight: Tensor, bias: Tensor | None, mean: Sequence[float], std: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """The first convolution for `single` that does what the one for three channels does to `none`.

    Takes its weight (out, 3, kh, kw), its bias (out,) if it has one, and the three channels' `mean` and `std` as
    ColorTransform was given them. Returns weight (out, 1, kh, kw) and bias (out,) in the dtype of `weight`. The bias is
    zero, and can be left out, if `bias` is None and the channels' means are equal.
    """
    m, s = single_normalisation(mean, std)
    w = weight.double()
    means, stds = w.new_tensor(mean), w.new_tensor(std)
    folded = (w * (s / stds).view(1, -1, 1, 1)).sum(dim=1, keepdim=True)
    shift = (w.sum(dim=(2, 3)) * ((m - means) / stds)).sum(dim=1)
    if bias is not None:
        shift = shift + bias.double()
    return folded.to(weight.dtype), shift.to(weight.dtype)


def take_single_channel(network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
    """Make a `network` for three channels take `single`, in place, by folding its first convolution.

    The convolution gets a bias if it had none and the channels' means differ. Raises MedxferError if the first
    convolution does not take three channels, or takes them apart (groups).
    """
    stem = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if stem is None or stem.in_channels != 3 or stem.groups != 1:
        raise MedxferError("colormap=single needs a backbone whose first layer is a convolution of three channels.")
    weight, bias = fold_stem(stem.weight.detach(), stem.bias, mean, std)
    stem.in_channels = 1
    stem.weight = nn.Parameter(weight, requires_grad=stem.weight.requires_grad)
    if stem.bias is not None or bias.any():
        stem.bias = nn.Parameter(bias.detach(), requires_grad=stem.weight.requires_grad)
