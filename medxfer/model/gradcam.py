"""Grad-CAM (Selvaraju et al. 2017): the places of an image that raised a class's score, for CNNs and transformers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medxfer.base.errors import MedxferError

SMALLEST = 4  # places a side: a smaller map is too coarse to point at anything


@dataclass(frozen=True)
class MapLayer:
    """A layer whose output is a map of features."""

    name: str
    module: nn.Module
    side: int  # places, height and width
    as_map: Callable[[Tensor], Tensor]  # its output → (B, C, side, side)


def find_map_layer(network: nn.Module, pixels: Tensor) -> MapLayer:
    """The last outer layer whose output is a map of at least 4 × 4 places that the scores depend on.

    Outer layers are the network's modules, their modules, and the members of those that only contain: a ResNet's
    stages, a transformer's blocks. Where a transformer classifies by a class token, the scores do not depend on the
    output of its last block for the patches.

    Args:
        network: in eval mode; its parameters may be frozen.
        pixels: (1, C, H, W), an image as the network takes it.

    Raises:
        MedxferError: there is no such layer.
    """
    outputs: list[tuple[str, nn.Module, Tensor]] = []

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.requires_grad and output.ndim in (3, 4):
                outputs.append((name, module, output))

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in _outer(network)]
    try:
        logits = network(pixels.detach().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    prefix = int(getattr(network, "num_prefix_tokens", 1))  # a class token, unless the network says otherwise
    for name, module, output in reversed(outputs):
        layer = _map_layer(name, module, output.shape, prefix)
        if layer is None:
            continue
        (gradient,) = torch.autograd.grad(logits[0, 0], output, retain_graph=True, allow_unused=True)
        if gradient is not None and bool(layer.as_map(gradient).any()):
            return layer
    raise MedxferError(
        f"Grad-CAM needs a layer with a map of {SMALLEST} × {SMALLEST} places or more, and {type(network).__name__} "
        f"has none for images of {pixels.shape[-1]} px: leave cam= out, or train at a larger image_size"
    )


def grad_cam(network: nn.Module, layer: MapLayer, pixels: Tensor, index: int) -> NDArray[np.float32]:
    """How much each place raised the score of class `index`: (H, W) in [0, 1], 1 at the place that raised it most.

    `pixels` (1, C, H, W) as for `find_map_layer`. All 0 if no place raised it. Raises MedxferError if the package
    grad-cam is missing.
    """
    try:
        from pytorch_grad_cam import GradCAM
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ImportError as error:
        raise MedxferError("cam= needs the package grad-cam: pip install 'medxfer[explain]'") from error
    cam = GradCAM(network, [layer.module], reshape_transform=layer.as_map)
    try:
        heat: NDArray[np.float32] = cam(pixels.detach().requires_grad_(), [ClassifierOutputTarget(index)])[0]
        return heat
    finally:
        cam.activations_and_grads.release()
        network.zero_grad()


def _outer(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, child in network.named_children():
        yield name, child
        for inner_name, inner in child.named_children():
            yield f"{name}.{inner_name}", inner
            if isinstance(inner, nn.Sequential):
                yield from ((f"{name}.{inner_name}.{n}", member) for n, member in inner.named_children())


def _map_layer(name: str, module: nn.Module, shape: torch.Size, prefix: int) -> MapLayer | None:
    if len(shape) == 4 and shape[2] == shape[3] >= SMALLEST:
        return MapLayer(name, module, shape[2], lambda output: output)
    if len(shape) == 4 and shape[1] == shape[2] >= SMALLEST:
        return MapLayer(name, module, shape[1], lambda output: output.permute(0, 3, 1, 2))
    if len(shape) == 3:
        side = round((shape[1] - prefix) ** 0.5)
        if side >= SMALLEST and side**2 == shape[1] - prefix:
            return MapLayer(
                name,
                module,
                side,
                lambda output: output[:, prefix:].transpose(1, 2).reshape(-1, shape[2], side, side),
            )
    return None
