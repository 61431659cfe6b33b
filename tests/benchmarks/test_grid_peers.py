"""The 3 × 2 grid from one command, against what one would write instead: the same work, from files to test scores."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from images import Images, kermany, phantoms
from measure import compare, in_turns
from scale import EPOCHS, LONG_ONLY, PAIRS, TRAINING_IMAGES

from medxfer.model.backbone import create_backbone

pytestmark = pytest.mark.benchmark

PEERS = Path(__file__).parent / "peers"
COLORMAPS, STARTS = ("none", "viridis", "inferno"), (True, False)
AUTO, SMALL = "medxfer, compute=auto", "test_efficientnet"
GOALS = {
    "tf_efficientnet_lite0": "at least 1.8",
    SMALL: "at least 2",  # 0.36 M parameters
    "resnet18": "at least 1.1",
}


def grid(images: Images, network: str, folder: Path, size: int, batch: int, precision: str) -> dict[str, Callable]:
    """The sides, each a command or six; every call starts from nothing but the images and the weights."""
    weights = folder / f"{network}.pth"
    torch.save(create_backbone(network, 2, pretrained=False, seed=1).state_dict(), weights)
    for side in ("medxfer", "auto", "student", "monai", "template"):
        (folder / side).mkdir()
    common = {"table": images.table, "network": network, "weights": weights, "epochs": EPOCHS}
    common |= {"size": size, "batch": batch, "precision": precision}

    def ours(side: str, compute: str) -> None:
        clean(folder / side)
        study(images, network, weights, folder / side, size, batch, compute)

    def student() -> None:
        clean(folder / "student")
        for colormap in COLORMAPS:
            for pretrained in STARTS:
                start = ["--pretrained"] if pretrained else []
                run("student.py", *flags(folder / "student"), "--colormap", colormap, *start, cwd=PEERS)

    def monai() -> None:
        clean(folder / "monai")
        run("monai_grid.py", *flags(folder / "monai"), cwd=PEERS)

    def template() -> None:
        clean(folder / "template")
        settings = [f"{key}={value}" for key, value in (common | {"out": folder / "template"}).items()]
        run("template.py", "-m", *settings, f"colormap={','.join(COLORMAPS)}", "pretrained=true,false", cwd=PEERS)

    def flags(out: Path) -> list[str]:
        return [part for key, value in (common | {"out": out}).items() for part in (f"--{key}", str(value))]

    own = "float32" if precision == "32-true" else "auto"
    sides: dict[str, Callable[[], None]] = {"medxfer": lambda: ours("medxfer", own)}
    if network == "resnet18":
        sides[AUTO] = lambda: ours("auto", "auto")
    return sides | {"(a) script": student, "(b) MONAI": monai, "(c) Lightning + Hydra": template}


def study(images: Images, network: str, weights: Path, folder: Path, size: int, batch: int, compute: str) -> None:
    """Our grid by its command, with its study and its decoded images in `folder`."""
    run(
        "-m", "medxfer.train", "-m", *images.overrides, f"backbone={network}", f"colormap={','.join(COLORMAPS)}",
        f"pretrained='file:{weights}',false", f"trainer.max_epochs={EPOCHS}", "logger=csv",
        f"image_size={size}", f"batch_size={batch}", f"compute={compute}",
        f"store.root={folder / 'store'}", f"study.root={folder / 'studies'}", cwd=folder,
    )  # fmt: skip


def clean(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, *command], cwd=cwd, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_the_grid_of_a_small_network_beside_its_peers(tmp_path: Path) -> None:
    beside_its_peers(phantoms(TRAINING_IMAGES), SMALL, tmp_path, GOALS[SMALL])


@LONG_ONLY
@pytest.mark.parametrize(
    ("make", "network"),
    [(phantoms, name) for name in GOALS if name != SMALL] + [(kermany, name) for name in GOALS],
)
def test_the_grid_beside_its_peers(make: Callable[..., Images], network: str, tmp_path: Path) -> None:
    beside_its_peers(make() if make is kermany else make(TRAINING_IMAGES), network, tmp_path, GOALS[network])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_grid_beside_its_peers_on_a_gpu(tmp_path: Path) -> None:
    beside_its_peers(phantoms(TRAINING_IMAGES), "resnet50", tmp_path, "at least 1", 224, 256, "bf16-mixed")


def beside_its_peers(
    images: Images, network: str, folder: Path, goal: str, size: int = 64, batch: int = 32, precision: str = "32-true"
) -> None:
    pytest.importorskip("monai")
    sides = grid(images, network, folder, size, batch, precision)
    times = in_turns(sides, PAIRS)
    trained = int((pd.read_csv(images.table)["part"] == "train").sum())
    name = f"{network}, {images.name}, {trained} × {size} px, {EPOCHS} epoch{'s' if EPOCHS > 1 else ''}"
    ahead = {side: goal if side == "(a) script" else "at least 1" for side in sides if side[0] == "("}
    compare(name, times, "medxfer", ahead)
    if AUTO in sides:
        compare(name, times, AUTO, {"(a) script": "at least 1.4"})
    check_scores(folder, images)


def check_scores(folder: Path, images: Images) -> None:
    """Every side scored every test image in every cell."""
    tested = int((pd.read_csv(images.table)["part"] == "test").sum())
    for peer in ("student", "monai", "template"):
        scores = [pd.read_csv(path) for path in (folder / peer).glob("*-*.csv")]
        assert [len(of_cell) for of_cell in scores] == [tested] * 6
    ours = [pd.read_parquet(path) for path in (folder / "medxfer").glob("studies/*/cells/*/predictions.parquet")]
    assert [int((of_cell["split"] == "test").sum()) for of_cell in ours] == [tested] * 6
