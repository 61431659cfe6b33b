"""Batch normalisation over the whole batch, where several processes have a part of it each."""

from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def synchronize_norms(network: nn.Module, device: torch.device) -> nn.Module:
    """`network` with batch normalisation of all processes' images together; no name in its state changes.

    torch's synchronised layer works on accelerators only, and put by torch's own function into the place of one of
    timm's it would drop the activation: there it is timm's function that puts it, and on the CPU this module's.
    """
    if device.type != "cpu":
        return convert_sync_batchnorm(network)
    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.forward = partial(_normalize_together, layer)  # type: ignore[method-assign]
    return network


def _normalize_together(layer: _BatchNorm, x: Tensor) -> Tensor:
    """(B, C, …) → the same shape, as `layer` would normalise all processes' images in one batch."""
    if not layer.training:
        return type(layer).forward(layer, x)
    others = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    count = _Sum.apply(torch.tensor(x.numel() / x.shape[1], dtype=x.dtype))
    mean = _Sum.apply(x.sum(others)) / count
    centered = x - mean.view(shape)
    var = _Sum.apply(centered.square().sum(others)) / count
    if layer.track_running_stats:
        _update(layer, mean.detach(), var.detach() * count / (count - 1))
    x = centered * (var + layer.eps).rsqrt().view(shape)
    if layer.affine:
        x = x * layer.weight.view(shape) + layer.bias.view(shape)
    for name in ("drop", "act"):  # of timm's layers
        if hasattr(layer, name):
            x = getattr(layer, name)(x)
    return x


@torch.no_grad()
def _update(layer: _BatchNorm, mean: Tensor, var: Tensor) -> None:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert layer.num_batches_tracked is not None
    layer.num_batches_tracked.add_(1)
    momentum = 1.0 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, momentum)
    layer.running_var.lerp_(var, momentum)


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total
