"""What is written beside weights of how they are to be used: config.json of a hub's repository, or a file's own."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medxfer.base.errors import MedxferError
from medxfer.model.training_data import data_of

CONFIG = "config.json"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # the names of weights in a repository of the hub
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class About:
    """None or empty: nothing is said of it."""

    architecture: str = ""
    mean: Triple | None = None  # of the input in [0, 1]
    std: Triple | None = None
    size: int | None = None  # of the images that the weights saw, in pixels
    tag: str = ""
    trained_on: str = ""
    licence: str | None = None


def beside(weights: Path) -> Path | None:
    """The file that says how `weights` are to be used: `<weights>.json`, or of a hub's repository its config.json."""
    own = weights.with_name(f"{weights.name}.json")
    found = [own, *([weights.with_name(CONFIG)] if weights.name in HUB_FILES else [])]
    return next((path for path in found if path.is_file()), None)


def read_about(path: Path) -> About:
    """What the JSON file `path` says, as timm writes it (`architecture`, `pretrained_cfg`) or in a flat form.

    Of it are taken: architecture, mean and std (a number, or one a channel), input_size (pixels, or [channels, height,
    width]), tag, trained_on, license.

    Raises:
        MedxferError: it cannot be read, or one of these is no such value.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MedxferError(f"'{path}', which says how weights are to be used, cannot be read: write it anew") from error
    if not isinstance(content, dict):
        raise MedxferError(f"'{path}' holds no keys: give mean and std there, or take the file away")
    inner = content.get("pretrained_cfg")
    said = {**content, **(inner if isinstance(inner, Mapping) else {})}
    mean, std = (_triple(path, key, said.get(key)) for key in ("mean", "std"))
    if (mean is None) != (std is None) or (std is not None and min(std) <= 0):
        raise MedxferError(f"'{path}': give both mean and std of the input in [0, 1], each std above 0")
    tag, architecture = str(said.get("tag") or ""), str(said.get("architecture") or "")
    return About(
        architecture=architecture.partition(".")[0],
        mean=mean,
        std=std,
        size=_size(path, said.get("input_size")),
        tag=tag,
        trained_on=str(said.get("trained_on") or data_of(tag)),
        licence=str(said["license"]) if said.get("license") else None,
    )


def _triple(path: Path, key: str, value: Any) -> Triple | None:
    """One value a channel; a single one is that of all three."""
    if value is None:
        return None
    values = value if isinstance(value, list) else [value]
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in values)
    if not numbers or len(values) not in (1, 3):
        raise MedxferError(f"'{path}': {key} is {value}; give a number, or one for each of three channels")
    first, second, third = (float(one) for one in (values * 3 if len(values) == 1 else values))
    return first, second, third


def _size(path: Path, value: Any) -> int | None:
    side = value[-1] if isinstance(value, list) and value else value
    if side is not None and (not isinstance(side, int) or side < 1):
        raise MedxferError(f"'{path}': input_size is {value}; give the side of the images in pixels")
    return side
