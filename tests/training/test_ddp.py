"""Two processes (gloo, on the CPU) train the cell that one process would have trained, image by image."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from pictures import make_pictures

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.data.serve.module import GrayDataModule
from medxfer.training.ddp import Member, others

TWO = ["trainer.accelerator=cpu", "trainer.devices=2", "trainer.strategy=ddp"]
TWO_CELLS = "none,learned:viridis"
COMMAND = [
    "-m", "data=images", "backbone=test_efficientnet", "pretrained=false", "image_size=32", "batch_size=6",
    "trainer.max_epochs=2", "logger=none", "study.name=s", "trainer.accelerator=cpu",
]  # fmt: skip


def start(folder: Path, images: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "medxfer.train", *COMMAND, f"data.root={images}", *arguments],
        cwd=folder, env={**os.environ, "XDG_CACHE_HOME": str(images.parent / "cache"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("images") / "in", n=58)


@pytest.fixture(scope="module")
def one_and_two(request, tmp_path_factory, images) -> list[Path]:
    """The grid of these colormaps by one process a cell and by two, as its study's folder."""
    colormaps = request.param
    studies = []
    for arguments in ([], TWO):
        folder = tmp_path_factory.mktemp("grid")
        process = start(folder, images, f"colormap={colormaps}", *arguments)
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert not err, err
        assert out.count("test accuracy") == len(colormaps.split(","))
        assert out.count("RQ1 ") == 1
        studies.append(folder / "studies" / "s")
    return studies


@pytest.mark.parametrize(
    "one_and_two", ["learned:viridis", pytest.param(TWO_CELLS, marks=pytest.mark.slow)], indirect=True
)
def test_two_processes_train_what_one_would(one_and_two):
    one, two = one_and_two
    cells = sorted(path.name for path in one.glob("cells/*"))
    assert cells
    assert cells == sorted(path.name for path in two.glob("cells/*"))
    for cell in cells:
        a, b = (pd.read_parquet(study / "cells" / cell / "predictions.parquet") for study in one_and_two)
        assert not b.duplicated(["split", "image"]).any()
        assert a[["image", "patient", "split", "label"]].equals(b[["image", "patient", "split", "label"]])
        np.testing.assert_allclose(a[["score_0", "score_1"]], b[["score_0", "score_1"]], atol=2e-4)
        a, b = (json.loads((study / "cells" / cell / "metrics.json").read_text()) for study in one_and_two)
        assert [epoch["epoch"] for epoch in b["epochs"]] == [0, 1]
        for key in ("train/loss", "val/loss"):
            np.testing.assert_allclose(*([epoch[key] for epoch in r["epochs"]] for r in (a, b)), atol=2e-4)
        names = [sorted(torch.load(s / "cells" / cell / "checkpoints/best.ckpt")["state_dict"]) for s in one_and_two]
        assert names[0] == names[1]


@pytest.mark.slow
@pytest.mark.parametrize("one_and_two", [TWO_CELLS], indirect=True)
@pytest.mark.parametrize("victim", ["first", "second"])
def test_one_of_two_killed_leaves_none_behind_and_the_same_command_continues(tmp_path, images, one_and_two, victim):
    process = start(tmp_path, images, *TWO, "colormap=none")
    last = tmp_path / "studies" / "s" / "cells"
    deadline = time.monotonic() + 300
    while not list(last.glob("*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    second = int(subprocess.check_output(["pgrep", "-P", str(process.pid), "-f", "medxfer.training.ddp"], text=True))
    os.kill(process.pid if victim == "first" else second, signal.SIGKILL)
    process.communicate(timeout=300)
    assert process.returncode != 0
    deadline = time.monotonic() + 30
    while Path(f"/proc/{second}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{second}").exists()
    again = start(tmp_path, images, *TWO, "colormap=none")
    _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    (cell,) = last.iterdir()
    found, expected = (pd.read_parquet(s / "cells" / cell.name / "predictions.parquet")
                       for s in (tmp_path / "studies" / "s", one_and_two[1]))  # fmt: skip
    assert found.equals(expected)


def test_the_parts_of_a_batch_are_the_batch():
    rows = torch.arange(7)
    batch = GrayBatch(torch.arange(7 * 4, dtype=torch.uint8).view(7, 2, 2), rows % 2, rows)
    store = SimpleNamespace(gray=np.zeros((1, 2, 2), np.uint8), labels=np.zeros(1, np.int64))
    data = GrayDataModule(store, np.array(["train"]), torch.nn.Identity(), 7, 0)
    parts = []
    for rank in range(3):
        data.trainer = SimpleNamespace(world_size=3, global_rank=rank)
        parts.append(data._own_part(batch))
        assert len(data._own_part(GrayBatch(*(column[:2] for column in batch))).label) == 2
    for column in range(3):
        assert torch.equal(torch.cat([part[column] for part in parts]), batch[column])


@pytest.mark.parametrize("settings", [{"devices": 2, "strategy": "ddp_spawn"}, {"num_nodes": 2, "strategy": "ddp"}])
def test_a_strategy_that_would_lose_scores_is_refused(settings):
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, **settings)
    with (
        pytest.raises(MedxferError, match=r"one machine, with trainer\.strategy=ddp"),
        others(OmegaConf.create({}), trainer, Member()),
    ):
        pass


def test_another_process_that_cannot_begin_is_the_cells_reason():
    trainer = pl.Trainer(
        accelerator="cpu", devices=2, strategy="ddp", plugins=[Member()], logger=False, enable_checkpointing=False
    )
    with (
        pytest.raises(MedxferError, match="process 1 of this cell: unknown colormap 'virids'"),
        others(OmegaConf.create({"colormap": "virids"}), trainer, Member()),
    ):
        pass
