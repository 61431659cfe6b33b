"""Killed at any moment and started again, a grid ends with the table that it would have had."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import torch
from pictures import make_pictures

COMMAND = [
    "-m", "data=images", "backbone=test_efficientnet", "image_size=32", "batch_size=4", "trainer.max_epochs=4",
    "logger=none", "colormap=none,viridis", "pretrained=false", "seed=0,1", "study.name=s",
]  # fmt: skip

# Imports once, then is the command in a process of its own for every folder that it reads, so that kills hit the
# command's work and not Python's imports.
NURSERY = """
import os, sys
import medxfer.training.fit, medxfer.grid.around, medxfer.report
from medxfer.train import main
for line in sys.stdin:
    if not (child := os.fork()):
        os.chdir(line.strip())
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        main()
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Command:
    """The command, started again and again in folders that the test names."""

    def __init__(self, images: Path) -> None:
        environment = {**os.environ, "XDG_CACHE_HOME": str(images.parent / "cache"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", NURSERY, *COMMAND, f"data.root={images}"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(self, folder: Path, seconds: float | None = None) -> int:
        """Run in `folder`, killed after `seconds`; returns the exit status as `os.waitpid` has it."""
        print(folder, file=self.process.stdin, flush=True)
        child = int(self.process.stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            with suppress(ProcessLookupError):  # it has ended before
                os.kill(child, signal.SIGKILL)
        return int(self.process.stdout.readline())


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
    command: Command, parent: Path, kills: int, longest: float, chance: random.Random
) -> tuple[bytes, list[pd.DataFrame]]:
    """Run the grid, kill it at `kills` random moments, move its folder after every second, and let it end; its outcome.

    No finished cell may be trained again.
    """
    folder = parent / "study"
    folder.mkdir()
    finished: dict[str, int] = {}
    for number in range(kills + 1):
        status = command.run(folder, chance.uniform(0, longest) if number < kills else None)
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
def uninterrupted(tmp_path_factory) -> Iterator[tuple[Command, tuple[bytes, list[pd.DataFrame]], float]]:
    folder = tmp_path_factory.mktemp("whole")
    command = Command(make_pictures(tmp_path_factory.mktemp("images") / "in", n=40))
    assert command.run(folder) == 0
    expected, began = outcome(folder), time.monotonic()
    (folder / "again").mkdir()
    assert command.run(folder / "again") == 0
    yield command, expected, time.monotonic() - began
    command.process.stdin.close()
    command.process.wait()


def test_a_few_kills_change_nothing(tmp_path, uninterrupted):
    command, (table, predictions), seconds = uninterrupted
    again, repeated = kill_and_repeat(command, tmp_path, 5, seconds / 2, random.Random(0))
    assert again == table
    assert all(a.equals(b) for a, b in zip(predictions, repeated, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(10))
def test_many_kills_change_nothing(tmp_path, uninterrupted, trial):
    command, (table, predictions), seconds = uninterrupted
    again, repeated = kill_and_repeat(command, tmp_path, 10, seconds / 2, random.Random(trial))
    assert again == table
    assert all(a.equals(b) for a, b in zip(predictions, repeated, strict=True))
