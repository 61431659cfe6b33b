"""Files of weights in the layouts that trainings leave, and what is written beside them."""

import argparse
import json
from collections import OrderedDict
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.color import ColorTransform, take_single_channel
from medxfer.model import hub
from medxfer.model.backbone import create_backbone
from medxfer.model.weights import normalisation, resolve

State = dict[str, Tensor]


def randomised(name: str, classes: int, **options: int) -> nn.Module:
    """A network of timm's own making, none of whose weights is as it begins."""
    network = timm.create_model(name, num_classes=classes, **options).eval()
    generator = torch.Generator().manual_seed(3)
    for tensor in (*network.parameters(), *(b for b in network.buffers() if b.is_floating_point())):
        tensor.data.copy_(torch.rand(tensor.shape, generator=generator) * 0.1 + 0.01)
    return network


def radimagenet(name: str) -> dict:
    children = list(randomised(name, 7).children())[:-1]
    return {f"backbone.{key}": value for key, value in nn.Sequential(*children).state_dict().items()}


def under(prefix: str, state: State) -> State:
    return {f"{prefix}{key}": value for key, value in state.items()}


def moco_v2() -> dict:
    trained = {key: value for key, value in randomised("resnet18", 7).state_dict().items() if not key.startswith("fc")}
    projection = {"fc.0.weight": torch.ones(512, 512), "fc.2.bias": torch.ones(128)}
    other = {"module.queue": torch.ones(128, 4), **under("module.encoder_k.", trained)}
    return {"epoch": 200, "arch": "resnet18", "state_dict": under("module.encoder_q.", trained | projection) | other}


def moco_v3() -> dict:
    trained = randomised("resnet18", 7).state_dict()
    trained = {key: value for key, value in trained.items() if not key.startswith("fc")} | {
        "fc.0.weight": torch.ones(2, 2)
    }
    both = under("module.base_encoder.", trained) | under("module.momentum_encoder.", trained)
    return {"state_dict": both, "args": argparse.Namespace(lr=0.1)}


def dino() -> dict:
    trained = randomised("test_vit", 0).state_dict()
    teacher = under("backbone.", trained) | {"head.mlp.0.weight": torch.ones(2, 2)}
    student = under("module.", under("backbone.", {key: torch.zeros_like(value) for key, value in trained.items()}))
    return {"student": student, "teacher": teacher, "args": argparse.Namespace(arch="vit")}


def mae() -> dict:
    trained = randomised("test_vit", 0).state_dict()
    return {"model": trained | {"mask_token": torch.ones(1), "decoder_embed.weight": torch.ones(2, 2)}}


LAYOUTS = {
    "RadImageNet's ResNet": (lambda: radimagenet("resnet18"), "resnet18"),
    "RadImageNet's DenseNet": (lambda: radimagenet("densenet121"), "densenet121"),
    "MoCo v2": (moco_v2, "resnet18"),
    "MoCo v3": (moco_v3, "resnet18"),
    "DINO": (dino, "test_vit"),
    "MAE": (mae, "test_vit"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_files_layout_is_read_by_the_stated_rule(tmp_path: Path, layout: str) -> None:
    make, name = LAYOUTS[layout]
    path = tmp_path / "weights.pth"
    torch.save(make(), path)
    own, trained = create_backbone(name, 2, f"file:{path}").state_dict(), randomised(name, 7).state_dict()
    head = {key for key in own if own[key].shape != trained[key].shape}
    assert {key.rpartition(".")[0] for key in head} <= {"fc", "classifier", "head"}
    floats = [key for key in own if key not in head and own[key].is_floating_point()]
    assert all(torch.equal(own[key], trained[key]) for key in floats)


def test_what_does_not_fit_shows_the_first_keys(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({f"layers.{n}.weight": torch.ones(2) for n in range(9)}, path)
    with pytest.raises(MedxferError) as caught:
        create_backbone("resnet18", 2, f"file:{path}")
    assert "missing: conv1.weight, bn1.weight, bn1.bias and" in str(caught.value)
    assert "9 unexpected: layers.0.weight, layers.1.weight, layers.2.weight and 6 more" in str(caught.value)


@pytest.mark.parametrize("name", ["resnet18", "test_vit", "tf_efficientnet_lite0", "densenet121"])
def test_weights_of_one_channel_lose_nothing(tmp_path: Path, name: str) -> None:
    """Three equal channels, normalised as the file says, get the response of the one channel."""
    gray_net = randomised(name, 5, in_chans=1)
    path = tmp_path / "gray.pth"
    torch.save(gray_net.state_dict(), path)
    (tmp_path / "gray.pth.json").write_text(json.dumps({"mean": 0.4, "std": [0.2]}))
    record = resolve(name, f"file:{path}")
    mean, std = normalisation(name, record)
    assert (mean, std) == ((0.4,) * 3, (0.2,) * 3)
    network = create_backbone(name, 5, f"file:{path}", record).eval()
    assert network.weights_record.channels == 1
    size = gray_net.default_cfg["input_size"][-1] if name == "test_vit" else 64
    gray = torch.randint(0, 256, (2, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = gray_net.double()((gray[:, None].double() / 255 - 0.4) / 0.2)
    given = ColorTransform("none", mean, std)(gray).double()
    torch.testing.assert_close(network.double()(given), expected, rtol=1e-5, atol=1e-5)
    take_single_channel(network, mean, std)
    given = ColorTransform("single", mean, std)(gray).double()
    torch.testing.assert_close(network(given), expected, rtol=1e-5, atol=1e-5)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of the hub, as timm pushes one, in a folder that downloads come from."""
    folder = tmp_path / "hub"
    folder.mkdir()
    state = OrderedDict((k, v.contiguous()) for k, v in randomised("test_resnet", 5).state_dict().items())
    save_file(state, folder / "model.safetensors")
    config = {
        "architecture": "test_resnet", "num_classes": 5,
        "pretrained_cfg": {"tag": "rad_in21k", "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5],
                           "input_size": [3, 96, 96], "license": "mit"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))

    def download(repository: str, file: str, revision: str | None = None, **_: object) -> str:
        assert (repository, revision) == ("lab/chest", None)
        if not (folder / file).is_file():
            raise hub.LocalEntryNotFoundError(f"no {file}")
        return str(folder / file)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr(hub, "_by_hub", lambda url: None)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    return folder


def test_weights_from_the_hub_come_with_their_own_normalisation(repository: Path) -> None:
    record = resolve("test_resnet", "hf-hub:lab/chest")
    assert record.source == "https://huggingface.co/lab/chest"
    assert (record.tag, record.trained_on, record.licence, record.size) == ("rad_in21k", "ImageNet-21k", "mit", 96)
    assert normalisation("test_resnet", record) == ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))
    network = create_backbone("test_resnet", 2, "hf-hub:lab/chest", record)
    expected = randomised("test_resnet", 5).state_dict()
    assert torch.equal(network.state_dict()["conv1.0.weight"], expected["conv1.0.weight"])


def test_a_file_in_a_repositorys_layout_is_read_with_its_configuration(repository: Path) -> None:
    record = resolve("test_resnet", f"file:{repository / 'model.safetensors'}")
    assert (record.source, record.mean, record.size) == ("file", (0.1, 0.2, 0.3), 96)


def test_weights_of_another_network_are_refused(repository: Path) -> None:
    with pytest.raises(
        MedxferError, match="weights of test_resnet, and the network is resnet18; give backbone=test_re"
    ):
        resolve("resnet18", "hf-hub:lab/chest")


def test_a_repository_that_is_out_of_reach_is_one_sentence(repository: Path) -> None:
    (repository / "config.json").unlink()
    with pytest.raises(MedxferError, match=r"hf-hub:lab/chest: not on this machine.*no config\.json"):
        resolve("test_resnet", "hf-hub:lab/chest")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"mean": 0.5}', "both mean and std"),
        ('{"mean": 0.5, "std": 0}', "each std above 0"),
        ('{"mean": "gray", "std": 1}', "mean is gray"),
        ('{"mean": [0.5, 0.5], "std": 1}', "one for each of three channels"),
        ('{"input_size": "large"}', "input_size is large"),
        ("[]", "holds no keys"),
        ("{", "cannot be read"),
    ],
)
def test_what_is_said_beside_a_file_must_be_possible(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "weights.pth"
    torch.save(randomised("test_resnet", 5).state_dict(), path)
    (tmp_path / "weights.pth.json").write_text(content)
    with pytest.raises(MedxferError, match=reason):
        resolve("test_resnet", f"file:{path}")
