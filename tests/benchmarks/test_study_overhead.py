"""What the study adds to its trainings: time a cell, memory over many cells, and time to see that nothing is left."""

import json
import os
import subprocess
import sys
import time

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from measure import record

from medxfer.base.config import CONF

SMALL = [
    "data.patients=24", "data.images=1", "image_size=32", "batch_size=4", "backbone=test_efficientnet",
    "study.name=overhead",
]  # fmt: skip
SEEDS = ",".join(str(seed) for seed in range(10))
COLORS = ["none", "viridis", "inferno", "magma", "plasma", "cividis"]

RECORD = {"metrics": {"val/auroc": 0.5}, "timings": {"total_s": 1.0}}

# The command, with a clock around what a plain training loop would do as well, and a look at the memory in use.
CLOCKED = """
import json, sys, time
from medxfer.training.callbacks import EpochBar
times, memory = [], []

def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def begin(self, trainer, module):
    memory.append(rss())
    times.append([time.perf_counter(), 0.0])

def epoch(self, trainer, module):
    self.since = time.perf_counter()

def trained(self, trainer, module):
    times[-1][1] += time.perf_counter() - self.since

EpochBar.on_fit_start, EpochBar.on_train_epoch_start, EpochBar.on_validation_end = begin, epoch, trained
from medxfer.train import main
try:
    main()
finally:
    json.dump({"times": times, "memory": memory}, open("clock.json", "w"))
"""


@pytest.mark.benchmark
def test_sixty_short_cells_in_one_process(tmp_path):
    command = [sys.executable, "-c", CLOCKED, "-m", *SMALL, f"colormap={','.join(COLORS)}", "pretrained=false",
               f"seed={SEEDS}", "trainer.max_epochs=20"]  # fmt: skip
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "WANDB_MODE": "offline"}, check=True)
    clock = json.loads((tmp_path / "clock.json").read_text())
    begun, training = zip(*clock["times"], strict=True)
    assert len(begun) == 60
    beyond = [after - before - own for before, after, own in zip(begun, begun[1:], training, strict=False)]
    record("60 short cells", "a cell's epochs", training, "s")
    record("60 short cells", "a cell beyond its epochs", beyond, "s", "at most 1")
    growth = clock["memory"][50] / clock["memory"][5]  # at the start of a cell, so after 50 and after 5 others
    record("60 short cells", "memory after 50 / after 5", [growth], "×", "at most 1.05")


@pytest.mark.benchmark
def test_five_hundred_finished_cells(tmp_path):
    from medxfer.grid.around import begin
    from medxfer.grid.jobs import compose_jobs

    jobs = [
        [f"seed={seed}", f"colormap={color}", f"pretrained={start}", *SMALL, f"study.root={tmp_path}"]
        for seed in range(50) for color in COLORS[:5] for start in ("true", "false")
    ]  # fmt: skip
    jobs = [[text.replace("test_efficientnet", "tf_efficientnet_lite0") for text in job] for job in jobs]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        master = compose("train", [], return_hydra_config=True)
        loader = GlobalHydra.instance().config_loader()
        seconds = []
        for _ in range(4):
            start = time.perf_counter()
            grid = begin(compose_jobs(loader, master, jobs), "command")
            seconds.append(time.perf_counter() - start)
            for cell in grid.cells:
                cell.folder.mkdir(parents=True, exist_ok=True)
                (cell.folder / "metrics.json").write_text(json.dumps(RECORD | {"factors": cell.factors}))
    assert all(cell.is_done() for cell in grid.cells)
    asked = [sys.executable, "-m", "medxfer.status", f"study={grid.cells[0].study.folder}", "json=true"]
    answered = []
    for _ in range(3):
        start = time.perf_counter()
        told = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
        answered.append(time.perf_counter() - start)
    assert len(told["done"]) == 500
    record("500 finished cells", "a status call", answered, "s", "at most 5")
    record("500 finished cells", "seen to be finished", seconds[1:], "s", "at most 5")
