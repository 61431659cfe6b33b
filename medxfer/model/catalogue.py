"""What timm says of a backbone and its published weights."""

from dataclasses import dataclass
from functools import cache

import timm
from timm.models import PretrainedCfg

import medxfer.model.networks  # noqa: F401 (registers them with timm)
from medxfer.base.errors import MedxferError, unknown

FILE = "file:"
HUB = "hf-hub:"  # of the user's own choice on the Hugging Face hub: <owner>/<model>
BOTTOM = "bottom:"
LIST_HINT = "python -m medxfer.model lists all."


@dataclass(frozen=True)
class Entry:
    """A backbone with one set of its published weights, or with none."""

    architecture: str
    tag: str
    cfg: PretrainedCfg  # what timm says of them

    @property
    def name(self) -> str:
        """The name that timm makes the network by, with the tag of its weights: `resnet18.a1_in1k`."""
        return f"{self.architecture}.{self.tag}" if self.tag else self.architecture

    @property
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, std) of the input in [0, 1], one a channel."""
        return tuple(self.cfg.mean), tuple(self.cfg.std)

    @property
    def hub(self) -> str:
        """The weights' repository on the Hugging Face hub, or ""."""
        return self.cfg.hf_hub_id or ""

    @property
    def url(self) -> str:
        """Where the weights can be downloaded without the hub, or ""."""
        # A pair names a member of an archive; such weights are on the hub too.
        return self.cfg.url if isinstance(self.cfg.url, str) else ""


def find(name: str, pretrained: bool | str = True) -> Entry:
    """The entry of backbone `name`, with the weights that `pretrained` names.

    Args:
        name: a name of timm's, with or without a tag (`resnet18`, `resnet18.a1_in1k`), or `alexnet`.
        pretrained: a tag of published weights (`a1_in1k`); with a bool, `file:<path>`,
            `hf-hub:<owner>/<model>` or `bottom:<k>` the tag in the
            name holds or, without one, timm's default.

    Raises:
        MedxferError: no such backbone, or no such weights for it.
    """
    tag = pretrained if isinstance(pretrained, str) and not pretrained.startswith((FILE, HUB, BOTTOM)) else ""
    return _find(name, tag)


@cache
def _find(name: str, tag: str) -> Entry:
    architecture, _, own_tag = name.partition(".")
    tag = tag or own_tag
    if not timm.is_model(architecture):
        raise _unknown(name)
    tags = [n.partition(".")[2] for n in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        hint = f"it has {', '.join(tags) or 'none'}, and pretrained= takes true and false."
        raise unknown(f"weights of {architecture}", tag, tags, hint)
    return Entry(architecture, tag, timm.get_pretrained_cfg(f"{architecture}.{tag}".rstrip(".")) or PretrainedCfg())


def _unknown(name: str) -> MedxferError:
    library, _, its_name = name.rpartition("/")
    if library != "torchvision":
        return unknown("backbone", name, timm.list_models(), LIST_HINT)
    same = timm.list_pretrained(f"{its_name.partition('.')[0]}.tv*")
    way_out = f"use {' or '.join(same)}." if same else f"timm has no network of this name; {LIST_HINT}"
    return MedxferError(
        f"backbone '{name}': backbones come from timm, which has torchvision's weights under tags that begin with tv: "
        f"{way_out}"
    )


def input_statistics(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) by which the input in [0, 1] is normalised, three values each.

    They belong to the backbone's own weights and are the same with random weights, so that the two arms differ in the
    weights alone.
    """
    mean, std = find(name).statistics
    if len(mean) == 3:
        return mean, std
    return (sum(mean) / len(mean),) * 3, (sum(std) / len(std),) * 3


def input_size(name: str) -> int:
    """The side, in pixels, of the images that the backbone's own weights were trained on; the same with random weights.

    Raises MedxferError as `find`.
    """
    return int(find(name).cfg.input_size[-1])


def check_weights(name: str, pretrained: bool | str) -> None:
    """Raise MedxferError where the weights that `pretrained` names need another normalisation than backbone `name`,
    and so than its random arm."""
    theirs, own = find(name, pretrained), find(name)
    if theirs.statistics != own.statistics:
        raise MedxferError(
            f"pretrained={pretrained}: these weights need another normalisation (mean {theirs.statistics[0]}) than "
            f"backbone={name} has (mean {own.statistics[0]}), so its arms would differ in more than the weights; "
            f"backbone={theirs.name} pretrained=true,false gives both arms the normalisation of these weights."
        )
