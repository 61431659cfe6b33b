"""A command imports what it uses: nobody waits for networks where none is built."""

import subprocess
import sys
from pathlib import Path

import pytest
from analysis.synthetic_study import write_study

from medxfer.data.phantom import write_phantoms

NETWORKS = {
    "torchvision",
    "torchmetrics",
    "pytorch_lightning",
    "timm",
}  # each with torch's compiler, seconds of imports


def imported(*command: str) -> set[str]:
    """The packages that `python -m medxfer.<command>` imports until it ends, which must be well."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", *command], capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "medxfer" in packages
    return packages


@pytest.mark.parametrize(
    "command", ["data", "model", "color", "status", "report", "predict", "train", "export", "dashboard"]
)
def test_help_needs_no_torch(command: str) -> None:
    assert not imported(f"medxfer.{command}", "--help") & (NETWORKS | {"torch", "sklearn"})


def test_the_data_sets_are_listed_without_torch() -> None:
    """Every class of conf/data is imported for it, and in the processes that decode."""
    assert not imported("medxfer.data") & (NETWORKS | {"torch", "sklearn"})


def test_files_are_scanned_and_checked_without_torch(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "files", "DX", patients=4, images=1, seed=0)
    scan = imported("medxfer.data", "scan", f"root={tmp_path / 'files'}", f"out={tmp_path / 'index.csv'}")
    store = f"store.root={tmp_path / 'store'}"
    check = imported("medxfer.data", "check", "data=phantom_dx", "data.patients=6", "image_size=32", store)
    assert "pandas" in scan & check
    assert not (scan | check) & (NETWORKS | {"torch", "sklearn"})


def test_a_study_is_told_and_judged_without_networks(tmp_path: Path) -> None:
    study = f"study={write_study(tmp_path / 's')}"
    assert not imported("medxfer.status", study) & (NETWORKS | {"torch", "pandas"})
    assert not imported("medxfer.report", study) & NETWORKS


def test_hooks_and_sweeper_are_there_without_torch() -> None:
    code = "import sys, hydra_plugins.medxfer_grid, medxfer.grid.hooks, medxfer.train; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
