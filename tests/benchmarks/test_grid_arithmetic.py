"""The whole 3 × 2 grid against nothing but its passes through the network."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from images import phantoms
from measure import record
from scale import EPOCHS, LONG_ONLY, PAIRS, TRAINING_IMAGES
from test_grid_peers import clean, study
from test_startup import COMMANDS, seconds

from medxfer.model.backbone import create_backbone

pytestmark = [pytest.mark.benchmark, LONG_ONLY]

CELLS, SIZE, BATCH = 6, 64, 32
PASSES = Path(__file__).parent / "arithmetic.py"


@pytest.mark.parametrize("network", ["test_efficientnet", "tf_efficientnet_lite0", "resnet18"])
def test_the_grid_beside_its_arithmetic(network: str, tmp_path: Path) -> None:
    """Start-up and a second a cell may come beside the passes; on new files decoding does as well."""
    images = phantoms(TRAINING_IMAGES)
    parts = pd.read_csv(images.table)["part"].value_counts()
    sizes = (SIZE, BATCH, EPOCHS, parts["train"], parts["val"], parts["test"])
    weights, folder = tmp_path / "weights.pth", tmp_path / "study"
    torch.save(create_backbone(network, 2, pretrained=False, seed=1).state_dict(), weights)
    folder.mkdir()

    def ours() -> None:
        study(images, network, weights, folder, SIZE, BATCH, "float32")

    def from_files() -> None:
        clean(folder)
        ours()

    def from_store() -> None:
        shutil.rmtree(folder / "studies")
        ours()

    def passes() -> float:
        return sum(_passes(network, sizes) for _ in range(CELLS // 2))

    spent: dict[str, list[float]] = {"new files": [], "decoded images": [], "start-up": [], "passes": []}
    for _ in range(PAIRS):
        bare = passes()  # one half before and one half after, because the machine's speed drifts
        spent["start-up"].append(seconds(COMMANDS["all that training imports"][0], tmp_path))
        spent["new files"].append(_timed(from_files))
        spent["decoded images"].append(_timed(from_store))
        spent["passes"].append(bare + passes())
    name = f"{network}, phantom_dx, {parts['train']} × {SIZE} px, {EPOCHS} epoch{'s' if EPOCHS > 1 else ''}"
    print()
    record(name, "start-up", spent["start-up"], "s")
    record(name, "passes of its six cells", spent["passes"], "s")
    for begin in ("new files", "decoded images"):
        record(name, f"the whole grid, from {begin}", spent[begin], "s")
        rounds = zip(spent[begin], spent["start-up"], spent["passes"], strict=True)
        shares = [(wall - start - CELLS) / bare for wall, start, bare in rounds]
        record(name, f"less start-up and 1 s a cell, from {begin} / passes", shares, "×", "at most 1.05")
        assert len(shares) == PAIRS


def _timed(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _passes(network: str, sizes: tuple[int, ...]) -> float:
    command = [sys.executable, "-W", "ignore", str(PASSES), network, *map(str, sizes)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
