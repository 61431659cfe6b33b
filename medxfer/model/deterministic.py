"""What of a network's training cannot be repeated bit by bit on a GPU, and two operations that here can.

With deterministic=true torch chooses kernels that give the same sums each time, and raises where it has none
(the documentation of torch.use_deterministic_algorithms lists them). A backward pass would be the first to say so.
"""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch._decomp import get_decompositions
from torch.library import Library
from torch.utils._python_dispatch import TorchDispatchMode

# What raises on CUDA, by torch's name, for networks of images; also forward, where torch has no forward kernel either.
RAISING = {
    "_adaptive_avg_pool2d_backward": "adaptive average pooling",
    "adaptive_max_pool2d_backward": "adaptive max pooling",
    "avg_pool3d_backward": "average pooling in 3D",
    "_adaptive_avg_pool3d_backward": "adaptive average pooling in 3D",
    "fractional_max_pool2d_backward": "fractional max pooling",
    "max_unpool2d": "max unpooling",
    "upsample_linear1d_backward": "linear interpolation",
    "upsample_bilinear2d_backward": "bilinear interpolation",
    "upsample_bicubic2d_backward": "bicubic interpolation",
    "_upsample_bilinear2d_aa_backward": "bilinear interpolation",
    "_upsample_bicubic2d_aa_backward": "bicubic interpolation",
    "reflection_pad1d_backward": "reflection padding",
    "reflection_pad2d_backward": "reflection padding",
    "grid_sampler_2d_backward": "sampling on a grid",
    "nll_loss2d_forward": "a loss a pixel",
    "histc": "a histogram",
    "median": "a median",
    "put": "writing to places",
}


def _pooling_backward(grad: Tensor, pooled: Tensor) -> Tensor:
    """The gradient of adaptive average pooling of `pooled` (…, H, W), of `grad` (…, h, w): two matrix products."""
    exact = grad.to(torch.promote_types(grad.dtype, torch.float32))
    rows, columns = (_shares(grad.shape[side], pooled.shape[side], grad.device).to(exact) for side in (-2, -1))
    spread = rows.T @ (exact @ columns)
    return torch.empty_like(pooled).copy_(spread)


def _shares(outputs: int, inputs: int, device: torch.device) -> Tensor:
    """(outputs, inputs): what each input is of each output's mean."""
    first = torch.arange(outputs, device=device).unsqueeze(1)
    place = torch.arange(inputs, device=device)
    inside = (place >= first * inputs // outputs) & (place < -(-(first + 1) * inputs // outputs))
    return inside.double() / inside.sum(1, keepdim=True)


_reflection = torch.ops.aten.reflection_pad2d_backward.default

# AlexNet and VGG pool adaptively, networks that blur before they stride pad by reflection.
REPEATABLE = {
    "_adaptive_avg_pool2d_backward": _pooling_backward,
    "reflection_pad2d_backward": get_decompositions([_reflection])[_reflection],  # torch's own, in gathers
}
_kernels = Library("aten", "IMPL")
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "(?s)Warning only once for all operators")  # that torch's own are replaced
    for _name, _kernel in REPEATABLE.items():
        _kernels.impl(_name, _kernel, "CUDA")


class _Names(TorchDispatchMode):
    """Collects the names of the operations that are run within it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def raising_operations(network: nn.Module, size: int, colors: bool = False) -> list[str] | None:
    """The operations, in words, for which training `network` on a GPU raises with deterministic=true.

    `network` lies on the meta device and takes three channels; a step of images (2, 3, size, size) is run there, which
    computes nothing. With `colors` the images have a gradient as well. None where the network cannot be run so.
    """
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)  # torch itself replaces some of its operations then
    try:
        with _Names() as names:
            pixels = torch.empty(2, 3, size, size, device="meta", requires_grad=colors)
            scores = network.train()(pixels).float().sum()
            if scores.requires_grad:
                torch.autograd.backward(scores)
    except (NotImplementedError, RuntimeError):  # an operation that needs values, or a size that it does not take
        return None
    finally:
        torch.use_deterministic_algorithms(before)
    return sorted({words for name, words in RAISING.items() if name in names.seen and name not in REPEATABLE})
