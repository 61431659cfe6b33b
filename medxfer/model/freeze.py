"""Where transfer ends: which of a network's layers are trained, and how the others are kept as they are."""

from torch import nn

from medxfer.base.errors import MedxferError
from medxfer.model.backbone import stage_names
from medxfer.model.head import head_keys
from medxfer.model.stages import count_of, find_stages


def check_finetune(finetune: str, backbone: str) -> None:
    """Raise MedxferError unless `finetune` is full, head or last:<k>, with no more stages than `backbone` has."""
    if finetune in ("full", "head"):
        return
    if not finetune.startswith("last:"):
        raise MedxferError(f"finetune={finetune} is none of full, head and last:<k>, with k stages before the head.")
    count_of(f"finetune={finetune}", "last", stage_names(backbone))


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

    Where only the head is trained that is the whole network: a fixed function from image to features.
    """
    head = set(head_keys(backbone))
    if all(name in head for name, parameter in backbone.named_parameters() if parameter.requires_grad):
        backbone.eval()
    for module in backbone.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
