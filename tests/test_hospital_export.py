"""docs/hospital_export.md, walked: from a PACS export and a spreadsheet of findings to a verdict and new scores."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pacs_export import PacsExport, pacs_export

pytestmark = pytest.mark.slow

SMALL = (
    "image_size=32",
    "backbone=test_efficientnet",
    "trainer.max_epochs=2",
    "batch_size=16",
    "logger=none",
    "lr=0.01",
)


@pytest.fixture
def export(tmp_path: Path) -> PacsExport:
    return pacs_export(tmp_path, patients=24)


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500)
    print("$ python", *command[1:], "\n", done.stdout[-6000:], done.stderr[-3000:])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_export_goes_from_scan_to_a_verdict(export: PacsExport, tmp_path: Path) -> None:
    said = run(tmp_path, "medxfer.data", "scan", "root=export", "out=index.csv")
    assert "by rule: localizer" in said
    index = pd.read_csv(tmp_path / "index.csv", dtype=str, keep_default_na=False)
    assert (index["left_out"] == "").sum() == export.images

    # By the spreadsheet as it is, and by the table of the scan with its label filled in: the same images and patients.
    data = ["data=ct_series", "data.root=export", "store.root=store", "image_size=32"]
    sheet = [*data, "data.labels=befunde.csv", "data.label=Befund", "data.positive=Blutung"]
    checked = run(tmp_path, "medxfer.data", "check", *sheet)
    assert f"{export.images} " in checked
    findings = pd.read_csv(export.labels, sep=";", dtype=str, encoding="utf-8-sig")
    by_number = dict(zip(findings["AccessionNumber"], findings["Befund"], strict=True))
    index["label"] = index["AccessionNumber"].map(by_number).where(index["left_out"] == "", "")
    index.to_csv(tmp_path / "labels.csv", index=False)
    filled = run(tmp_path, "medxfer.data", "check", *data, "data.labels=labels.csv")
    for text in (checked, filled):
        assert next(line.split()[1] for line in text.splitlines() if line.strip().startswith("patients ")) == "24"

    arms = ("colormap=none,viridis", "pretrained=false", "study.rq1.within.pretrained=false", "seed=0,1")
    grid = ["-m", *sheet, *SMALL[1:], *arms, "data.split.folds=3", "study.name=bleeding"]
    run(tmp_path, "medxfer.train", *grid)
    study = tmp_path / "studies" / "bleeding"
    answer = run(tmp_path, "medxfer.report", f"study={study}")
    assert "RQ1" in answer
    assert "95 % interval" in answer
    assert json.loads((study / "verdict.json").read_text())
    assert not any(private in (study / "report.html").read_text() for private in ("PAT0", "ACC0", "Anna"))

    new = tmp_path / "new"
    shutil.copytree(export.root / "PAT000", new, ignore=shutil.ignore_patterns("up", "gone"))
    cell = min(study.glob("cells/*"))
    run(tmp_path, "medxfer.predict", f"cell={cell}", "images=new", "out=scores.csv")
    scores = pd.read_csv(tmp_path / "scores.csv", keep_default_na=False)
    assert len(scores) == export.slices + 5  # and localizer, report, segmentation, scout, a copy
    assert (scores["refused"] == "").sum() >= export.slices
