"""How many parameters a backbone has; of timm's kept in sizes.csv, because counting means building: minutes.

`python -m medxfer.model.sizes` counts again and rewrites the file, after an upgrade of timm.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision.models as tv

from medxfer.model.catalogue import TORCHVISION

_TABLE = Path(__file__).with_name("sizes.csv")


def parameters(name: str) -> int:
    """Parameters of backbone `name` (no tag) with its own classifier; counted where the table lacks it."""
    if name.startswith(TORCHVISION):
        published: Any = tv.get_model_weights(name.removeprefix(TORCHVISION))
        return published.DEFAULT.meta["num_params"]
    return _table().get(name) or count(name)


def count(name: str) -> int:
    """Parameters of timm's network `name`, built without memory for them."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in timm.create_model(name).parameters())


@cache
def _table() -> dict[str, int]:
    with _TABLE.open(newline="") as stream:
        return {name: int(number) for name, number in csv.reader(stream)}


if __name__ == "__main__":
    with _TABLE.open("w", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerows((name, count(name)) for name in timm.list_models())
