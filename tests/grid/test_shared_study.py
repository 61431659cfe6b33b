"""Several commands on one study in one folder: every cell is trained once, and the last one reports them all."""

import re
from pathlib import Path

import pandas as pd
import pytest
from commands import start_training
from pictures import make_pictures

COMMAND = [
    "-m", "data=images", "backbone=test_efficientnet", "image_size=32", "batch_size=4", "trainer.max_epochs=2",
    "logger=none", "colormap=none,viridis,inferno", "pretrained=false", "seed=0,1", "study.name=s",
]  # fmt: skip


def train_together(folder: Path, workers: int) -> list[tuple[int, str]]:
    """Exit code and output of `workers` that are started at the same moment."""
    images = make_pictures(folder / "images", n=40)
    started = [start_training(folder, *COMMAND, f"data.root={images}") for _ in range(workers)]
    ended = [command.wait(600) for command in started]
    return [(done.returncode, done.stdout + done.stderr) for done in ended]


@pytest.mark.parametrize(
    "workers", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]
)
def test_every_cell_is_trained_once(tmp_path, workers):
    ended = train_together(tmp_path, workers)
    trained = [cell for _, text in ended for cell in re.findall(r"\d+/\d+ (.*?): AUROC on validation", text)]
    assert len(trained) == len(set(trained)) == 6, ended
    assert 0 in [code for code, _ in ended]
    assert not any("Traceback" in text for _, text in ended)
    for code, text in ended:
        assert code == 0 or "another process trains it" in text, text
    study = tmp_path / "studies" / "s"
    assert set(pd.read_csv(study / "results.csv")["status"]) == {"done"}
    assert not list(study.rglob("*.partial"))
    assert not list(study.glob("cells/*/claim.*.json"))
