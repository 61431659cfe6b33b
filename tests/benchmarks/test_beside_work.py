"""Steps of a small network on the CPU, alone and while other processes use its cores, by how idle threads wait."""

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest
from measure import record
from scale import LONG_ONLY

pytestmark = [pytest.mark.benchmark, LONG_ONLY]

ROUNDS, SECONDS = 3, 4
STEPS = f"""
import time, timm, torch
from torch.nn.functional import cross_entropy
torch.manual_seed(0)
network, images, labels = timm.create_model("tf_efficientnet_lite0", num_classes=2), torch.randn(32, 3, 64, 64), torch.arange(32) % 2
optimizer = torch.optim.AdamW(network.parameters(), fused=True)
def step():
    optimizer.zero_grad()
    cross_entropy(network(images), labels).backward()
    optimizer.step()
for _ in range(3):
    step()
done, start = 0, time.perf_counter()
while time.perf_counter() - start < {SECONDS}:
    step()
    done += 1
print(32 * done / (time.perf_counter() - start))
"""  # noqa: E501
WAYS = {
    "torch as it comes": {},
    "idle threads soon sleep (medxfer)": {"GOMP_SPINCOUNT": "10000"},
    "idle threads sleep": {"OMP_WAIT_POLICY": "passive"},
    "one thread": {"OMP_NUM_THREADS": "1"},
    "one thread, asleep when idle": {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"},
}
GOALS = {0: "at least 0.97", 2: "at least 2.5"}


@pytest.mark.parametrize("busy", [0, 1, 2])
def test_images_a_second_beside_busy_processes(busy: int) -> None:
    speeds: dict[str, list[float]] = {name: [] for name in WAYS}
    with ExitStack() as others:
        for _ in range(busy):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            others.callback(process.kill)
        for _ in range(ROUNDS):
            for name, variables in WAYS.items():
                speeds[name].append(images_a_second(variables))
    benchmark = f"tf_efficientnet_lite0, 64 px, beside {busy} busy processes"
    usual = speeds["torch as it comes"]
    print()
    for name, found in speeds.items():
        record(benchmark, name, found, "images/s")
        if found is not usual:
            share = [mine / theirs for mine, theirs in zip(found, usual, strict=True)]
            goal = GOALS.get(busy, "") if "medxfer" in name else ""
            record(benchmark, f"{name} / torch as it comes", share, "×", goal)
    assert min(map(min, speeds.values())) > 0


def images_a_second(variables: dict[str, str]) -> float:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "KMP_"))}
    command = [sys.executable, "-c", STEPS]
    done = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=True)
    return float(done.stdout)
