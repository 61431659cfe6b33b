"""Where transfer ends: which of a network's layers are trained, and how the others are kept as they are."""

from timm.models import group_parameters
from torch import nn

from medxfer.errors import MedxferError
from medxfer.model.head import head_keys


def freeze(backbone: nn.Module, finetune: str) -> None:
    """Leave only the layers that `finetune` names trainable, in place.

    Args:
        backbone: the network.
        finetune: `full`; `head`; or `last:<k>`, the head and the k stages before it, in timm's grouping.

    Raises:
        MedxferError: another value, or `last:<k>` for a network whose library does not group its layers.
    """
    if finetune == "full":
        return
    trained = set(head_keys(backbone)) | _last_stages(backbone, finetune)
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name in trained)


def keep_frozen_in_eval(backbone: nn.Module) -> None:
    """Put modules without a trainable parameter in eval mode: batch norm keeps its statistics, no dropout."""
    for module in backbone.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()


def _last_stages(backbone: nn.Module, finetune: str) -> set[str]:
    if finetune == "head":
        return set()
    kind, _, count = finetune.partition(":")
    if kind != "last" or not count.isdecimal():
        raise MedxferError(f"finetune='{finetune}' is none of full, head and last:<k>, with k stages before the head.")
    if not hasattr(backbone, "group_matcher"):
        raise MedxferError(f"finetune='{finetune}' needs a timm backbone: torchvision's take full or head.")
    stages = group_parameters(backbone, backbone.group_matcher(coarse=True))  # type: ignore[operator]
    head = set(head_keys(backbone))
    bodies = [set(names) - head for _, names in sorted(stages.items()) if set(names) - head]
    return set().union(*bodies[len(bodies) - min(int(count), len(bodies)) :])
