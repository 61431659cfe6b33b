"""Cells spread over processes: every cell once, and an end as with one process."""

import json
import os
import re
import signal
import time
from pathlib import Path

import joblib
import pandas as pd
import pytest
import torch
from commands import Started, start_training
from omegaconf import OmegaConf
from pictures import make_pictures

from medxfer.base.errors import MedxferError
from medxfer.grid import launched
from medxfer.grid.launched import check_launcher, workers_of

SMALL = [
    "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "data=images", "backbone=test_efficientnet",
    "pretrained=false", "image_size=32", "batch_size=8", "logger=none", "study.name=s",
]  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("images") / "in", n=40)


def start(folder: Path, images: Path, *arguments: str) -> Started:
    return start_training(folder, *SMALL, f"data.root={images}", *arguments)


def cell_lines(text: str) -> list[str]:
    return re.findall(r"\w+ × random, seed \d(?=: AUROC on validation)", text)


@pytest.fixture(scope="module")
def commands(tmp_path_factory, images) -> tuple[Path, set[Path], list[tuple[int, str, str]]]:
    """A grid whose worker is killed in its first cell, and the same command again; what was finished between."""
    folder = tmp_path_factory.mktemp("grid")
    arguments = ("colormap=none,viridis", "seed=0,1", "trainer.max_epochs=3")
    cells = folder / "studies" / "s" / "cells"
    ended = []
    killed = start(folder, images, *arguments)
    deadline = time.monotonic() + 120
    while not (running := list(cells.glob("*/claim.*.json"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(json.loads(running[0].read_text())["pid"], signal.SIGKILL)
    ended.append(killed.wait())
    finished = set(cells.glob("*/metrics.json"))
    ended.append(start(folder, images, *arguments).wait())
    return folder / "studies" / "s", finished, [(done.returncode, done.stdout, done.stderr) for done in ended]


def test_every_cell_once_and_one_end(commands):
    study, finished, (_, (code, out, err)) = commands
    assert code == 0, err
    assert len(set(cell_lines(out))) == len(cell_lines(out)) == 4 - len(finished)
    assert out.count("RQ1 ") == 1
    assert out.count("report.html") == 1
    assert "Warning" not in err
    table = pd.read_csv(study / "results.csv")
    assert table.groupby("colormap")["status"].agg(list).to_dict() == {"none": ["done"] * 2, "viridis": ["done"] * 2}


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


def test_a_machine_without_slurm_is_one_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    choices = {"hydra/launcher": "submitit_slurm"}
    hydra = OmegaConf.create({"launcher": {"_target_": "submitit"}, "runtime": {"choices": choices}})
    with pytest.raises(
        MedxferError, match=r"hydra/launcher=submitit_slurm: there is no Slurm here \(no program srun\)"
    ):
        check_launcher(hydra)


@pytest.mark.parametrize(("n_jobs", "workers"), [(1, 1), (8, 8), (-1, 6), (-2, 5), (-6, 1)])
def test_workers_are_counted_as_joblib_counts(monkeypatch, n_jobs, workers):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 6)
    assert workers_of(n_jobs) == workers


@pytest.mark.parametrize("n_jobs", [0, -7])
def test_no_worker_is_refused(monkeypatch, n_jobs):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 6)
    launcher = {"_target_": "joblib", "n_jobs": n_jobs}
    hydra = OmegaConf.create({"launcher": launcher, "runtime": {"choices": {"hydra/launcher": "joblib"}}})
    with pytest.raises(MedxferError, match=rf"n_jobs={n_jobs}: give how many"):
        check_launcher(hydra)


@pytest.mark.parametrize(
    ("launcher", "accelerator", "held"),
    [
        ("basic", "auto", [(["0", "1"], None)]),
        ("joblib", "auto", [(["0", "1"], 4)]),
        ("submitit_local", "gpu", [(["0", "1"], None)]),
        ("submitit_slurm", "auto", []),
        ("basic", "cpu", []),
    ],
)
def test_every_command_takes_a_gpu_but_where_slurm_gives_one(monkeypatch, launcher, accelerator, held):
    found = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(launched, "gpus", lambda: ["0", "1"])
    monkeypatch.setattr(launched, "hold_gpu", lambda names, workers: found.append((names, workers)))
    monkeypatch.setattr(launched.display, "plain", False)
    choices = {"hydra/launcher": launcher}
    hydra = {"launcher": {"n_jobs": 4}, "runtime": {"choices": choices}}
    launched.begin_work(OmegaConf.create({"hydra": hydra, "trainer": {"accelerator": accelerator}}))
    assert found == held
    assert launched.display.plain == (launcher != "basic")
