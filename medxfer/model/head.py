"""A network's head: its last layer, the only part that no published weights fit."""

import torch
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.model import seeds

SCALE = 0.01  # standard deviation of the initial weights: first scores near chance, whatever the features' width


def find_head(backbone: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers that give the scores: one, or two in distilled transformers, or none (num_classes=0)."""
    get = getattr(backbone, "get_classifier", None)
    if callable(get):
        found = get()
        roots = found if isinstance(found, (tuple, list)) else [found]
        return [m for root in roots for m in root.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    return [m for m in backbone.modules() if isinstance(m, (nn.Linear, nn.Conv2d))][-1:]


def head_keys(backbone: nn.Module) -> list[str]:
    """The head's names in the network's state dict."""
    heads = {id(m) for m in find_head(backbone)}
    return [f"{name}.{key}" for name, m in backbone.named_modules() if id(m) in heads for key in m.state_dict()]


def reset_head(backbone: nn.Module, seed: int) -> None:
    """Draw the head anew, in place: weights N(0, 0.01²), bias 0.

    The draw depends on `seed` and the head's shape alone: every arm of a training starts with the same head.

    Raises:
        MedxferError: the network has no head.
    """
    heads = find_head(backbone)
    if not heads:
        raise MedxferError(
            f"backbone {type(backbone).__name__} has no classification head: choose one that has; "
            "python -m medxfer.model lists all."
        )
    generator = torch.Generator().manual_seed(seeds.derive(seed, seeds.HEAD))
    with torch.no_grad():
        for layer in heads:
            draw: Tensor = torch.empty(layer.weight.shape).normal_(0.0, SCALE, generator=generator)
            layer.weight.copy_(draw)
            if layer.bias is not None:
                layer.bias.zero_()
