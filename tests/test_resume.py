"""Stopped at any moment and started again, a grid ends with the table that it would have had."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from pictures import make_pictures

COMMAND = [
    "-m", "data=images", "backbone=test_efficientnet", "image_size=32", "batch_size=4", "trainer.max_epochs=4",
    "logger=none", "colormap=none,viridis", "pretrained=false", "study.name=s",
]  # fmt: skip


def start(folder: Path, images: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(images.parent / "cache")}
    arguments = [sys.executable, "-m", "medxfer.train", *COMMAND, f"data.root={images}"]
    return subprocess.Popen(
        arguments, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
    )


def outcome(folder: Path) -> tuple[bytes, list[pd.DataFrame]]:
    study = folder / "studies" / "s"
    predictions = [pd.read_parquet(path) for path in sorted(study.glob("cells/*/predictions.parquet"))]
    return (study / "results.csv").read_bytes(), predictions


def kill_and_repeat(folder: Path, images: Path, kills: int, longest: float, chance: random.Random) -> None:
    """Start the grid, kill it at `kills` random moments, and let it end; no finished cell may be trained again."""
    finished: dict[Path, int] = {}
    for number in range(kills + 1):
        process = start(folder, images)
        if number < kills:
            time.sleep(chance.uniform(0.3, longest))
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=300)
        now = {path: path.stat().st_mtime_ns for path in folder.glob("studies/s/cells/*/metrics.json")}
        assert finished.items() <= now.items()
        finished = now


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    images = make_pictures(tmp_path_factory.mktemp("images") / "in", n=40)
    began = time.monotonic()
    assert start(folder, images).wait(timeout=300) == 0
    return images, outcome(folder), time.monotonic() - began


def test_two_kills_change_nothing(tmp_path, uninterrupted):
    images, (table, predictions), seconds = uninterrupted
    kill_and_repeat(tmp_path, images, 2, seconds, random.Random(0))
    again, repeated = outcome(tmp_path)
    assert again == table
    assert all(a.equals(b) for a, b in zip(predictions, repeated, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(10))
def test_many_kills_change_nothing(tmp_path, uninterrupted, trial):
    images, (table, _), seconds = uninterrupted
    kill_and_repeat(tmp_path, images, 10, seconds, random.Random(trial))
    assert outcome(tmp_path)[0] == table
