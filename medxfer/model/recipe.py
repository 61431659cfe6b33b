"""How a network is trained: the optimiser, which parameters decay, and the learning rate's schedule."""

import math
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from medxfer.base.errors import MedxferError, unknown
from medxfer.model.layers import find_head

# AdamW: Loshchilov & Hutter 2019.
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adamw": AdamW,
    "sgd": partial(SGD, momentum=0.9, nesterov=True),
}


def parameter_groups(
    backbone: nn.Module,
    color: nn.Module | None,
    *,
    lr: float,
    weight_decay: float,
    backbone_lr_scale: float = 1.0,
    color_lr: float | None = None,
) -> list[dict[str, Any]]:
    """The trainable parameters by learning rate and decay; the head's first.

    No decay on biases, norms, other vectors, what the network itself exempts (position embeddings), and the
    table of `color`. The head trains at `lr`, the rest of the backbone at `lr * backbone_lr_scale`, the table
    at `color_lr` (by default `lr`).
    """
    own_exemptions = getattr(backbone, "no_weight_decay", None)
    exempt = set(own_exemptions()) if own_exemptions else set()
    head = {id(p) for layer in find_head(backbone) for p in layer.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in sorted(backbone.named_parameters(), key=lambda item: id(item[1]) not in head):
        if not parameter.requires_grad:
            continue
        decays = parameter.ndim > 1 and not name.endswith(".bias") and name not in exempt
        rate = lr if id(parameter) in head else lr * backbone_lr_scale
        groups[rate, weight_decay if decays else 0.0].append(parameter)
    if color is not None:
        groups[lr if color_lr is None else color_lr, 0.0] += [p for p in color.parameters() if p.requires_grad]
    return [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items() if p]


def create_optimizer(name: str, groups: list[dict[str, Any]], fused: bool = True) -> Optimizer:
    """The optimiser `name` for these groups of parameters, `fused` with one kernel a step.

    Raises MedxferError if there is none of this name.
    """
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS, f"choose {' or '.join(OPTIMIZERS)}.")
    return OPTIMIZERS[name](groups, fused=fused)


def warmup_cosine(optimizer: Optimizer, steps: int | float, warmup_fraction: float) -> LambdaLR:
    """Linear warm-up over the first `warmup_fraction` of `steps`, then half a cosine to 0 after the last.

    Raises:
        MedxferError: `steps` is not finite, so that there is no end to decay to.
    """
    if not math.isfinite(steps):
        raise MedxferError("the learning rate's schedule needs an end: set trainer.max_epochs or trainer.max_steps.")
    return LambdaLR(optimizer, partial(_factor, steps=int(steps), warmup=round(steps * warmup_fraction)))


def _factor(step: int, steps: int, warmup: int) -> float:
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))
