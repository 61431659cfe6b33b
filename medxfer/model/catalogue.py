"""What timm and torchvision say of a backbone and its published weights, in one form for both."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import timm
import torchvision.models as tv

from medxfer.base.errors import MedxferError, unknown

TORCHVISION = "torchvision/"
SHORT = {"alexnet": "torchvision/alexnet"}  # timm has none, so the short name is free
FILE = "file:"
BOTTOM = "bottom:"
LIST_HINT = "python -m medxfer.model lists all."


@dataclass(frozen=True)
class Entry:
    """A backbone with one set of its published weights; the addresses are empty where there are none."""

    library: Literal["timm", "torchvision"]
    architecture: str
    tag: str
    input_size: tuple[int, int, int]  # (channels, height, width) at which the weights were trained
    mean: tuple[float, ...]  # of the input in [0, 1], one a channel
    std: tuple[float, ...]
    classes: int  # of the weights' own classifier
    head: tuple[str, ...]  # the classifier's module names in published checkpoints
    hub: str  # repository on the Hugging Face hub
    hub_file: str  # its file, where it is not timm's usual one
    url: str  # direct download
    licence: str | None
    sized: bool  # the network is built for one image size, so the size has to be given at creation
    min_size: int | None  # smallest height and width that the network takes, where known

    @property
    def name(self) -> str:
        """The network's own name in its library, with the tag of its weights: `resnet18.a1_in1k`."""
        return f"{self.architecture}.{self.tag}" if self.tag else self.architecture

    @property
    def shown(self) -> str:
        """The name by which medxfer knows it."""
        return f"{TORCHVISION}{self.name}" if self.library == "torchvision" else self.name

    @property
    def published(self) -> bool:
        """Whether weights of this backbone can be had from a hub."""
        return bool(self.hub or self.url)


def names() -> list[str]:
    """All names that `find` takes, without tags: timm's, the short ones, and `torchvision/<name>`."""
    torchvision_names = [TORCHVISION + n for n in tv.list_models(module=tv)]
    return [*timm.list_models(), *SHORT, *torchvision_names]


def find(name: str, pretrained: bool | str = True) -> Entry:
    """The entry of backbone `name`, with the weights that `pretrained` names.

    Args:
        name: a timm name (`resnet18`, `resnet18.a1_in1k`), `torchvision/<name>` or `alexnet`.
        pretrained: a tag of published weights (`a1_in1k`, `IMAGENET1K_V2`); a bool, `file:<path>` or
            `bottom:<k>` leaves it to the tag in the name or, without one, to the library's default.

    Raises:
        MedxferError: no such backbone, or no such weights for it.
    """
    tag = pretrained if isinstance(pretrained, str) and not pretrained.startswith((FILE, BOTTOM)) else ""
    return _find(SHORT.get(name, name), tag)


@cache
def _find(name: str, tag: str) -> Entry:
    if name.startswith(TORCHVISION):
        return _torchvision_entry(name.removeprefix(TORCHVISION), tag)
    return _timm_entry(name, tag)


def _timm_entry(name: str, tag: str) -> Entry:
    architecture, _, own_tag = name.partition(".")
    tag = tag or own_tag
    if not timm.is_model(architecture):
        raise unknown("backbone", name, names(), LIST_HINT)
    tags = [n.partition(".")[2] for n in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise unknown(f"weights of {architecture}", tag, tags, f"it has {', '.join(tags) or 'none'}.")
    cfg = timm.get_pretrained_cfg(f"{architecture}.{tag}" if tag else architecture) or timm.models.PretrainedCfg()
    head = cfg.classifier or ()
    return Entry(
        library="timm",
        architecture=architecture,
        tag=tag,
        input_size=cfg.input_size,
        mean=tuple(cfg.mean),
        std=tuple(cfg.std),
        classes=cfg.num_classes,
        head=(head,) if isinstance(head, str) else tuple(head),
        hub=cfg.hf_hub_id or "",
        hub_file=cfg.hf_hub_filename or "",
        url=cfg.url if isinstance(cfg.url, str) else "",  # a pair: an archive's member, which the hub has too
        licence=cfg.license,
        sized=bool(cfg.fixed_input_size),
        min_size=cfg.min_input_size[-1] if cfg.min_input_size else None,
    )


def _torchvision_entry(name: str, tag: str) -> Entry:
    architecture, _, own_tag = name.partition(".")
    tag = tag or own_tag
    choices = tv.list_models(module=tv)
    if architecture not in choices:
        raise unknown("backbone", TORCHVISION + architecture, names(), LIST_HINT)
    published: Any = tv.get_model_weights(architecture)
    tags = [w.name for w in published]
    if tag and tag not in tags:
        raise unknown(f"weights of {TORCHVISION}{architecture}", tag, tags, f"it has {', '.join(tags)}.")
    weights = published[tag] if tag else published.DEFAULT
    preset = weights.transforms()
    size = preset.crop_size[0]
    return Entry(
        library="torchvision",
        architecture=architecture,
        tag=tag,
        input_size=(3, size, size),
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        classes=len(weights.meta["categories"]),
        head=(),
        hub="",
        hub_file="",
        url=weights.url,
        licence=None,  # torchvision states one for its code, none for its weights
        sized=architecture.startswith("vit_") or architecture == "maxvit_t",
        min_size=weights.meta.get("min_size", (None,))[0],
    )


def check_backbone(name: str) -> None:
    """Raise MedxferError, with the nearest names, unless `name` is a backbone. Builds nothing."""
    find(name)


def input_statistics(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) by which the input in [0, 1] is normalised, three values each.

    They belong to the backbone's own weights and are the same where those are left out, so that the two arms differ in
    the weights alone.
    """
    entry = find(name)
    if len(entry.mean) == 3:
        return entry.mean, entry.std
    return (sum(entry.mean) / len(entry.mean),) * 3, (sum(entry.std) / len(entry.std),) * 3


def check_weights(name: str, pretrained: bool | str) -> None:
    """Raise MedxferError where the weights that `pretrained` names want another normalisation than the backbone has,
    and so than its random arm has."""
    theirs, own = find(name, pretrained), find(name)
    if (theirs.mean, theirs.std) != (own.mean, own.std):
        raise MedxferError(
            f"pretrained={pretrained}: these weights want another normalisation (mean {theirs.mean}) than "
            f"backbone={name} has (mean {own.mean}), so that its arms would differ in more than the weights; "
            f"backbone={theirs.shown} pretrained=true,false gives both arms what these weights want."
        )
