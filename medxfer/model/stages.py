"""A network in stages from its stem to its head: the unit in which transfer can end and training can begin."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from timm.models import group_parameters
from torch import nn

from medxfer.base.errors import MedxferError
from medxfer.model.head import head_keys

# An outer module, or a member of what is only a container.
_OUTER = re.compile(r"(?:(?:features|classifier|trunk_output|blocks|stages|layers|encoder\.layers)\.)?[^.]+")
_STEM = re.compile(r"class_token|conv_proj\.|encoder\.pos_embedding")  # of torchvision's transformers, out of order


@dataclass(frozen=True)
class Stage:
    """A part of a network that is transferred, or trained, as a whole."""

    name: str
    keys: tuple[str, ...]  # of the state dict: parameters and buffers


def find_stages(network: nn.Module) -> list[Stage]:
    """The stages before the head, from the stem upwards; together with the head they are the whole network.

    timm's networks are divided as timm does (its coarse groups: a ResNet's stem and four layers, a transformer's
    blocks), torchvision's by their outer modules. A norm belongs to the layer before it.
    """
    matcher = getattr(network, "group_matcher", None)
    named, head = list(network.state_dict().items()), set(head_keys(network))
    if matcher is not None:
        everything: Any = SimpleNamespace(named_parameters=lambda: iter(named))  # buffers go with their parameters
        groups = list(group_parameters(everything, matcher(coarse=True)).values())
    else:
        by_module: dict[str, list[str]] = defaultdict(list)
        for key, _ in named:
            by_module["stem" if _STEM.match(key) else _outer(key)].append(key)
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
        MedxferError: the setting has not that form, or k is not from 1 to the number of stages, which it names.
    """
    start, _, count = setting.partition("=")[2].partition(":")
    if start == kind and count.isdecimal() and 1 <= int(count) <= len(stages):
        return int(count)
    raise MedxferError(
        f"{setting}: {kind}:<k> takes k from 1 to {len(stages)} on this backbone, whose stages are, from the bottom, "
        f"{', '.join(stages)}."
    )


def _outer(key: str) -> str:
    match = _OUTER.match(key)
    assert match is not None
    return match[0]
