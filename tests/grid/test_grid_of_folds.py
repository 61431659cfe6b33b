"""Grids whose patients are divided into folds, run as a user runs them."""

import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import Started, run, start_training
from pictures import make_pictures

from medxfer.study.state import status

FOLDS = 3
GRID = ["-m", "colormap=none,viridis", "seed=0,1"]
PART = ["-m", "colormap=none,viridis", "seed=0"]  # of the same study
SMALL = [
    "backbone=test_efficientnet", "pretrained=false", "study.rq1.within.pretrained=false", "image_size=32",
    "batch_size=16", "trainer.max_epochs=1", "logger=none", "study.name=s", "data=images", f"data.split.folds={FOLDS}",
]  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("images") / "in", n=60)


def start(folder: Path, images: Path, *arguments: str) -> Started:
    return start_training(folder, *SMALL, f"data.root={images}", *arguments)


def ended_well(command: Started) -> str:
    """Its standard output."""
    done = command.wait()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


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


def part(table: pd.DataFrame) -> pd.DataFrame:
    """What PART asks for."""
    return table.query("seed == 0").reset_index(drop=True)


def check_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    values = ["score_0", "score_1"]
    pd.testing.assert_frame_equal(one.drop(columns=values), other.drop(columns=values))
    assert np.allclose(one[values], other[values], atol=1e-6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, images) -> tuple[Path, str]:
    """A grid that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, ended_well(start(folder, images, *GRID))


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
    text = ended_well(start(whole[0], images, *GRID))
    assert not trained(text)
    assert "12 cells, 12 done before" in text


def test_status_counts_trainings(whole):
    found = status(whole[0] / "studies/s")
    assert found["trainings"] == {"all": 4, "done": 4, "folds": {"images": FOLDS}}
    shown = run(whole[0], "medxfer.status", "study=studies/s").stdout
    assert "12 cells: 12 done; 4 of 4 trainings done, of 3 folds each" in shown


def test_one_command_without_a_sweep_trains_all_folds(tmp_path, images, whole):
    text = ended_well(start(tmp_path, images, "colormap=viridis", "seed=1"))
    assert trained(text) == [("viridis", 1, fold) for fold in range(FOLDS)]
    expected = scores(whole[0]).query("colormap == 'viridis' and seed == 1").reset_index(drop=True)
    check_same(scores(tmp_path), expected)


def ended(folder: Path) -> int:
    return len(list(folder.glob("studies/s/cells/*/metrics.json")))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_was_stopped_between_folds_goes_on_and_ends_with_the_same_scores(tmp_path, images, whole, number):
    command = start(tmp_path, images, *PART)
    while ended(tmp_path) < 2:
        assert command.poll() is None, command.wait()
        time.sleep(0.01)
    command.send_signal(number)
    stopped = command.wait()
    done = ended(tmp_path)
    assert 2 <= done < 6, stopped
    assert stopped.returncode != 0
    left = status(tmp_path / "studies/s")
    assert len(left["missing"]) == 6 - done, left
    text = ended_well(start(tmp_path, images, *PART))
    assert len(trained(text)) == 6 - done
    check_same(scores(tmp_path), part(scores(whole[0])))
    results = [
        pd.read_csv(path / "studies/s/results.csv").filter(regex="^(colormap|seed|fold|test/auroc)$")
        for path in (tmp_path, whole[0])
    ]
    pd.testing.assert_frame_equal(results[0], part(results[1]))


@pytest.mark.slow
def test_two_workers_train_every_fold_once(tmp_path, images, whole):
    """Imports cost it most; of cells without folds test_launched shows it, of two processes the next test."""
    text = ended_well(start(tmp_path, images, *PART, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"))
    assert len(trained(text)) == len(set(trained(text))) == 6
    check_same(scores(tmp_path), part(scores(whole[0])))


def test_two_commands_on_one_study_share_its_folds(tmp_path, images, whole):
    commands = [start(tmp_path, images, *PART) for _ in range(2)]
    done = [command.wait() for command in commands]
    cells = [cell for one in done for cell in trained(one.stdout)]
    assert len(cells) == len(set(cells)) == 6, done
    assert 0 in [one.returncode for one in done]
    check_same(scores(tmp_path), part(scores(whole[0])))


def test_with_looks_whole_trainings_are_looked_at(tmp_path, images):
    command = ["-m", "colormap=none,viridis", "seed=2,0,1", "study.looks=[2,3]", "data.split.folds=2"]
    text = ended_well(start(tmp_path, images, *command))
    stop = json.loads((tmp_path / "studies/s/study.json").read_text())["stopped"]
    seeds = range(stop["seeds"])
    asked = [(name, seed, fold) for name in ("none", "viridis") for seed in seeds for fold in range(2)]
    assert sorted(trained(text)) == asked
    assert [seed for _, seed, _ in trained(text)] == sorted(seed for _, seed, _ in trained(text))
