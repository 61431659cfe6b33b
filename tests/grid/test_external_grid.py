"""A grid with an external set: what is wrong with it is said before the first training; finished cells score it."""

import json
import subprocess
from pathlib import Path

import pandas as pd
from commands import train as run_training
from pictures import make_elsewhere, make_pictures


def train(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    images = folder / "in"
    if not images.is_dir():
        make_pictures(images, n=60)
    command = [
        "-m", "data=images", f"data.root={images}", "backbone=test_efficientnet",
        "pretrained=false", "image_size=32", "batch_size=8", "trainer.max_epochs=1", "logger=none",
        f"store.root={folder / 'cache'}", f"study.root={folder / 'studies'}", "study.name=s",
        "colormap=none,viridis", "study.rq1.within.pretrained=false", *overrides,
    ]  # fmt: skip
    return run_training(folder, *command)


def clinic(root: Path, *more: str) -> list[str]:
    return ["data@external=images", f"external.root={root}", "external.name=clinic", *more]


def test_a_set_with_other_classes_stops_the_grid_before_its_first_training(tmp_path: Path) -> None:
    done = train(tmp_path, *clinic(make_elsewhere(tmp_path / "out", classes=("a", "sick"))))
    assert done.returncode == 1
    assert "external.classes={sick: b}" in done.stderr
    assert not list(tmp_path.glob("studies/*/cells/*"))


def test_finished_cells_score_a_set_that_is_named_later_and_are_not_trained_again(tmp_path: Path) -> None:
    assert train(tmp_path, "data.split.folds=2").returncode == 0
    study = tmp_path / "studies" / "s"
    trained = {path: path.stat().st_mtime_ns for path in study.glob("cells/*/checkpoints/best.ckpt")}
    assert len(trained) == 4
    again = train(tmp_path, "data.split.folds=2", *clinic(make_elsewhere(tmp_path / "out", n=40, ids="Clinician")))
    assert again.returncode == 0, again.stderr
    assert "external set 'clinic': 40 images of 20 patients (20 a, 20 b)" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in study.glob("cells/*/checkpoints/best.ckpt")} == trained
    for path in study.glob("cells/*/predictions.parquet"):
        assert (pd.read_parquet(path)["split"] == "external:clinic").sum() == 40
    verdict = json.loads((study / "verdict.json").read_text())
    (one,) = verdict["elsewhere"]
    assert (one["scored"], one["planned"], one["results_before"]) == (2, 2, 4)
    assert one["answers"][0]["findings"][0]["figures"]["images"] == 40
    assert "Clinician" not in (study / "report.html").read_text()
    assert str(tmp_path) not in (study / "study.json").read_text()
