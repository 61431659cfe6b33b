"""Networks by name, with random weights or pretrained ones that fit or are refused."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import timm
import torch
from torch import Tensor, nn

from medxfer.base.errors import MedxferError, first_line
from medxfer.base.words import listing
from medxfer.model import seeds
from medxfer.model.catalogue import BOTTOM, FILE, HUB, Entry, find
from medxfer.model.deterministic import raising_operations
from medxfer.model.layers import count_of, find_head, find_stages, freeze, head_keys
from medxfer.model.weights import PACKAGES, WeightsRecord, resolve
from medxfer.model.weights_file import over_three_channels, read_state, to_timm, users_state

_AUXILIARY = "AuxLogits."  # a head of Inception that only its own training uses
_USUAL_HEADS = ("head.fc", "head", "fc", "classifier")  # in files that do not follow timm
# timm loads these without strictness, so their keys are compared here.
_LOOSE = re.compile(r"dla.*|inception_v3(\.tv_in1k)?|.*\.fcmae.*")
# Networks raise these for an image size that they do not take.
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
        name: a name of timm's, or `alexnet`.
        num_classes: outputs. The weights' own classifier is kept if it has as many.
        pretrained: True, a tag of published weights, `file:<path>` or `hf-hub:<owner>/<model>`, in the layouts that
            `weights_file` reads; False for random weights; `bottom:<k>` for pretrained weights in the k lowest stages
            and random ones above (Raghu et al. 2019, "Transfusion").
        weights: what `weights.resolve(name, pretrained)` returned, where it has been called already.
        in_chans: 3 (a pretrained stem of one channel is repeated over them, a third each), or 1 (pretrained stems are
            summed over their channels).
        image_size: height and width in pixels. A network that is built for one size is built for this one, its
            position embeddings interpolated. A black image is run through it, to refuse a size that cannot work.
        seed: of the random weights. torch's global random state is neither read nor changed.

    Returns:
        The network; its attribute `weights_record` is the WeightsRecord after loading, or None.

    Raises:
        MedxferError: unknown name, weights that do not fit, or an image size that the network does not take.
    """
    entry = find(name, pretrained)
    if in_chans not in (1, 3):
        raise MedxferError(f"backbone '{name}' cannot take {in_chans} channels: medxfer's images have 1 or 3.")
    record = (weights or resolve(name, pretrained)) if pretrained else None
    options = {**library_arguments(entry, num_classes, image_size), "in_chans": in_chans}
    with seeds.seeded(seeds.derive(seed, seeds.BACKBONE)):
        network = _timm_model(entry, **options)
        if record is not None:
            record = _load(network, entry, record, str(pretrained), options)
    if not find_head(network) and num_classes:
        raise MedxferError(f"backbone '{name}' is no classification network: python -m medxfer.model lists those.")
    network = network.to(memory_format=torch.channels_last)
    if image_size is not None:
        _check_size(network, entry, in_chans, image_size)
    network.weights_record = record  # type: ignore[assignment]  # torch expects modules and tensors alone
    return network


@cache
def stage_names(name: str) -> tuple[str, ...]:
    """The stages of backbone `name`, from the bottom."""
    return tuple(stage.name for stage in find_stages(_on_meta(name)))


def check_finetune(finetune: str, backbone: str) -> None:
    """Raise MedxferError unless `finetune` is full, head or last:<k>, with no more stages than `backbone` has."""
    if finetune not in ("full", "head"):
        count_of(f"finetune={finetune}", "last", stage_names(backbone))


@cache
def check_image_size(name: str, image_size: int) -> None:
    """Raise MedxferError, as `create_backbone` does, where backbone `name` does not take images of this size.

    Takes no memory and computes nothing for most networks; one that cannot be run so is built, with random weights.
    """
    try:
        network = _on_meta(name, **library_arguments(find(name), 2, image_size)).eval()
        if image_size % _patch(network) == 0:
            with torch.inference_mode():
                network(torch.zeros(1, 3, image_size, image_size, device="meta"))
            return
    except _SIZE_ERRORS:
        pass  # of the size, or of an operation that needs values
    create_backbone(name, 2, False, image_size=image_size)


@cache
def unrepeatable(name: str, image_size: int, finetune: str = "full", colors: bool = False) -> list[str] | None:
    """The operations, in words, of training backbone `name` that torch cannot repeat bit by bit on a GPU.

    `colors`: a table of colours is trained with it, so that the images have a gradient. None where it is not known.
    """
    try:
        network = _on_meta(name, **library_arguments(find(name), 2, image_size))
    except _SIZE_ERRORS:  # `create_backbone` says so
        return None
    freeze(network, finetune)
    return raising_operations(network, image_size, colors)


def check_repeatable(name: str, image_size: int, finetune: str = "full", colors: bool = False) -> None:
    """Raise MedxferError where training backbone `name` on a GPU cannot be repeated bit by bit.

    `colors`: as in `unrepeatable`.
    """
    if raising := unrepeatable(name, image_size, finetune, colors):
        raise MedxferError(
            f"backbone '{name}' at {image_size} px trains through {listing(raising, 'and')}, which torch cannot repeat "
            "bit by bit on a GPU: choose deterministic=warn (all else stays so) or another backbone."
        )


@cache
def count_parameters(name: str) -> int:
    """Parameters of backbone `name` with its own classifier; no memory is taken for them."""
    return sum(parameter.numel() for parameter in _on_meta(name).parameters())


def library_arguments(entry: Entry, num_classes: int, image_size: int | None) -> dict[str, Any]:
    """The arguments, beside the name, by which timm makes the network."""
    size = {"img_size": image_size} if entry.cfg.fixed_input_size and image_size is not None else {}
    return {"num_classes": num_classes, **size}


def _load(
    network: nn.Module, entry: Entry, record: WeightsRecord, pretrained: str, options: dict[str, Any]
) -> WeightsRecord:
    """Fill `network` with the weights of `record`, but for a head of other classes; the record after that."""
    users = pretrained.startswith((FILE, HUB))
    meta = _on_meta(entry.name, in_chans=options["in_chans"])
    state, left_out = users_state(record.path, meta) if users else read_state(record.path)
    if entry.architecture in PACKAGES:
        state = to_timm(state, meta.state_dict())
    state, channels = over_three_channels(state, meta.state_dict())
    own = _own_classes(state, entry) if users else entry.cfg.num_classes
    if _LOOSE.fullmatch(entry.name):
        _refuse_misfit(record, entry, _on_meta(entry.name, num_classes=own), state, allowed="head.norm.")
    try:  # built with the weights' own classifier, so that timm loads strictly
        overlay = {"state_dict": state, "num_classes": own}
        loaded = _timm_model(
            entry, pretrained=True, pretrained_cfg_overlay=overlay, **(options | {"num_classes": own})
        ).state_dict()
    except RuntimeError as error:
        _refuse_misfit(record, entry, _on_meta(entry.name, num_classes=own), state)
        raise MedxferError(
            f"weights '{record.file}' do not fit backbone '{entry.name}': {first_line(error)}"
        ) from error
    target = network.state_dict()
    fitting = {key: value for key, value in loaded.items() if key in target and value.shape == target[key].shape}
    missing = tuple(key for key in target if key not in fitting)
    names: tuple[str, ...] = ()
    if pretrained.startswith(BOTTOM):
        stages = find_stages(network)
        stages = stages[: count_of(f"pretrained={pretrained}", "bottom", [stage.name for stage in stages])]
        names = tuple(stage.name for stage in stages)
        fitting = {key: fitting[key] for stage in stages for key in stage.keys}
    network.load_state_dict(fitting, strict=False)
    return replace(record, missing=missing, unexpected=tuple(left_out), stages=names, channels=channels)


def _on_meta(name: str, **options: Any) -> nn.Module:
    """A network without memory for its parameters."""
    with torch.device("meta"):
        return timm.create_model(find(name).name, **options)


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
    named = entry.cfg.classifier or ()
    for head in (*((named,) if isinstance(named, str) else named), *_USUAL_HEADS):
        if f"{head}.weight" in state:
            return state[f"{head}.weight"].shape[0]
    return 0


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
        lists = "; ".join(f"{len(keys)} {kind}: {_first(keys)}" for kind, keys in parts.items() if keys)
        raise MedxferError(
            f"weights '{record.file}' do not fit backbone '{entry.name}': {lists}; only its head may differ."
        )


def _first(keys: Sequence[str], shown: int = 3) -> str:
    more = f" and {len(keys) - shown} more" if len(keys) > shown else ""
    return f"{', '.join(keys[:shown])}{more}"


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
    """Side of the patches into which a transformer cuts the image; 1 for other networks, or where they overlap."""
    embed = getattr(getattr(network, "patch_embed", None), "proj", None)
    return embed.kernel_size[-1] if isinstance(embed, nn.Conv2d) and embed.kernel_size == embed.stride else 1


def _wrong_size(entry: Entry, size: int, patch: int, error: Exception) -> MedxferError:
    if patch > 1:
        sizes = f"it takes multiples of {patch} px"
    elif entry.cfg.min_input_size and not entry.cfg.fixed_input_size:
        sizes = f"it takes {entry.cfg.min_input_size[-1]} px and more"
    else:
        sizes = f"it was made for {entry.cfg.input_size[-1]} px"
    return MedxferError(f"backbone '{entry.name}' does not take images of {size} px ({first_line(error)}): {sizes}.")
