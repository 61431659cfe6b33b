"""A cell that starts from a user's own weights: their normalisation, channels and size."""

import json
from pathlib import Path

import pytest
import timm
import torch
from cells import small_config, train_small

from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json
from medxfer.study.identity import VALUES
from medxfer.training.prepare import Preparation, prepare


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "rad.pth"
    torch.save(timm.create_model("test_efficientnet", num_classes=3, in_chans=1).state_dict(), path)
    return path


def say(own: Path, **about: object) -> None:
    own.with_name(f"{own.name}.json").write_text(json.dumps(about))


def test_weights_of_one_channel_are_trained_with_their_own_normalisation(tmp_path: Path, own: Path) -> None:
    say(own, mean=0.4, std=0.2, trained_on="RadImageNet")
    cell, _ = train_small(tmp_path, f"pretrained=file:{own}", "trainer.max_epochs=1")
    record = read_json(cell / "metrics.json")
    assert record["input"]["mean"] == [0.4] * 3
    assert record["input"]["std"] == [0.2] * 3
    weights = record["weights"]
    assert (weights["channels"], weights["trained_on"], weights["mean"]) == (1, "RadImageNet", [0.4] * 3)
    assert record["factors"]["pretrained"] == "file:rad.pth"


def test_the_normalisation_is_part_of_a_cells_identity(tmp_path: Path, own: Path) -> None:
    names = []
    for about in ({}, {"mean": 0.4, "std": 0.2}, {"mean": 0.4, "std": 0.25}, {"trained_on": "RadImageNet"}):
        say(own, **about)
        config = small_config(tmp_path, f"pretrained=file:{own}")
        settled = Preparation(config, pending={}).settle({key: config.get(key) for key in VALUES})
        names.append(settled.cell.name)
    assert len(set(names)) == 3
    assert names[0] == names[3]


def test_a_size_that_auto_would_not_give_is_asked_for(tmp_path: Path, own: Path) -> None:
    say(own, input_size=[1, 96, 96])
    with pytest.raises(MedxferError, match="was trained at 96 px: give image_size=96"):
        prepare(small_config(tmp_path, f"pretrained=file:{own}", "image_size=auto"))
    prepare(small_config(tmp_path, f"pretrained=file:{own}", "image_size=32"))
