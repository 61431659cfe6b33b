"""The layers of a network: its head, the stages before it, and which of them are trained."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from timm.models import group_parameters
from torch import nn

from medxfer.base.errors import MedxferError
from medxfer.model import seeds

SCALE = 0.01  # standard deviation of a new head's weights: first scores near chance, whatever the features' width
# The name of an outer module, or of a member of a module that only contains.
_OUTER = re.compile(r"(?:(?:features|classifier|blocks|stages|layers)\.)?[^.]+")


def find_head(backbone: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The layers that give the logits: one, two in distilled transformers, or none (num_classes=0)."""
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

    The draw depends on `seed` and the head's shape alone, so that every arm of a training starts with the same head.

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
            layer.weight.copy_(torch.empty(layer.weight.shape).normal_(0.0, SCALE, generator=generator))
            if layer.bias is not None:
                layer.bias.zero_()


@dataclass(frozen=True)
class Stage:
    """A part of a network that is transferred, or trained, as a whole."""

    name: str
    keys: tuple[str, ...]  # of the state dict: parameters and buffers


def find_stages(network: nn.Module) -> list[Stage]:
    """The stages before the head, from the stem upwards; together with the head they are the whole network.

    They are timm's coarse groups (a ResNet's stem and four layers, a transformer's blocks) or, where the network names
    none, its outer modules. A norm belongs to the layer before it.
    """
    matcher = getattr(network, "group_matcher", None)
    named, head = list(network.state_dict().items()), set(head_keys(network))
    if matcher is not None:
        everything: Any = SimpleNamespace(named_parameters=lambda: iter(named))  # buffers go with their parameters
        groups = list(group_parameters(everything, matcher(coarse=True)).values())
    else:
        by_module: dict[str, list[str]] = defaultdict(list)
        for key, _ in named:
            by_module[_outer(key)].append(key)
        groups = list(by_module.values())
    matrices = {name for name, parameter in network.named_parameters() if parameter.ndim > 1}
    stages: list[list[str]] = []
    for group in groups:
        keys = [key for key in group if key not in head]
        if stages and not matrices.intersection(keys):
            stages[-1] += keys
        elif keys:
            stages.append(keys)
    return [Stage(_outer(keys[0]), tuple(keys)) for keys in stages]


def count_of(setting: str, kind: str, stages: Sequence[str]) -> int:
    """The k of a setting "<key>=<kind>:<k>", of a network with these `stages`.

    Raises:
        MedxferError: the setting has another form, or k is not from 1 to the number of stages; names the stages.
    """
    start, _, count = setting.partition("=")[2].partition(":")
    if start == kind and count.isdecimal() and 1 <= int(count) <= len(stages):
        return int(count)
    raise MedxferError(
        f"{setting}: {kind}:<k> takes k from 1 to {len(stages)} on this backbone, whose stages are, from the bottom, "
        f"{', '.join(stages)}."
    )


def freeze(backbone: nn.Module, finetune: str) -> None:
    """Leave only the layers that `finetune` names trainable, in place.

    Args:
        backbone: the network.
        finetune: `full`; `head`; or `last:<k>`, the head and the k stages before it.
    """
    if finetune == "full":
        return
    trained = set(head_keys(backbone))
    if finetune != "head":
        stages = find_stages(backbone)
        count = count_of(f"finetune={finetune}", "last", [stage.name for stage in stages])
        trained.update(key for stage in stages[-count:] for key in stage.keys)
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name in trained)


def keep_frozen_in_eval(backbone: nn.Module) -> None:
    """Put modules without a trainable parameter in eval mode: batch norm keeps its statistics, no dropout.

    Where only the head is trained, that is the whole network: a fixed function from image to features.
    """
    head = set(head_keys(backbone))
    if all(name in head for name, parameter in backbone.named_parameters() if parameter.requires_grad):
        backbone.eval()
    for module in backbone.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()


def _outer(key: str) -> str:
    match = _OUTER.match(key)
    assert match is not None
    return match[0]
