"""W&B, as a user without a key has it: offline, a run a cell, finished, and as failed where the cell failed."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import wandb
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.config import CONF
from medxfer.errors import MedxferError
from medxfer.study.loggers import wandb_mode
from medxfer.train import train


def inspect(run: Path) -> dict:
    """What the run's file holds, by W&B's own reader."""
    command = [str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--summary", "--json", str(run)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.fixture
def run_cell(tmp_path, monkeypatch):
    """Train a tiny cell with W&B and return its run's folder."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    images = make_pictures(tmp_path / "in", n=40)

    def run(*overrides: str) -> Path:
        common = ["data=images", f"data.root={images}", "backbone=test_efficientnet", "pretrained=false",
                  "batch_size=8", "image_size=32", "trainer.max_epochs=1", f"store.root={tmp_path / 'cache'}",
                  f"study.root={tmp_path / 'studies'}"]  # fmt: skip
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", [*common, *overrides])
        try:
            train(config)
        finally:
            (folder,) = tmp_path.glob("studies/*/wandb/offline-run-*")
            run.folder = folder
        return folder

    return run


def test_a_finished_cell_is_a_finished_run_with_its_factors(run_cell):
    folder = run_cell("colormap=viridis")
    about = inspect(folder)
    assert (about["state"], about["exit_code"]) == ("finished", 0)
    assert (about["config"]["colormap"], about["config"]["pretrained"]) == ("viridis", False)
    assert "test/accuracy" in about["summary"]
    assert about["run_id"] in folder.name


def test_a_failed_cell_is_a_failed_run_and_says_why(run_cell, tmp_path):
    with pytest.raises(MedxferError, match="not finite"):
        run_cell("lr=1e30", "optimizer=sgd", "trainer.max_epochs=3")
    assert inspect(run_cell.folder)["exit_code"] == 1
    (failed,) = tmp_path.glob("studies/*/cells/*/failed.json")
    assert "learning rate" in json.loads(failed.read_text())["reason"]


def test_nothing_of_the_machine_or_its_paths_is_in_the_run(run_cell, tmp_path):
    folder = run_cell()
    content = next(folder.glob("*.wandb")).read_bytes()
    for secret in (str(tmp_path), str(Path.home()), sys.executable):
        assert secret.encode() not in content
    assert not list(folder.glob("files/*"))


@pytest.mark.parametrize(("key", "mode"), [(None, "offline"), ("0123", "online")])
def test_without_a_key_it_is_offline_and_the_environment_decides(monkeypatch, key, mode):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setattr(wandb, "api", SimpleNamespace(api_key=key))
    assert wandb_mode() == mode
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode() == "disabled"
