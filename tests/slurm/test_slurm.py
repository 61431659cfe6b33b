"""A grid on a real Slurm cluster of one machine: preempted, queued again, and finished as if nothing had been.

Run by make slurm-test, which starts the cluster; with -s this prints a transcript.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from pictures import make_pictures

COMMAND = [
    sys.executable, "-m", "medxfer.train", "-m", "data=images", "backbone=test_efficientnet", "pretrained=false",
    "image_size=32", "batch_size=4", "colormap=none,viridis", "seed=0,1", "trainer.max_epochs=40", "logger=none",
    "study.name=s",
]  # fmt: skip
SLURM = [
    "hydra/launcher=submitit_slurm", "hydra.launcher.partition=low", "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.mem_gb=4", "hydra.launcher.timeout_min=30",
]  # fmt: skip

pytestmark = pytest.mark.slurm


def say(*command: str) -> str:
    """Run a command of Slurm's and show it with its output."""
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    print(f"$ {' '.join(command)}\n{out}", flush=True)
    return out


def wait_for(what: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_preempted_grid_ends_as_one_that_was_left_alone(tmp_path, request):
    images = make_pictures(tmp_path / "in", n=40)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    alone, slurm = tmp_path / "alone", tmp_path / "slurm"
    for folder in (alone, slurm):
        folder.mkdir()
    command = [*COMMAND, f"data.root={images}"]
    subprocess.run(command, cwd=alone, env=environment, check=True, capture_output=True, timeout=600)

    print("$ python", " ".join([*COMMAND[1:], *SLURM]), flush=True)
    grid = subprocess.Popen(
        [*command, *SLURM], cwd=slurm, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    request.addfinalizer(grid.kill)  # it would wait for ever where the cluster goes
    cells = slurm / "studies" / "s" / "cells"
    wait_for(lambda: len(list(cells.glob("*/checkpoints/last.ckpt"))) == 2 or grid.poll() is not None)
    say("squeue")
    devices = re.findall(r"GRES=.*IDX:\d", say("bash", "-c", "scontrol show job --details | grep 'JobId=\\|IDX'"))
    assert sorted(devices) == ["GRES=gpu:1(IDX:0", "GRES=gpu:1(IDX:1"]

    finished = set(cells.glob("*/metrics.json"))
    assert not finished
    say("srun", "--partition=high", "--cpus-per-task=2", "--mem=1000", "hostname")  # wants the whole machine
    say("squeue")
    wait_for(lambda: len(list(cells.glob("*/metrics.json"))) >= 2 or grid.poll() is not None)
    wait_for(lambda: bool(list(cells.glob("*/claim.*.json"))) or grid.poll() is not None)
    running = say("squeue", "--noheader", "--states=running", "--format=%i").split()
    say("scontrol", "requeue", running[0])  # as after a node's failure: the job is not told
    out, err = grid.communicate(timeout=600)
    print(out, flush=True)
    assert grid.returncode == 0, err

    logs = {path.name: path.read_text() for path in (tmp_path / "cache").rglob("*_log.err")}
    assert sum("this job is preempted" in text for text in logs.values()) == 2
    assert (slurm / "studies" / "s" / "results.csv").read_bytes() == (
        alone / "studies" / "s" / "results.csv"
    ).read_bytes()
    for path in cells.glob("*/metrics.json"):
        assert [epoch["epoch"] for epoch in json.loads(path.read_text())["epochs"]] == list(range(40))
