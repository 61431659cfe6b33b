"""python -m medxfer.predict on NIfTI volumes: a row a slice, with the scores of the cell's own test."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from trained_cells import train_cell

from medxfer.predict import main


def volumes(root: Path) -> Path:
    """24 volumes of 12 patients, and their table."""
    rng = np.random.default_rng(0)
    root.mkdir()
    rows = []
    for i in range(24):
        hu = rng.integers(-1000, 1000, (40, 36, 6)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(hu, np.diag([-1, -1, 2, 1])), root / f"{i}.nii.gz")
        rows.append((f"{i}.nii.gz", "ab"[i // 2 % 2], i // 2))
    pd.DataFrame(rows, columns=["path", "label", "patient_id"]).to_csv(root / "labels.csv", index=False)
    return root


def test_a_volumes_slices_are_scored_as_in_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = volumes(tmp_path / "volumes")
    cell = train_cell(tmp_path, "data=nifti", f"data.root={root}", "data.slices=central:2", "data.plane=sagittal")
    (root / "labels.csv").unlink()
    assert main([f"cell={cell}", f"images={root}", f"out={tmp_path / 'scores.csv'}"]) == 0
    assert "48 images scored, 0 files refused" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "scores.csv")
    assert (table.groupby("path")["frame"].agg(list).map(tuple) == (0, 1)).all()
    fingerprint = json.loads((cell / "metrics.json").read_text())["data"]["fingerprint"]
    (names,) = (pd.read_csv(path) for path in tmp_path.glob(f"cache/*-{fingerprint}/v*/files.csv"))
    scored = pd.read_parquet(cell / "predictions.parquet").query("split == 'test'")
    own = scored.merge(names, on="image")
    table["file"] = table["path"].str.removeprefix(f"{root}/") + "[" + table["frame"].astype(str) + "]"
    both = own.merge(table, on="file")
    assert len(both) == len(own) >= 8
    assert both["score_a"].to_numpy() == pytest.approx(both["score_0"].to_numpy(), abs=1e-5)
