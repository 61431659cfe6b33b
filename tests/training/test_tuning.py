"""study.tuned: a value for each arm, picked on validation; a training that diverges is one cell's failure."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from commands import train
from pictures import make_pictures

from medxfer.model.backbone import create_backbone
from medxfer.report import report

RATES = (0.01, 0.1, 1e30)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Two arms × three learning rates, of which one diverges."""
    folder = tmp_path_factory.mktemp("tuned")
    images = make_pictures(folder / "in", n=40)
    torch.save(create_backbone("test_efficientnet", 2, False, seed=123).state_dict(), folder / "own.pth")
    done = train(
        folder, "-m", "data=images", f"data.root={images}",
         "backbone=test_efficientnet", "image_size=32", "batch_size=8", "trainer.max_epochs=2", "logger=none",
         "optimizer=sgd", f"pretrained=file:{folder / 'own.pth'},false", "study.tuned=[lr]",
         "study.metric=auroc", "study.name=tuned", f"lr={','.join(map(str, RATES))}",
    )  # fmt: skip
    return folder / "studies" / "tuned", done


def records(study: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(study.glob("cells/*/metrics.json"))]


def picked(study: Path) -> list[str]:
    return json.loads((study / "verdict.json").read_text())["readings"]["tuned"]


def best_by_validation(study: Path) -> dict[str, float]:
    """Arm → the learning rate with the highest mean validation AUROC, by hand."""
    rows = [{**r["factors"], "val": r["metrics"]["val/auroc"]} for r in records(study)]
    means = pd.DataFrame(rows).astype({"pretrained": str}).groupby(["pretrained", "lr"])["val"].mean()
    return {arm: means[arm].idxmax() for arm in means.index.levels[0]}


def test_a_diverging_training_is_named_with_step_and_rate_and_the_others_go_on(tuned):
    study, done = tuned
    assert done.returncode == 1
    table = pd.read_csv(study / "results.csv")
    assert table.groupby("lr")["status"].unique().map(list).to_dict() == {
        0.01: ["done"], 0.1: ["done"], 1e30: ["failed"],
    }  # fmt: skip
    reasons = [json.loads(path.read_text())["reason"] for path in study.glob("cells/*/failed.json")]
    assert len(reasons) == 2
    assert all("step" in reason and "at learning rate" in reason for reason in reasons)


def test_each_arm_has_the_rate_that_validation_prefers_and_the_report_says_which(tuned):
    study, _ = tuned
    expected = best_by_validation(study)
    sentences = picked(study)
    assert len(sentences) == len(expected) == 2
    for sentence in sentences:
        arm = "False" if "random" in sentence else "file:own.pth"
        assert f"lr={expected[arm]:g}" in sentence
        assert "the best of 3 settings (1 failed) on validation" in sentence
    assert all(sentence in (study / "report.html").read_text() for sentence in sentences)


def test_test_scores_cannot_move_the_choice(tuned):
    study, _ = tuned
    before = picked(study)
    random = np.random.default_rng(0)
    for path in study.glob("cells/*/metrics.json"):
        record = json.loads(path.read_text())
        for name in record["metrics"]:
            if name.startswith("test/"):
                record["metrics"][name] = random.uniform()
        path.write_text(json.dumps(record))
        table = pd.read_parquet(path.with_name("predictions.parquet"))
        test = (table["split"] == "test").to_numpy()
        first = random.uniform(size=test.sum()).astype(np.float32)
        table.loc[test, "score_0"], table.loc[test, "score_1"] = first, 1 - first
        table.to_parquet(path.with_name("predictions.parquet"), index=False)
    report(study, images=False, store_root=study.parent / "none")
    assert picked(study) == before


def test_validation_scores_do(tuned):
    study, _ = tuned
    before = best_by_validation(study)
    for path in study.glob("cells/*/metrics.json"):
        record = json.loads(path.read_text())
        better = record["factors"]["lr"] != before[str(record["factors"]["pretrained"])]
        record["metrics"]["val/auroc"] = float(better)
        path.write_text(json.dumps(record))
    report(study, images=False, store_root=study.parent / "none")
    after = best_by_validation(study)
    assert all(after[arm] != rate for arm, rate in before.items())
    assert all(f"lr={after['False']:g}" in sentence for sentence in picked(study) if "random" in sentence)
