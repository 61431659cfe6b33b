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
from omegaconf import OmegaConf
from scale import EPOCHS, PAIRS, TRAINING_IMAGES

from medxfer.config import CONF
from medxfer.model import create_backbone

pytestmark = pytest.mark.benchmark

PEERS = Path(__file__).parent / "peers"
COLORMAPS, STARTS = ("none", "viridis", "inferno"), (True, False)
GOALS = {
    "tf_efficientnet_lite0": "at least 1.8",
    "test_efficientnet": "at least 2",  # 0.36 M parameters
    "resnet18": "at least 1.1",
}


def grid(images: Images, network: str, folder: Path) -> dict[str, Callable[[], None]]:
    """The sides, each a command or six; every call starts from nothing but the images and the weights."""
    weights = folder / f"{network}.pth"
    torch.save(create_backbone(network, 2, pretrained=False, seed=1).state_dict(), weights)
    for side in ("medxfer", "auto", "student", "monai", "template"):
        (folder / side).mkdir()
    common = {"table": images.table, "network": network, "weights": weights, "epochs": EPOCHS}

    def ours(name: str, *more: str) -> None:
        clean(folder / name)
        run(
            "-m", "medxfer.train", "-m", *images.overrides, f"backbone={network}", f"colormap={','.join(COLORMAPS)}",
            f"pretrained='file:{weights}',false", f"trainer.max_epochs={EPOCHS}", "logger=csv",
            f"store.root={folder / name / 'store'}", f"study.root={folder / name}", *more, cwd=folder,
        )  # fmt: skip

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

    sides: dict[str, Callable[[], None]] = {"medxfer": lambda: ours("medxfer")}
    if "compute" in OmegaConf.load(CONF / "train.yaml"):
        sides["medxfer, compute=auto"] = lambda: ours("auto", "compute=auto")
    return sides | {"(a) script": student, "(b) MONAI": monai, "(c) Lightning + Hydra": template}


def clean(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, *command], cwd=cwd, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@pytest.mark.parametrize("network", GOALS)
@pytest.mark.parametrize("make", [lambda: phantoms(TRAINING_IMAGES), kermany], ids=["phantom_dx", "cxr_kermany"])
def test_the_grid_beside_its_peers(make: Callable[[], Images], network: str, tmp_path: Path) -> None:
    pytest.importorskip("monai")
    images = make()
    sides = grid(images, network, tmp_path)
    times = in_turns(sides, PAIRS)
    trained = int((pd.read_csv(images.table)["part"] == "train").sum())
    name = f"{network}, {images.name}, {trained} × 64 px, {EPOCHS} epoch{'s' if EPOCHS > 1 else ''}"
    ahead = {side: GOALS[network] if side == "(a) script" else "at least 1" for side in sides if side[0] == "("}
    if network == "resnet18" and "medxfer, compute=auto" in sides:
        compare(name, times, "medxfer, compute=auto", {"(a) script": "at least 1.4"})
    compare(name, times, "medxfer", ahead)
    check_scores(tmp_path, images)


def check_scores(folder: Path, images: Images) -> None:
    """Every side scored every test image in every cell."""
    tested = int((pd.read_csv(images.table)["part"] == "test").sum())
    for peer in ("student", "monai", "template"):
        scores = [pd.read_csv(path) for path in (folder / peer).glob("*-*.csv")]
        assert [len(of_cell) for of_cell in scores] == [tested] * 6
    ours = [pd.read_parquet(path) for path in (folder / "medxfer").glob("*/cells/*/predictions.parquet")]
    assert [int((of_cell["split"] == "test").sum()) for of_cell in ours] == [tested] * 6
