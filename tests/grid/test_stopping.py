"""Declared looks, run as a user runs them: trainings go seed after seed and stop; then the same command again."""

import json
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from commands import start_training
from pictures import make_pictures

SMALL = ["-m", "backbone=test_efficientnet", "pretrained=false", "study.rq1.within.pretrained=false", "image_size=32",
         "logger=none", "study.name=s"]  # fmt: skip


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return start_training(folder, *SMALL, *arguments).wait(900)


def trained(text: str) -> list[tuple[str, int]]:
    return [(name, int(seed)) for name, seed in re.findall(r"(\w+) × random, seed (\d+): AUROC on validation", text)]


def check_stopped(folder: Path, done: subprocess.CompletedProcess[str], looks: tuple[int, ...]) -> Path:
    """What every study that ran with looks must leave, whatever its answer is; the study's folder."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    study = folder / "studies" / "s"
    stop = json.loads((study / "study.json").read_text())["stopped"]
    assert stop["seeds"] in looks
    cells = trained(done.stdout)
    assert sorted(cells) == [(name, seed) for name in ("none", "viridis") for seed in range(stop["seeds"])]
    assert set(pd.read_csv(study / "results.csv")["status"]) == {"done"}
    assert f"stopped at the look at {stop['seeds']} seeds" in done.stdout
    assert "Incomplete" not in (study / "report.html").read_text()
    return study


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]])
def test_a_grid_stops_at_a_look_and_the_same_command_trains_nothing_more(tmp_path, launcher):
    images = make_pictures(tmp_path / "in", n=40)
    command = [*launcher, "data=images", f"data.root={images}", "batch_size=8", "trainer.max_epochs=1",
               "colormap=none,viridis", "seed=2,0,1,3", "study.looks=[2,3]"]  # fmt: skip
    done = run(tmp_path, *command)
    study = check_stopped(tmp_path, done, (2, 3))
    seeds = [seed for _, seed in trained(done.stdout)]
    assert launcher or seeds == sorted(seeds)  # two workers end in any order
    before = (study / "study.json").read_bytes()
    again = run(tmp_path, *command)
    assert again.returncode == 0, again.stderr
    assert not trained(again.stdout)
    assert "stopped at the look at" in again.stdout
    assert json.loads((study / "study.json").read_bytes())["stopped"] == json.loads(before)["stopped"]


@pytest.mark.slow
@pytest.mark.data
def test_breast_ultrasound_with_two_looks(tmp_path, test_data):
    (path,) = (test_data / "breastmnist").glob("*.npz")
    done = run(
        tmp_path, "data=medmnist", "data.name=breastmnist", f"data.path={path}", "colormap=none,viridis",
        "seed=0,1,2,3", "study.looks=[2,3]", "trainer.max_epochs=3", "batch_size=64",
    )  # fmt: skip
    check_stopped(tmp_path, done, (2, 3))
