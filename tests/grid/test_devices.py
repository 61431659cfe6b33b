"""One device for each process, and for as long as it lives."""

import os
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pandas as pd
import pytest

from medxfer.grid.devices import gpus, hold_gpu


@pytest.mark.parametrize(
    ("visible", "names"),
    [("0,1,2", ["0", "1", "2"]), ("5,7", ["5", "7"]), ("MIG-a/1/0", ["MIG-a/1/0"]), ("", []), ("-1", [])],
)
def test_gpus_are_those_that_are_visible(monkeypatch, visible, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == names


def occupy(number: int, workers: int, folder: Path) -> tuple[int, str, float, float]:
    """A job of uneven length, as a launcher's process runs it: who, on which device, from when to when."""
    hold_gpu(["0", "1"], workers, folder)
    begun = time.monotonic()
    time.sleep(0.4 if number % 3 == 0 else 0.05)
    return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"], begun, time.monotonic()


@pytest.mark.parametrize("workers", [2, 4])
def test_a_device_has_as_many_processes_as_are_meant_to_share_it(tmp_path, workers):
    pool = joblib.Parallel(workers, batch_size=1, pre_dispatch="n_jobs")
    done = pd.DataFrame(
        pool(joblib.delayed(occupy)(number, workers, tmp_path) for number in range(12)),
        columns=["pid", "device", "begun", "ended"],
    )
    assert (done.groupby("pid")["device"].nunique() == 1).all()
    for _, of_device in done.groupby("device"):
        together = [((of_device.begun <= t) & (t < of_device.ended)).sum() for t in of_device.begun]
        assert max(together) <= workers / 2
    assert done.groupby("device")["pid"].nunique().max() <= workers / 2


def test_commands_of_their_own_take_the_emptiest_gpu_and_never_wait(tmp_path):
    hold = (
        "import pathlib, time; from medxfer.grid.devices import hold_gpu; "
        f"print(hold_gpu(['0', '1'], folder=pathlib.Path({str(tmp_path)!r})), flush=True); time.sleep(60)"
    )
    commands, devices = [], []
    for _ in range(5):
        commands.append(subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True))
        devices.append(commands[-1].stdout.readline().strip())
    assert sorted(devices[:2]) == sorted(devices[2:4]) == ["0", "1"]
    for command in commands:
        command.kill()
        command.communicate()


def test_a_dead_process_leaves_its_device(tmp_path):
    hold = (
        "import pathlib, time; from medxfer.grid.devices import hold_gpu; "
        f"print(hold_gpu(['0'], 1, pathlib.Path({str(tmp_path)!r})), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", hold]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "0\n"
    second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert second.stderr.readline().startswith("waiting: ")
    first.kill()
    assert second.stdout.readline() == "0\n"
    second.kill()
    for process in (first, second):
        process.communicate()
