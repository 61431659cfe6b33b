"""On a CUDA device: every backbone that tests name trains with the default settings, and scores as a CPU does.

MEDXFER_TRY_ON_CPU=1 runs it without one.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cells import small_config, train_small
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from torch import Tensor

import medxfer.training.fit
from medxfer.base.config import CONF
from medxfer.data.serve.module import mapped
from medxfer.model.classifier import Classifier
from medxfer.training.compute import Compute
from medxfer.training.run import train

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not (DEVICE == "cuda" or os.environ.get("MEDXFER_TRY_ON_CPU")), reason="no CUDA device"),
]
STEPS = ("trainer.max_epochs=-1", "trainer.max_steps=3")
SIZES = {
    "alexnet": 64, "convnext_atto": 64, "densenet121": 64, "dla46x_c": 64, "efficientnet_lite1": 64,
    "inception_v3": 96, "maxvit_tiny_tf_224": 224, "resnet18": 64, "resnet34": 64, "resnet50": 64, "resnetblur18": 64,
    "swin_tiny_patch4_window7_224": 224, "test_convnext": 64, "test_efficientnet": 64, "test_resnet": 64,
    "test_vit": 64, "tf_efficientnet_b0": 64, "tf_efficientnet_lite0": 64, "vgg11": 64, "vgg11_bn": 224,
    "vit_tiny_patch16_224": 64,
}  # fmt: skip
CT = ("data=phantom_ct", "data.patients=40", "data.images=1")
SMALL = "tf_efficientnet_lite0"
FLOAT32, TENSOR_FLOAT = 1e-4, 1e-2  # of a score in [0, 1]; TF32 keeps ten bits


def scores(model: Classifier, data: object, device: str) -> Tensor:
    """(N, C) of the test part, computed on `device`."""
    model, renderer = model.to(device).eval(), data.renderer.to(device)
    images = mapped(data.store)
    rows = np.flatnonzero(data.parts == "test").tolist()
    batch = images.__getitems__(rows)
    with torch.inference_mode():
        rendered = renderer(type(batch)(*(part.to(device) for part in batch)))
        return model.scores(model(rendered.pixels)).cpu()


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions in float32, as matrix products are; torch takes TF32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.mark.parametrize("backbone", SIZES)
def test_every_backbone_trains_with_the_default_settings(backbone: str, tmp_path: Path, exact: None) -> None:
    size = f"image_size={SIZES[backbone]}"
    cell, objects = train_small(tmp_path, f"backbone={backbone}", size, *STEPS)
    model, trainer = objects["model"], objects["trainer"]
    assert trainer.global_step == 3
    assert torch.are_deterministic_algorithms_enabled()
    assert trainer.strategy.root_device.type == DEVICE
    assert json.loads((cell / "metrics.json").read_text())["machine"]["device"].startswith(DEVICE)
    recorded = torch.tensor(_recorded(cell))
    here = scores(model, objects["data"], DEVICE)
    on_cpu = scores(model, objects["data"], "cpu")
    print(f"\n{backbone}: GPU and CPU differ by {float((here - on_cpu).abs().max()):.1e}")
    assert torch.allclose(here, on_cpu, atol=FLOAT32)
    assert torch.allclose(recorded, on_cpu[:, 1], atol=FLOAT32)


def test_scores_as_torch_computes_them_by_default_are_the_cpus(tmp_path: Path) -> None:
    _, objects = train_small(tmp_path, f"backbone={SMALL}", "image_size=64", *STEPS)
    here, on_cpu = (scores(objects["model"], objects["data"], device) for device in (DEVICE, "cpu"))
    difference = here - on_cpu
    print(f"\nwith torch's own choice of TF32: {float(difference.abs().max()):.1e}")
    assert float(difference.abs().max()) < TENSOR_FLOAT


COLORS = {
    "learned": ("colormap=learned:viridis",),
    "learned, CT": ("colormap=learned:viridis", "window=lung", *CT),
    "windows": ("colormap=windows:brain+subdural+bone", *CT),
    "window": ("colormap=inferno", "window=40/80", *CT),
    "single": ("colormap=single",),
    "4096 levels": ("colormap=viridis", "levels=4096"),
    "head": ("finetune=head", "augment=null"),
    "weighted": ("balance=weights", "label_smoothing=0.1"),
}


@pytest.mark.parametrize("settings", COLORS.values(), ids=COLORS)
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_colours_windows_and_losses_train_the_same_twice(
    settings: tuple[str, ...], precision: str, tmp_path: Path
) -> None:
    first, second = twice(tmp_path, "backbone=test_efficientnet", f"+trainer.precision={precision}", *settings)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("backbone", ["alexnet", "vgg11", "resnetblur18", SMALL, "test_vit", "densenet121"])
def test_networks_train_the_same_twice(backbone: str, tmp_path: Path) -> None:
    first, second = twice(tmp_path, f"backbone={backbone}", "image_size=64")
    assert np.array_equal(first, second)


@pytest.mark.parametrize("backbone", ["alexnet", "test_efficientnet", "test_vit"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compiled_networks_train(
    backbone: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = Compute(precision, compile=True)
    monkeypatch.setattr(medxfer.training.fit, "settle", lambda *_: compiled)
    cell, objects = train_small(tmp_path, f"backbone={backbone}", "image_size=64", *STEPS)
    assert objects["trainer"].global_step == 3
    assert np.isfinite(_recorded(cell)).all()


def _recorded(cell: Path) -> np.ndarray:
    """Scores of class 1 of the test part."""
    table = pd.read_parquet(cell / "predictions.parquet")
    return table[table["split"] == "test"]["score_1"].to_numpy()


def twice(folder: Path, *settings: str) -> list[np.ndarray]:
    """The scores of two equal trainings, each in a study of its own."""
    scores = []
    for name in ("first", "second"):
        config = small_config(folder, f"study.name={name}", *(one for one in settings if one not in CT))
        if CT[0] in settings:
            config.data = phantoms(folder).data
        train(config)
        (cell,) = folder.glob(f"studies/{name}/cells/*")
        scores.append(_recorded(cell))
    return scores


def phantoms(folder: Path) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [*CT, f"store.root={folder / 'cache'}"])
