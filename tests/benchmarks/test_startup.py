"""Seconds until a command answers, in a new process."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from measure import record
from scale import ROUNDS

pytestmark = pytest.mark.benchmark

COMMANDS = {
    "python -c pass": (["-c", "pass"], ""),
    "train --help": (["-m", "medxfer.train", "--help"], "at most 2"),
    "train --cfg job": (["-m", "medxfer.train", "--cfg", "job"], "at most 2"),
    "import torch": (["-c", "import torch"], ""),
    "import torch, timm, pytorch_lightning": (["-c", "import torch, timm, pytorch_lightning"], ""),
    "all that training imports": (
        ["-c", "import medxfer.grid.around, medxfer.training.fit, medxfer.training.loggers"],
        "",
    ),
}


def seconds(command: list[str], folder: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - started


def test_commands_answer(tmp_path: Path) -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, (command, _) in COMMANDS.items():
            times[name].append(seconds(command, tmp_path))
    print()
    for name, (_, goal) in COMMANDS.items():
        record("start-up", name, times[name], "s", goal)
    assert statistics.median(times["train --help"]) < statistics.median(times["import torch, timm, pytorch_lightning"])
