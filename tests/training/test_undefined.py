"""A split whose validation has one class only: refused where the epoch cannot be chosen, else recorded with reasons."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pictures import make_pictures
from trained_cells import train_cell

from medxfer.analysis.judge.study_reader import read_study
from medxfer.base.errors import MedxferError
from medxfer.trained.scoring import score
from medxfer.trained.trained_cell import open_cell


@pytest.fixture
def split(tmp_path: Path) -> str:
    """A file by which validation has class a alone; patients are two images, one of each class, so by image."""
    make_pictures(tmp_path / "in", n=30)
    labels = pd.read_csv(tmp_path / "in" / "labels.csv")
    labels["patient_id"] = labels["path"]
    labels.to_csv(tmp_path / "in" / "labels.csv", index=False)
    first = labels.groupby("label").cumcount()
    labels["part"] = "train"
    labels.loc[(labels["label"] == "a") & (first < 4), "part"] = "val"
    labels.loc[first.isin([5, 6, 7]), "part"] = "test"
    labels[["path", "part"]].to_csv(tmp_path / "split.csv", index=False)
    return f"data.split.file={tmp_path / 'split.csv'}"


def test_a_metric_that_validation_lacks_cannot_choose_the_epoch(tmp_path: Path, split: str) -> None:
    with pytest.raises(MedxferError, match=r"monitor=val/auroc has no value .*no image of class 'b'"):
        train_cell(tmp_path, split)


def test_what_is_undefined_is_recorded_with_its_reason(tmp_path: Path, split: str) -> None:
    folder = train_cell(tmp_path, split, "monitor=val/loss")
    record = json.loads((folder / "metrics.json").read_text())
    without_b = "no image of class 'b' in the split"
    assert record["undefined"]["val/auroc"] == without_b
    assert record["undefined"]["val/f1"] == without_b
    assert (record["threshold"], record["threshold_from"]) == (0.5, "fixed")
    both = record["metrics"]["test/sensitivity"] + record["metrics"]["test/specificity"]
    assert record["metrics"]["test/balanced_accuracy"] == pytest.approx(both / 2)
    assert not set(record["metrics"]) & set(record["undefined"])
    assert {"val/accuracy", "val/brier", "test/auroc", "test/calibration_error"} <= set(record["metrics"])
    assert len(read_study(folder.parent.parent).done) == 1
    cell = open_cell(folder)
    table = score(cell, [tmp_path / "in" / "0.png"])
    highest = "ab"[int(table["score_b"][0] > table["score_a"][0])]
    assert table["decision"][0] == highest
    assert cell.rule == "Decision: b where its score is above 0.5000, because validation had one class alone, else a."
    assert cell.model.undefined["val/auroc"] == without_b  # came back with the weights
