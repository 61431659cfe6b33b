"""A cell is named by its arm, its seed, and what else varies in its study."""

from typing import Any

import pytest

from medxfer.base.words import describe, level_name, varied

CELL: dict[str, Any] = {
    "data": "ct", "window": "40/400", "colormap": "viridis", "pretrained": True, "backbone": "resnet18",
    "image_size": 64, "train_fraction": 1.0, "seed": 0, "lr": 0.001,
}  # fmt: skip


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({}, "viridis × pretrained, seed 0"),
        ({"colormap": "none", "seed": 1}, "viridis × pretrained, seed 0"),
        ({"data": "dx"}, "ct viridis × pretrained, seed 0"),
        ({"backbone": "alexnet", "image_size": 32}, "resnet18 viridis × pretrained, 64 px, seed 0"),
        ({"window": "lung", "lr": 0.01}, "viridis × pretrained, window 40/400, lr=0.001, seed 0"),
        ({"train_fraction": 0.25}, "viridis × pretrained, 100 % of training, seed 0"),
    ],
)
def test_a_cell_shows_what_varies_and_no_more(others: dict[str, Any], name: str) -> None:
    assert describe(CELL, varied([CELL, {**CELL, **others}])) == name


def test_levels_are_understood_without_their_column() -> None:
    said = [level_name(key, level) for key, level in CELL.items()]
    assert said == ["ct", "window 40/400", "viridis", "pretrained", "resnet18", "64 px", "100 % of training", "seed 0",
                    "lr=0.001"]  # fmt: skip
    assert level_name("deterministic", True) == "deterministic=true"
    bare = [level_name(key, CELL[key], bare=True) for key in ("window", "image_size", "pretrained", "lr")]
    assert bare == ["40/400", "64 px", "pretrained", "0.001"]
