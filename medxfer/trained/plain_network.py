"""A trained cell's network as timm or torchvision themselves make it, for three channels."""

import torch
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.model.backbone import create_backbone
from medxfer.model.catalogue import find
from medxfer.trained.trained_cell import TrainedCell

TOLERANCE = 1e-4  # of the logits, relative to the largest


@torch.no_grad()
def plain_network(cell: TrainedCell) -> nn.Module:
    """The library's own network with the cell's weights: no module and no key of ours, in eval mode.

    For `single` its first convolution gives on three equal channels what the cell's gives on one.

    Raises:
        MedxferError: the library's network cannot compute what the cell's does.
    """
    config = cell.config
    name = find(config.backbone, config.pretrained).shown
    network = create_backbone(name, len(cell.classes), False, image_size=config.image_size).eval()
    state = dict(cell.model.backbone.state_dict())
    if cell.color.in_channels == 1:
        state = _three_channels(state, network)
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise MedxferError(
            f"{name} itself has no place for the bias that colormap=single gives its first convolution; export a cell "
            "of colormap=none"
        ) from error
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, cell.color.in_channels, config.image_size, config.image_size, generator=generator)
    ours, theirs = cell.model.backbone(pixels), network(pixels.expand(-1, 3, -1, -1))
    if not torch.allclose(ours, theirs, rtol=0, atol=TOLERANCE * float(ours.abs().max())):
        raise MedxferError(
            f"{name} as its library makes it does not give the logits of this cell; train it again with the versions "
            "of timm and torchvision that are installed"
        )
    return network


def _three_channels(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """`state` of a network for one channel as that of `network`, which is for three."""
    modules = list(network.named_modules())
    place, stem = next((i, name) for i, (name, module) in enumerate(modules) if isinstance(module, nn.Conv2d))
    weight = state[f"{stem}.weight"]
    changed = {f"{stem}.weight": weight.expand(-1, 3, -1, -1) / 3}
    if f"{stem}.bias" in state and modules[place][1].bias is None:  # the norm after it takes it over
        bias = state.pop(f"{stem}.bias")
        norm = next((name for name, module in modules[place:] if isinstance(module, nn.BatchNorm2d)), None)
        if norm is not None and state[f"{norm}.running_mean"].shape == bias.shape:
            changed[f"{norm}.running_mean"] = state[f"{norm}.running_mean"] - bias
    return state | changed
