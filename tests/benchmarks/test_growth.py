"""Time and memory against the number of images, of cells and of pixels: a straight line, or better."""

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from measure import record
from PIL import Image
from scale import GROWTH, LONG_ONLY
from scipy.stats import linregress

pytestmark = pytest.mark.benchmark

# In a process of its own, whose peak memory is the work's: build or open the store, and read an epoch of it.
STORE = """
import resource, sys, time
import numpy as np
from pathlib import Path
from medxfer.data.store.dataset import open_dataset
from medxfer.data.serve.module import mapped
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.open import open_store

folder, root, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
started = time.perf_counter()
store = open_store(open_dataset(ImageFolder(str(folder), str(folder / "labels.csv")), root), size, hounsfield=False)
opened = time.perf_counter()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
images, order = mapped(store), np.random.default_rng(0).permutation(len(store)).tolist()
for start in range(0, len(order), 64):
    images.__getitems__(order[start : start + 64])
print(opened - started, memory - own, time.perf_counter() - opened)
"""
# Resident memory after each cell, of a grid that runs in this process.
CELLS = """
import resource, sys, time
import medxfer.train as train
from medxfer.grid.live import LiveGrid

started = time.perf_counter()
ended = LiveGrid.cell_ended
def told(self, *arguments):
    pages = int(open("/proc/self/statm").read().split()[1])
    print("cell", time.perf_counter() - started, pages * resource.getpagesize() / 2**20, flush=True)
    ended(self, *arguments)
LiveGrid.cell_ended = told
train.main()
"""


def pictures(folder: Path, number: int, side: int = 64) -> Path:
    """`number` PNG files of noise, eight bits, two labels."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(number):
        Image.fromarray(random.integers(0, 256, (side, side), np.uint8)).save(folder / f"{i:06}.png", compress_level=1)
    rows = {"path": [f"{i:06}.png" for i in range(number)], "label": ["a" if i % 2 else "b" for i in range(number)]}
    pd.DataFrame(rows | {"patient_id": range(number)}).to_csv(folder / "labels.csv", index=False)
    return folder


def work(folder: Path, root: Path, size: int = 64) -> tuple[float, float, float]:
    """Seconds to have the store, MB that this took, seconds of an epoch."""
    command = [sys.executable, "-c", STORE, str(folder), str(root), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    opened, memory, epoch = map(float, done.stdout.split())
    return opened, memory, epoch


def fitted(what: str, against: str, sizes: Sequence[float], values: Sequence[float], unit: str, goal: str) -> None:
    """Record the values, the straight line's slope, and the exponent of the power law."""
    for size, value in zip(sizes, values, strict=True):
        record(f"{what} against {against}", f"{size:,} {against}", [value], unit)
    slope = linregress(sizes, values).slope
    exponent = linregress([math.log(size) for size in sizes], [math.log(max(value, 1e-9)) for value in values]).slope
    record(f"{what} against {against}", f"{unit} for 1,000 {against} more", [1000 * slope], unit)
    record(f"{what} against {against}", "exponent", [exponent], "", goal)


def test_growth_with_images(tmp_path: Path) -> None:
    sizes = [GROWTH // 8, GROWTH // 4, GROWTH // 2, GROWTH]
    print()
    rows = []
    for size in sizes:
        folder, root = pictures(tmp_path / f"{size}", size), tmp_path / f"store{size}"
        cold, memory, epoch = work(folder, root)
        warm, memory_again, _ = work(folder, root)
        rows.append((cold, warm, epoch, memory, memory_again))
    cold, warm, epoch, memory, memory_again = zip(*rows, strict=True)
    fitted("decoding 64 px PNG", "images", sizes, cold, "s", "at most 1.05")
    fitted("opening the store again", "images", sizes, warm, "s", "at most 1.05")
    fitted("reading an epoch", "images", sizes, epoch, "s", "at most 1.05")
    fitted("memory of decoding", "images", sizes, memory, "MB", "at most 1.05")
    fitted("memory of opening the store", "images", sizes, memory_again, "MB", "at most 1.05")
    assert len(rows) == 4


@LONG_ONLY
def test_growth_with_pixels(tmp_path: Path) -> None:
    sides, number = (64, 128, 256, 512), 256
    cold, epoch = [], []
    for side in sides:
        opened, _, read = work(pictures(tmp_path / f"{side}", number, side), tmp_path / f"store{side}", side)
        cold.append(opened)
        epoch.append(read)
    pixels = [number * side**2 for side in sides]
    print()
    fitted(f"decoding {number} PNG", "pixels", pixels, cold, "s", "at most 1.05")
    fitted(f"reading an epoch of {number}", "pixels", pixels, epoch, "s", "at most 1.05")
    assert epoch[0] < cold[0]


@LONG_ONLY
def test_growth_with_cells(tmp_path: Path) -> None:
    number = 600
    folder = pictures(tmp_path / "in", 60, 32)
    command = [
        "-m", "data=images", f"data.root={folder}", "backbone=test_efficientnet", "pretrained=false", "image_size=32",
        "batch_size=16", "trainer.max_epochs=1", "logger=none", f"store.root={tmp_path / 'store'}",
        f"study.root={tmp_path}", f"seed=range({number})",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", CELLS, *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    cells = [list(map(float, line.split()[1:])) for line in done.stdout.splitlines() if line.startswith("cell ")]
    seconds, memory = (list(column) for column in zip(*cells, strict=True))
    print()
    numbers = [number // 4, number // 2, 3 * number // 4, number]
    fitted("time of a grid", "cells", numbers, [seconds[n - 1] for n in numbers], "s", "at most 1.05")
    record("memory of a grid", f"cell {number} / cell 5", [memory[-1] / memory[4]], "×", "at most 1.05")
    assert len(cells) == number
