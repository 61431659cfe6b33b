"""Grids whose patients are divided into folds, run as a user runs them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pictures import make_pictures

from medxfer.study.state import status

FOLDS = 3
GRID = ["-m", "colormap=none,viridis", "seed=0,1"]
SMALL = [
    "backbone=test_efficientnet", "pretrained=false", "study.rq1.within.pretrained=false", "image_size=32",
    "batch_size=16", "trainer.max_epochs=1", "logger=none", "study.name=s", "data=images", f"data.split.folds={FOLDS}",
]  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("images") / "in", n=60)


def start(folder: Path, images: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "medxfer.train", *arguments, *SMALL, f"data.root={images}"], cwd=folder, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "160", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore it
    )  # fmt: skip


def run(folder: Path, images: Path, *arguments: str) -> tuple[int, str]:
    process = start(folder, images, *arguments)
    text, _ = process.communicate(timeout=300)
    assert "Traceback" not in text, text
    return process.returncode, text


def trained(text: str) -> list[tuple[str, int, int]]:
    found = re.findall(r"(\w+) × random, seed (\d+), fold (\d+): AUROC on validation", text)
    return [(name, int(seed), int(fold)) for name, seed, fold in found]


def scores(folder: Path) -> pd.DataFrame:
    """Every test score of the study."""
    tables = []
    for path in sorted((folder / "studies/s/cells").glob("*/metrics.json")):
        factors = json.loads(path.read_text())["factors"]
        tables.append(
            pd.read_parquet(path.with_name("predictions.parquet"))
            .query("split == 'test'")
            .assign(colormap=factors["colormap"], seed=factors["seed"], fold=factors["fold"])
        )
    keys = ["colormap", "seed", "image"]
    return pd.concat(tables).sort_values(keys).reset_index(drop=True)


def check_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    values = ["score_0", "score_1"]
    pd.testing.assert_frame_equal(one.drop(columns=values), other.drop(columns=values))
    assert np.allclose(one[values], other[values], atol=1e-6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, images) -> tuple[Path, str]:
    """A grid that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    code, text = run(folder, images, *GRID)
    assert code == 0, text
    return folder, text


def test_every_patient_has_one_score_an_arm_and_seed_and_none_on_both_sides(whole, images):
    table = scores(whole[0])
    assert table.groupby(["colormap", "seed", "image"]).size().eq(1).all()
    assert table.groupby(["colormap", "seed"])["patient"].nunique().eq(30).all()
    divisions = [pd.read_parquet(path) for path in sorted((whole[0] / "studies/s/splits").glob("*.parquet"))]
    assert len(divisions) == 2
    for division in divisions:
        for fold in range(FOLDS):
            assert division.groupby("patient")[f"part_{fold}"].nunique().eq(1).all()
    assert (divisions[0]["fold"] != divisions[1]["fold"]).any()


def test_trainings_go_seed_after_seed_and_folds_of_one_together(whole):
    asked = [(name, seed, fold) for seed in (0, 1) for name in ("none", "viridis") for fold in range(FOLDS)]
    assert trained(whole[1]) == asked
    assert "12 cells, 0 done before" in whole[1]
    assert "0 of 4 trainings done, of 3 folds each" in whole[1]


def test_the_images_are_decoded_once_for_all_folds_and_seeds(whole):
    assert len(list((whole[0] / "cache").glob("medxfer/*/*/images.parquet"))) == 1


def test_the_same_command_trains_nothing_again(whole, images):
    code, text = run(whole[0], images, *GRID)
    assert code == 0
    assert not trained(text)
    assert "12 cells, 12 done before" in text


def test_status_counts_trainings(whole):
    found = status(whole[0] / "studies/s")
    assert found["trainings"] == {"all": 4, "done": 4, "folds": {"images": FOLDS}}
    shown = subprocess.run(
        [sys.executable, "-m", "medxfer.status", f"study={whole[0] / 'studies/s'}"], capture_output=True, text=True
    ).stdout
    assert "12 cells: 12 done; 4 of 4 trainings done, of 3 folds each" in shown


def test_one_command_without_a_sweep_trains_all_folds(tmp_path, images, whole):
    code, text = run(tmp_path, images, "colormap=viridis", "seed=1")
    assert code == 0, text
    assert trained(text) == [("viridis", 1, fold) for fold in range(FOLDS)]
    expected = scores(whole[0]).query("colormap == 'viridis' and seed == 1").reset_index(drop=True)
    check_same(scores(tmp_path), expected)


def ended(folder: Path) -> int:
    return len(list(folder.glob("studies/s/cells/*/metrics.json")))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_was_stopped_between_folds_goes_on_and_ends_with_the_same_scores(tmp_path, images, whole, number):
    process = start(tmp_path, images, *GRID)
    while ended(tmp_path) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    text, _ = process.communicate(timeout=120)
    done = ended(tmp_path)
    assert 2 <= done < 12, text
    assert process.returncode != 0
    left = status(tmp_path / "studies/s")
    assert len(left["missing"]) == 12 - done, left
    code, text = run(tmp_path, images, *GRID)
    assert code == 0, text
    assert len(trained(text)) == 12 - done
    check_same(scores(tmp_path), scores(whole[0]))
    results = [
        pd.read_csv(path / "studies/s/results.csv").filter(regex="^(colormap|seed|fold|test/auroc)$")
        for path in (tmp_path, whole[0])
    ]
    pd.testing.assert_frame_equal(*results)


def test_two_workers_train_every_fold_once(tmp_path, images, whole):
    code, text = run(tmp_path, images, *GRID, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert code == 0, text
    assert len(trained(text)) == len(set(trained(text))) == 12
    check_same(scores(tmp_path), scores(whole[0]))


def test_two_commands_on_one_study_share_its_folds(tmp_path, images, whole):
    processes = [start(tmp_path, images, *GRID) for _ in range(2)]
    texts = [process.communicate(timeout=300)[0] for process in processes]
    cells = [cell for text in texts for cell in trained(text)]
    assert len(cells) == len(set(cells)) == 12, texts
    assert 0 in [process.returncode for process in processes]
    check_same(scores(tmp_path), scores(whole[0]))


def test_with_looks_whole_trainings_are_looked_at(tmp_path, images):
    command = ["-m", "colormap=none,viridis", "seed=2,0,1", "study.looks=[2,3]"]
    code, text = run(tmp_path, images, *command)
    assert code == 0, text
    stop = json.loads((tmp_path / "studies/s/study.json").read_text())["stopped"]
    seeds = range(stop["seeds"])
    asked = [(name, seed, fold) for name in ("none", "viridis") for seed in seeds for fold in range(FOLDS)]
    assert sorted(trained(text)) == asked
    assert [seed for _, seed, _ in trained(text)] == sorted(seed for _, seed, _ in trained(text))
