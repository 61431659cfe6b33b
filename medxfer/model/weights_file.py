"""A file of weights, as people's trainings leave it → the state dict of a network.

The rule: of the file's tensors those of the network are taken (of a teacher before its student), under their names
without what wrappers put before them; numbers of an `nn.Sequential` of a network's children become the children's
names; what only a pretext task used (decoders, projections) is left out; a first convolution of one channel is repeated
over three. What then is missing or left is refused by whoever loads it.
"""

import argparse
import pickle
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from medxfer.base.errors import MedxferError, first_line
from medxfer.model.layers import head_keys

PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")  # DataParallel, torch.compile, Lightning modules
PRETEXT_PREFIXES = ("encoder_q.", "base_encoder.", "encoder.")  # the network that MoCo (v1 and v2, v3), SimCLR trained
# Where training checkpoints keep the network; DINO's teacher is what is used of it.
_INSIDE = ("state_dict", "model_state_dict", "model", "teacher")
_PRETEXT = ("decoder", "mask_token", "projector", "projection_head", "predictor")  # MAE, SimCLR, BYOL and their kin


def read_state(path: Path, prefixes: Sequence[str] = PREFIXES) -> tuple[dict[str, Tensor], list[str]]:
    """The network's tensors in a `.safetensors`, `.pth` or Lightning checkpoint file, and the keys left out.

    `prefixes` are stripped; keys without the prefix of the others (of a loss, of another module) are left out.

    Raises:
        MedxferError: the file is damaged, holds pickled objects beside tensors, or holds no tensors.
    """
    content = _read(path)
    for key in _INSIDE:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping):
        raise MedxferError(f"weights '{path}' hold a {type(content).__name__} instead of a state dict: save one.")
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise MedxferError(f"weights '{path}' hold no tensors: a state dict is needed.")
    left_out: list[str] = []
    while prefix := next((p for p in prefixes if any(key.startswith(p) for key in state)), None):
        left_out += [key for key in state if not key.startswith(prefix)]
        state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return state, left_out


def to_timm(state: dict[str, Tensor], keys: Collection[str]) -> dict[str, Tensor]:
    """`state` under timm's `keys` if it has the names of efficientnet_lite_pytorch, else unchanged.

    Both packages define the same tensors in the same order.
    """
    if "_conv_stem.weight" in state and len(state) == len(keys):
        return dict(zip(keys, state.values(), strict=True))
    return state


def users_state(path: Path, network: nn.Module) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a user's file by the names of `network`, as the rule above says, and the keys left out.

    Raises:
        MedxferError: as `read_state`.
    """
    own = network.state_dict()
    prefixes = [p for p in (*PREFIXES, *PRETEXT_PREFIXES) if not any(key.startswith(p) for key in own)]
    state, left_out = read_state(path, prefixes)
    state, pretext = _without_pretext(_named_as(network, state), own, head_keys(network))
    return state, [*left_out, *pretext]


def _named_as(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """`state` with the names of `network`'s children where it has their places.

    `nn.Sequential(*list(resnet50().children())[:-1])`, as RadImageNet's files were made, numbers them.
    """
    children = [name for name, _ in network.named_children()]
    places = {key.partition(".")[0] for key in state}
    if not all(place.isdecimal() and int(place) < len(children) for place in places) or places <= set(children):
        return state
    split = {key: key.partition(".") for key in state}
    return {f"{children[int(split[key][0])]}.{split[key][2]}": value for key, value in state.items()}


def _without_pretext(
    state: dict[str, Tensor], own: Collection[str], head: Collection[str]
) -> tuple[dict[str, Tensor], list[str]]:
    """`state` without what a pretext task added to a network with the keys `own`, and the keys left out.

    That is what begins with one of `_PRETEXT`, and layers where the network has its head (keys `head`) that are not
    the head: MoCo's projection `fc.0`, `fc.2` in place of `fc`.
    """
    roots = tuple({f"{key.partition('.')[0]}." for key in head})
    left_out = [key for key in state if key not in own and key.startswith((*_PRETEXT, *roots)) and key not in head]
    return {key: value for key, value in state.items() if key not in left_out}, left_out


def over_three_channels(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """(state, input channels of the file): a first convolution of one channel repeated over three, a third of it each.

    Three equal channels, as colormap=none gives them, then get the response that the one channel had.
    """
    stem = next((key for key, value in own.items() if value.ndim == 4 and key.endswith("weight")), None)
    if stem is None or stem not in state or state[stem].ndim != 4:
        return state, 3
    channels = state[stem].shape[1]
    if channels != 1 or own[stem].shape[1] != 3 or own[stem].shape[0] != state[stem].shape[0]:
        return state, channels
    return {**state, stem: state[stem].expand(-1, 3, -1, -1) / 3}, 1


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]):  # settings that trainings keep beside: plain data
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MedxferError(
            f"weights '{path}' are damaged, or hold Python objects, whose code medxfer never runs: save the network's "
            "state_dict alone, or use safetensors."
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise MedxferError(f"weights '{path}' cannot be read ({first_line(error)}): get the file again.") from error
