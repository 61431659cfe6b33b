"""Killed at any moment and started again, a grid ends with the table that it would have had."""

import json
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import torch
from commands import start_training
from pictures import make_pictures

COMMAND = [
    "-m", "data=images", "backbone=test_efficientnet", "image_size=32", "batch_size=4", "trainer.max_epochs=4",
    "logger=none", "colormap=none,viridis", "pretrained=false", "seed=0,1", "study.name=s",
]  # fmt: skip


def run(folder: Path, images: Path, seconds: float | None = None) -> int:
    """The command in `folder`, killed after `seconds`; its exit code. The store lies beside `images`."""
    store = str(images.parent / "cache")
    command = start_training(folder, *COMMAND, f"data.root={images}", XDG_CACHE_HOME=store)
    if seconds is not None:
        time.sleep(seconds)
        with suppress(ProcessLookupError):  # it has ended before
            command.send_signal(signal.SIGKILL)
    return command.wait().returncode


def outcome(folder: Path) -> tuple[bytes, list[pd.DataFrame]]:
    study = folder / "studies" / "s"
    predictions = [pd.read_parquet(path) for path in sorted(study.glob("cells/*/predictions.parquet"))]
    return (study / "results.csv").read_bytes(), predictions


def check_whole(folder: Path) -> None:
    """Every file under its own name can be read."""
    for path in folder.rglob("*.json"):
        json.loads(path.read_text())
    for path in folder.rglob("*.parquet"):
        if not path.name.startswith("."):
            pd.read_parquet(path)
    for path in folder.rglob("*.ckpt"):
        torch.load(path, weights_only=False)


def kill_and_repeat(
    images: Path, parent: Path, kills: int, longest: float, chance: random.Random
) -> tuple[bytes, list[pd.DataFrame]]:
    """Run the grid, kill it at `kills` random moments, move its folder after every second, and let it end; its outcome.

    No finished cell may be trained again.
    """
    folder = parent / "study"
    folder.mkdir()
    finished: dict[str, int] = {}
    for number in range(kills + 1):
        status = run(folder, images, chance.uniform(0, longest) if number < kills else None)
        check_whole(folder)
        now = {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("studies/s/cells/*/metrics.json")}
        assert finished.items() <= now.items()
        finished = now
        if number % 2:
            folder = folder.rename(parent / f"moved-{number}")
    assert status == 0
    assert not list((folder / "studies").rglob("*.partial"))
    return outcome(folder)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[Path, tuple[bytes, list[pd.DataFrame]], float]:
    """The pictures, what the grid makes of them, and how long that takes where they are decoded."""
    images = make_pictures(tmp_path_factory.mktemp("images") / "in", n=40)
    first, again = (tmp_path_factory.mktemp("whole") for _ in range(2))
    assert run(first, images) == 0
    began = time.monotonic()
    assert run(again, images) == 0
    return images, outcome(again), time.monotonic() - began


def test_a_few_kills_change_nothing(tmp_path, uninterrupted):
    images, (table, predictions), seconds = uninterrupted
    again, repeated = kill_and_repeat(images, tmp_path, 5, seconds / 2, random.Random(0))
    assert again == table
    assert all(a.equals(b) for a, b in zip(predictions, repeated, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(10))
def test_many_kills_change_nothing(tmp_path, uninterrupted, trial):
    images, (table, predictions), seconds = uninterrupted
    again, repeated = kill_and_repeat(images, tmp_path, 10, seconds / 2, random.Random(trial))
    assert again == table
    assert all(a.equals(b) for a, b in zip(predictions, repeated, strict=True))
