"""Networks by name, from timm or torchvision, with random or pretrained weights that fit or are refused."""

import re
from dataclasses import replace
from functools import cache
from typing import Any

import timm
import torch
import torchvision.models as tv
from timm.models import adapt_input_conv
from torch import Tensor, nn
from torchvision.models.vision_transformer import interpolate_embeddings

from medxfer.base.errors import MedxferError
from medxfer.model import seeds
from medxfer.model.catalogue import BOTTOM, Entry, find
from medxfer.model.head import find_head, head_keys
from medxfer.model.packaged import to_timm
from medxfer.model.stages import count_of, find_stages
from medxfer.model.weights import WeightsRecord, read_state, resolve

_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")  # heads of Inception that only its own training uses
_MIXING = ("googlenet", "inception_v3")
_INCEPTION = {"aux_logits": False, "transform_input": True}  # its weights take [-1, 1]; given to both arms
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)")
# Names of the head in files that do not follow the library.
_USUAL_HEADS = ("head.fc", "head", "fc", "classifier", "classifier.6")
# What timm loads without strictness, so that its keys are compared here.
_LOOSE = re.compile(r"dla.*|inception_v3(\.tv_in1k)?|.*\.fcmae.*")
# What networks raise for an image size that they do not take.
_SIZE_ERRORS = (TypeError, AssertionError, ValueError, ZeroDivisionError, RuntimeError)


def create_backbone(
    name: str,
    num_classes: int,
    pretrained: bool | str,
    weights: WeightsRecord | None = None,
    in_chans: int = 3,
    *,
    image_size: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """The network `name`: (B, in_chans, H, W) float → (B, num_classes) logits, its memory in channels_last.

    Args:
        name: a timm name, `torchvision/<name>`, or `alexnet`.
        num_classes: outputs. The weights' own classifier is kept where it has as many.
        pretrained: True, a tag of published weights, or `file:<path>`; False for random weights; `bottom:<k>` for
            pretrained weights in the k lowest stages and random ones above (Raghu et al. 2019, "Transfusion").
        weights: what `weights.resolve(name, pretrained)` found, where it has been called already.
        in_chans: 3, or 1 (pretrained stems are summed over their channels).
        image_size: height and width in pixels. Where the network is built for one size, its position
            embeddings are interpolated to this one. A black image is run through, to refuse what cannot work.
        seed: of the random weights. Neither reads nor moves torch's global random state.

    Returns:
        The network; its attribute `weights_record` is the WeightsRecord after loading, or None.

    Raises:
        MedxferError: unknown name, weights that do not fit, or an image size that the network does not take.
    """
    entry = find(name, pretrained)
    if in_chans not in (1, 3):
        raise MedxferError(f"backbone '{name}' cannot take {in_chans} channels: medxfer's images have 1 or 3.")
    record = (weights or resolve(name, pretrained)) if pretrained else None
    create = _create_timm if entry.library == "timm" else _create_torchvision
    with seeds.seeded(seeds.derive(seed, seeds.BACKBONE)):
        network, record = create(entry, num_classes, record, in_chans, image_size)
    if record and isinstance(pretrained, str) and pretrained.startswith(BOTTOM):
        with seeds.seeded(seeds.derive(seed, seeds.BACKBONE)):  # the top is the random arm's
            upper, _ = create(entry, num_classes, None, in_chans, image_size)
        network, record = _bottom(pretrained, network, upper, record)
    if not find_head(network) and num_classes:
        raise MedxferError(f"backbone '{name}' is no classification network: python -m medxfer.model lists those.")
    network = network.to(memory_format=torch.channels_last)
    if image_size is not None:
        _check_size(network, entry, in_chans, image_size)
    network.weights_record = record  # type: ignore[assignment]
    return network


@cache
def stage_names(name: str) -> tuple[str, ...]:
    """The stages of backbone `name`, from a network that is built for it."""
    return tuple(stage.name for stage in find_stages(create_backbone(name, 2, pretrained=False)))


def library_arguments(entry: Entry, num_classes: int, image_size: int | None) -> dict[str, Any]:
    """What the library's own function is given beside the network's name."""
    arguments: dict[str, Any] = {"num_classes": num_classes}
    if entry.sized and image_size is not None:
        if entry.library == "timm":
            arguments["img_size"] = image_size
        elif entry.architecture == "maxvit_t":
            arguments["input_size"] = (image_size, image_size)
        else:
            arguments["image_size"] = image_size
    if entry.library == "torchvision" and entry.architecture in _MIXING:
        arguments |= _INCEPTION
    return arguments


def _create_timm(
    entry: Entry, num_classes: int, record: WeightsRecord | None, in_chans: int, image_size: int | None
) -> tuple[nn.Module, WeightsRecord | None]:
    options = {**library_arguments(entry, num_classes, image_size), "in_chans": in_chans}
    if record is None:
        return _timm_model(entry, **options), None
    state, left_out = read_state(record.path)
    state = to_timm(state, entry.architecture)
    own = _own_classes(state, entry) if record.source == "file" else entry.classes
    if _LOOSE.fullmatch(entry.name):
        _refuse_misfit(record, entry, timm.create_model(entry.name, num_classes=own), state, allowed="head.norm.")
    overlay = {"state_dict": state, "num_classes": own}
    try:  # built with the weights' own classifier, so that timm loads strictly
        own_options = options | {"num_classes": own}
        network = _timm_model(entry, pretrained=True, pretrained_cfg_overlay=overlay, **own_options)
    except RuntimeError as error:
        _refuse_misfit(record, entry, timm.create_model(entry.name, num_classes=own), state)
        raise MedxferError(
            f"weights '{record.file}' do not fit backbone '{entry.shown}': {_one_line(error)}"
        ) from error
    if own == num_classes:
        return network, record.loaded([], left_out)
    renewed = _timm_model(entry, **options)  # as the random arm has it
    return renewed, record.loaded(_take_over(renewed, network), left_out)


def _take_over(network: nn.Module, loaded: nn.Module) -> list[str]:
    """Fill `network` from `loaded`, which differs in its number of classes; the keys that depend on that number."""
    own = network.state_dict()
    common = {k: v for k, v in loaded.state_dict().items() if k in own and v.shape == own[k].shape}
    network.load_state_dict(common, strict=False)
    return [key for key in own if key not in common]


def _bottom(
    pretrained: str, loaded: nn.Module, network: nn.Module, record: WeightsRecord
) -> tuple[nn.Module, WeightsRecord]:
    """Fill the lowest stages of `network` from `loaded`; `record` with their names."""
    stages = find_stages(network)
    taken = stages[: count_of(f"pretrained={pretrained}", "bottom", [stage.name for stage in stages])]
    state = loaded.state_dict()
    network.load_state_dict({key: state[key] for stage in taken for key in stage.keys}, strict=False)
    return network, replace(record, stages=tuple(stage.name for stage in taken))


def _timm_model(entry: Entry, **options: Any) -> nn.Module:
    size = options.get("img_size")
    try:
        return timm.create_model(entry.name, **options)
    except _SIZE_ERRORS as error:
        if size is None or (isinstance(error, RuntimeError) and "pretrained" in options):
            raise  # not about the size, or about the weights
        raise _wrong_size(entry, size, 1, error) from error


def _own_classes(state: dict[str, Tensor], entry: Entry) -> int:
    """Classes of the classifier in a user's file; 0 where it has none."""
    for head in (*entry.head, *_USUAL_HEADS):
        if f"{head}.weight" in state:
            return state[f"{head}.weight"].shape[0]
    return 0


def _create_torchvision(
    entry: Entry, num_classes: int, record: WeightsRecord | None, in_chans: int, image_size: int | None
) -> tuple[nn.Module, WeightsRecord | None]:
    options = library_arguments(entry, num_classes, image_size)
    patch = int(entry.architecture.rpartition("_")[2]) if "image_size" in options else 1
    if entry.architecture in _MIXING and in_chans == 1:
        raise MedxferError(f"backbone '{entry.shown}' takes 3 channels only: it mixes them before its first layer.")
    try:
        network = tv.get_model(entry.architecture, weights=None, **options)
    except _SIZE_ERRORS as error:
        raise _wrong_size(entry, image_size or 0, patch, error) from error
    stem = _single_channel_stem(network) if in_chans == 1 else None
    if record is None:
        return network, None
    state, left_out = read_state(record.path)
    left_out += [key for key in state if key.startswith(_AUXILIARY)]
    state = {_OLD_DENSENET.sub(r"\1\2", k): v for k, v in state.items() if not k.startswith(_AUXILIARY)}
    if stem and f"{stem}.weight" in state:
        state[f"{stem}.weight"] = adapt_input_conv(1, state[f"{stem}.weight"])
    if patch > 1 and image_size is not None:
        state = interpolate_embeddings(image_size, network.patch_size, state)
    own, head = network.state_dict(), head_keys(network)
    replaced = [key for key in head if key not in state or state[key].shape != own[key].shape]
    state = {key: value for key, value in state.items() if key not in replaced}
    _refuse_misfit(record, entry, network, state)
    network.load_state_dict(state, strict=False)
    return network, record.loaded(replaced, left_out)


def _single_channel_stem(network: nn.Module) -> str:
    """Give the first convolution one input channel, in place; its name."""
    name, stem = next((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d))
    stem.weight = nn.Parameter(stem.weight.detach()[:, :1].clone())
    stem.in_channels = 1
    return name


def _refuse_misfit(
    record: WeightsRecord,
    entry: Entry,
    network: nn.Module,
    state: dict[str, Tensor],
    allowed: str | None = None,
) -> None:
    """Raise unless `state` fills `network`, but for its head and keys that start with `allowed`."""
    own, head = network.state_dict(), set(head_keys(network))
    optional = {key for key in own if key.endswith("num_batches_tracked")} | head
    missing = [k for k in own if k not in state and k not in optional and not (allowed and k.startswith(allowed))]
    unexpected = [k for k in state if k not in own and not (k.startswith(_AUXILIARY) or k in head)]
    shapes = [
        f"{k} {tuple(state[k].shape)} for {tuple(own[k].shape)}"
        for k in own
        if k in state and state[k].shape != own[k].shape and k not in head
    ]
    if missing or unexpected or shapes:
        parts = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
        lists = "; ".join(f"{len(keys)} {kind}: {', '.join(keys)}" for kind, keys in parts.items() if keys)
        raise MedxferError(
            f"weights '{record.file}' do not fit backbone '{entry.shown}': {lists}; only its head may differ."
        )


def _check_size(network: nn.Module, entry: Entry, in_chans: int, size: int) -> None:
    """Raise unless the network gives finite scores for a black image of `size`, and sees all of it."""
    patch = _patch(network)
    training = network.training
    try:
        if size % patch:
            raise ValueError(f"{size % patch} px would be cut off")
        with torch.inference_mode():
            scores = network.eval()(torch.zeros(1, in_chans, size, size))
        if not bool(scores.isfinite().all()):
            raise ValueError("the scores are not finite")
    except _SIZE_ERRORS as error:
        raise _wrong_size(entry, size, patch, error) from error
    finally:
        network.train(training)


def _patch(network: nn.Module) -> int:
    """Side of the patches into which a transformer cuts the image; 1 where it does not, or where they overlap."""
    embed = getattr(getattr(network, "patch_embed", None), "proj", None)
    return embed.kernel_size[-1] if isinstance(embed, nn.Conv2d) and embed.kernel_size == embed.stride else 1


def _wrong_size(entry: Entry, size: int, patch: int, error: Exception) -> MedxferError:
    if patch > 1:
        sizes = f"it takes multiples of {patch} px"
    elif entry.min_size and not entry.sized:
        sizes = f"it takes {entry.min_size} px and more"
    else:
        sizes = f"it was made for {entry.input_size[-1]} px"
    reason = _one_line(error)
    return MedxferError(f"backbone '{entry.shown}' does not take images of {size} px ({reason}): {sizes}.")


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
