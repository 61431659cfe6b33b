"""Cells spread over processes: every cell once, and an end as with one process."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf
from pictures import make_pictures

from medxfer.base.errors import MedxferError
from medxfer.grid.launched import check_launcher

SMALL = [
    "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "data=images", "backbone=test_efficientnet",
    "pretrained=false", "image_size=32", "batch_size=8", "logger=none", "study.name=s",
]  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("images") / "in", n=40)


def start(folder: Path, images: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "medxfer.train", *SMALL, f"data.root={images}", *arguments],
        cwd=folder, env={**os.environ, "XDG_CACHE_HOME": str(images.parent / "cache")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def cell_lines(text: str) -> list[str]:
    return re.findall(r"\w+ × random, seed \d(?=: AUROC on validation)", text)


@pytest.fixture(scope="module")
def commands(tmp_path_factory, images) -> tuple[Path, set[Path], list[tuple[int, str, str]]]:
    """A grid whose worker is killed in its first cell, and the same command again; what was finished between."""
    folder = tmp_path_factory.mktemp("grid")
    arguments = ("colormap=none,viridis,virids", "seed=0,1", "trainer.max_epochs=3")
    cells = folder / "studies" / "s" / "cells"
    ended = []
    killed = start(folder, images, *arguments)
    deadline = time.monotonic() + 120
    while not (running := list(cells.glob("*/claim.*.json"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(json.loads(running[0].read_text())["pid"], signal.SIGKILL)
    ended.append((killed, *killed.communicate(timeout=300)))
    finished = set(cells.glob("*/metrics.json"))
    again = start(folder, images, *arguments)
    ended.append((again, *again.communicate(timeout=300)))
    return folder / "studies" / "s", finished, [(process.returncode, out, err) for process, out, err in ended]


def test_every_cell_once_one_end_and_a_failure_that_counts(commands):
    study, finished, (_, (code, out, err)) = commands
    assert code == 1, err
    assert "2 of 6 cells cannot be" in out
    assert len(set(cell_lines(out))) == len(cell_lines(out)) == 4 - len(finished)
    assert out.count("RQ1 ") == 1
    assert out.count("report.html") == 1
    assert "Warning" not in err
    table = pd.read_csv(study / "results.csv")
    assert table.groupby("colormap")["status"].agg(list).to_dict() == {
        "none": ["done"] * 2, "viridis": ["done"] * 2, "virids": ["failed"] * 2,
    }  # fmt: skip


def test_a_killed_worker_ends_the_command_with_a_report_and_the_same_command_finishes(commands):
    study, finished, ((code, out, err), _) = commands
    assert code == 1
    assert out.count("RQ1 ") == 1
    assert "the workers were lost" in out
    assert "the same command goes on" in out
    assert "Traceback" not in err
    assert len(finished) < 4
    assert len(list(study.glob("cells/*/metrics.json"))) == 4
    assert not list(study.glob("cells/*/claim.*.json"))


def test_a_launcher_that_is_not_installed_is_one_sentence():
    hydra = OmegaConf.create({"launcher": {"n_jobs": 1}, "runtime": {"choices": {"hydra/launcher": "joblib"}}})
    with pytest.raises(MedxferError, match=r"hydra/launcher=joblib is not installed: pip install 'medxfer\[joblib\]'"):
        check_launcher(hydra)
