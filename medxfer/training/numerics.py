"""What torch computes with, as a training found it: number formats, and operations that do not repeat."""

import os
from typing import Any

import torch
from omegaconf import DictConfig

from medxfer.color import parse_colormap
from medxfer.model.backbone import unrepeatable

AMPERE = (8, 0)  # compute capability of the first cards with TF32
_FORMATS = {"64": "float64", "bf16": "bfloat16", "16": "float16"}


def numerics(config: DictConfig, precision: str, device: torch.device) -> dict[str, Any]:
    """What matrix products and convolutions of Lightning's `precision` are computed in, and what does not repeat.

    "not_repeatable" are the operations of this training, in words, that torch cannot repeat bit by bit on `device`;
    None where that is not known. deterministic=false promises nothing of the others either.
    """
    not_repeatable: list[str] | None = []
    if device.type == "cuda":
        learned = parse_colormap(config.colormap).kind == "learned"
        not_repeatable = unrepeatable(config.backbone, config.image_size, config.finetune, learned)
    return {
        **formats(precision, device),
        "deterministic": config.deterministic,
        "not_repeatable": not_repeatable,
    }


def formats(precision: str, device: torch.device) -> dict[str, str]:
    """{"matmul", "convolution"}: float32, TF32, bfloat16, float16 or float64."""
    kind = precision.partition("-")[0]
    if kind != "32":
        return dict.fromkeys(("matmul", "convolution"), _FORMATS.get(kind, precision))
    able = (
        device.type == "cuda"
        and torch.version.cuda is not None
        and torch.cuda.get_device_capability(device) >= AMPERE
        and os.environ.get("NVIDIA_TF32_OVERRIDE") != "0"  # NVIDIA's libraries obey it before torch
    )
    allowed = _tf32_allowed()
    return {name: "TF32" if able and allowed[name] else "float32" for name in allowed}


def _tf32_allowed() -> dict[str, bool]:
    backends: Any = torch.backends
    if hasattr(backends, "fp32_precision"):  # torch 2.9 and later, whose older names raise where both are used
        ways = {"matmul": backends.cuda.matmul.fp32_precision, "convolution": backends.cudnn.conv.fp32_precision}
        return {name: way == "tf32" for name, way in ways.items()}
    return {"matmul": backends.cuda.matmul.allow_tf32, "convolution": backends.cudnn.allow_tf32}
