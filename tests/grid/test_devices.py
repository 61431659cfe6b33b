"""One device for each process, and for as long as it lives."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import joblib
import pandas as pd
import pytest

from medxfer.grid.devices import gpus, hold_gpu, let_go


@pytest.mark.parametrize(
    ("visible", "names"),
    [("0,1,2", ["0", "1", "2"]), ("5,7", ["5", "7"]), ("MIG-a/1/0", ["MIG-a/1/0"]), ("", []), ("-1", [])],
)
def test_gpus_are_those_that_are_visible(monkeypatch, visible, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == names


def occupy(number: int, workers: int, folder: Path, names: Sequence[str] = ("0", "1")) -> tuple[int, str, float, float]:
    """A job of uneven length, as a launcher's process runs it: who, on which device, from when to when."""
    hold_gpu(list(names), workers, folder)
    begun = time.monotonic()
    time.sleep(0.4 if number % 3 == 0 else 0.05)
    done = os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"], begun, time.monotonic()
    let_go()
    return done


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


@pytest.mark.parametrize("names", [["0"], ["0", "1"]])
def test_two_commands_with_workers_do_not_wait_for_each_others_idle_ones(tmp_path, names):
    """Each job of both wants a slot; an idle worker that kept its own would live on for joblib's five minutes."""
    occupy = f"joblib.delayed(test_devices.occupy)(number, 2, pathlib.Path({str(tmp_path)!r}), {names!r})"
    command = (
        "import joblib, test_devices, pathlib; "
        f"joblib.Parallel(2, batch_size=1, pre_dispatch='n_jobs')({occupy} for number in range(4))"
    )
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    run = [sys.executable, "-c", command]
    commands = [subprocess.Popen(run, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE) for _ in range(2)]
    for one in commands:
        _, said = one.communicate(timeout=60)
        assert one.returncode == 0, said


def test_a_process_goes_on_with_its_own_gpu(tmp_path):
    """Two workers begin on two GPUs, and a third shares the GPU of one that pauses, in turn with it."""
    hold = (
        "import pathlib, sys; from medxfer.grid.devices import hold_gpu, let_go, gpus\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "for line in sys.stdin:\n"
        "    hold_gpu(gpus(), 2, folder) if line == 'hold\\n' else let_go()\n"
        "    print(gpus(), flush=True)\n"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "5,7"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    first, second, third = (subprocess.Popen([sys.executable, "-c", hold], **pipes) for _ in range(3))

    def tell(process, word):
        process.stdin.write(word + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    assert tell(first, "hold") == "['5']"
    assert tell(first, "pause") == "['5']"
    assert tell(second, "hold") == "['7']", "the GPU with fewer processes, though the slot of 5 is free"
    assert tell(third, "hold") == "['5']"
    first.stdin.write("hold\n")
    first.stdin.flush()
    assert tell(third, "pause") == "['5']"
    assert first.stdout.readline() == "['5']\n"
    for process in (first, second, third):
        process.communicate()


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
