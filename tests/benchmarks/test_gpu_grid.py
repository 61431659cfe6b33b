"""The 3 × 2 grid of a small network on a card: cells one after another and several at once, and the peers' six cells.

MEDXFER_TRY_ON_CPU=1 runs it without one, at the sizes that MEDXFER_BENCH_* give.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from images import Images, phantoms
from measure import compare, record
from scale import EPOCHS, TRAINING_IMAGES, setting
from test_grid_peers import COLORMAPS, PEERS, clean, run

import medxfer.grid.devices  # noqa: F401 - a resolver of conf/hydra/launcher
from medxfer.base.config import CONF
from medxfer.grid import side_by_side
from medxfer.grid.jobs import Job
from medxfer.grid.settling import settle

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.gpu,
    pytest.mark.skipif(
        not (torch.cuda.is_available() or os.environ.get("MEDXFER_TRY_ON_CPU")), reason="no CUDA device"
    ),
]
NETWORK, SIZE, BATCH = "tf_efficientnet_lite0", 64, 32
NAME = f"{NETWORK}, {TRAINING_IMAGES} × {SIZE} px, {EPOCHS} epochs"
ONE, STUDENT = "one after another", "(a) script, three times two cells"
MOST = setting("AT_ONCE", 8, 8)
PEERS_TOO = os.environ.get("MEDXFER_BENCH_PEERS", "1") != "0"


@pytest.fixture(scope="module")
def images() -> Images:
    return phantoms(TRAINING_IMAGES)


def ours(images: Images, folder: Path, *more: str) -> None:
    """Our command for all six cells, from the files: decoded anew, with its records, verdict and page."""
    clean(folder)
    run(
        "-m", "medxfer.train", "-m", *images.overrides, f"backbone={NETWORK}", f"trainer.max_epochs={EPOCHS}",
        f"colormap={','.join(COLORMAPS)}", "pretrained=true,false", "logger=none",
        f"image_size={SIZE}", f"batch_size={BATCH}", f"store.root={folder / 'store'}",
        f"study.root={folder / 'studies'}", *more, cwd=folder,
    )  # fmt: skip


def test_time_to_the_first_step(images: Images, tmp_path: Path) -> None:
    """The whole command of a cell that trains one step, on images that are decoded: its start, and two scorings."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        run(
            "-m", "medxfer.train", *images.overrides, f"backbone={NETWORK}", "trainer.max_epochs=-1",
            "trainer.max_steps=1", "logger=none", f"image_size={SIZE}", f"store.root={tmp_path / 'store'}",
            f"study.root={tmp_path / str(len(seconds))}", cwd=tmp_path,
        )  # fmt: skip
        seconds.append(time.perf_counter() - started)
    assert record(f"{NETWORK}, a step", "the whole command", seconds[1:], "s") > 0


def test_cells_at_once_in_a_steady_state(images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images a second while cells train, without their start: what plan=true measures."""
    monkeypatch.setattr(side_by_side, "WORTHWHILE", 0.0)  # up to the most
    own = [f"backbone={NETWORK}", f"image_size={SIZE}", f"batch_size={BATCH}", "plan=true", "logger=none"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*images.overrides, *own, f"store.root={tmp_path}", f"study.root={tmp_path}"])
    settle([Job(config, {})])  # decodes
    name, found = f"{NETWORK}, {BATCH} × {SIZE} px, cells at once", []
    for one in side_by_side.measure_side_by_side(config, MOST):  # each is written as soon as it is known
        record(name, f"{one.cells}", [one.images], "images/s")
        found.append(one)
    best = max(found, key=lambda one: one.images)
    assert record(name, f"gain of {best.cells}", [best.images / found[0].images], "×", "at least 3") > 0


def test_cells_side_by_side_and_the_students_script(images: Images, tmp_path: Path) -> None:
    folder, peer, weights = tmp_path / "medxfer", tmp_path / "peer", weights_of_peers(tmp_path)
    folder.mkdir()

    def at_once(number: int) -> Callable[[], None]:
        return lambda: ours(images, folder, "hydra/launcher=joblib", f"hydra.launcher.n_jobs={number}")

    calls: dict[str, Callable[[], None]] = {ONE: lambda: ours(images, folder)}
    calls |= {f"{number} at once": at_once(number) for number in (8, 4) if number <= MOST}
    if PEERS_TOO:
        calls[STUDENT] = lambda: student(images, weights, peer)
    calls["2 at once"] = at_once(2)
    seconds: dict[str, list[float]] = {}
    for side, call in calls.items():  # each is written as soon as it is known
        seconds[side] = [timed(call) * (3 if side == STUDENT else 1)]
        record(NAME, side, seconds[side], "s")
        if side != ONE:
            compare(NAME, {ONE: seconds[ONE], side: seconds[side]}, ONE, {})
    best = min((side for side in seconds if side != STUDENT), key=lambda side: seconds[side][0])
    record(NAME, f"gain of {best}", [seconds[ONE][0] / seconds[best][0]], "×", "at least 3")
    record(NAME, f"images a second, {best}", [6 * EPOCHS * TRAINING_IMAGES / seconds[best][0]], "images/s")
    assert trained(folder) == 6


def test_monai(images: Images, tmp_path: Path) -> None:
    pytest.importorskip("monai")
    peer, weights = tmp_path / "peer", weights_of_peers(tmp_path)
    assert record(NAME, "(b) MONAI", [timed(lambda: monai(images, weights, peer))], "s") > 0


def timed(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def weights_of_peers(folder: Path) -> Path:
    from medxfer.model.backbone import create_backbone

    path = folder / f"{NETWORK}.pth"
    torch.save(create_backbone(NETWORK, 2, pretrained=True).state_dict(), path)
    return path


def flags(images: Images, weights: Path, folder: Path) -> list[str]:
    values = {"table": images.table, "network": NETWORK, "weights": weights, "epochs": EPOCHS, "size": SIZE}
    values |= {"batch": BATCH, "out": folder}
    return [part for key, value in values.items() for part in (f"--{key}", str(value))]


def student(images: Images, weights: Path, folder: Path) -> None:
    """Two of the six commands, which run one after another and are alike."""
    folder.mkdir(exist_ok=True)
    for start in ([], ["--pretrained"]):
        run("student.py", *flags(images, weights, folder), "--colormap", "viridis", *start, cwd=PEERS)


def monai(images: Images, weights: Path, folder: Path) -> None:
    folder.mkdir()
    run("monai_grid.py", *flags(images, weights, folder), cwd=PEERS)


def trained(folder: Path) -> int:
    """Cells that have scored test images."""
    tables = [pd.read_parquet(path) for path in folder.glob("studies/*/cells/*/predictions.parquet")]
    return sum(bool((table["split"] == "test").any()) for table in tables)
