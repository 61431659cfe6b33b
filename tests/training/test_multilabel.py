"""A multi-label data set, whole: stratified split, sigmoids, metrics a label, predictions, verdict and page."""

import json

import numpy as np
import pandas as pd
import pytest
from pictures import make_pictures
from releases import compose_cell

from medxfer.report import report
from medxfer.training.run import train

FINDINGS = ["edema", "mass", "nodule"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Gray and viridis, two trainings each, on random pictures."""
    folder = tmp_path_factory.mktemp("multilabel")
    root = make_pictures(folder / "in", n=80)
    table = pd.read_csv(root / "labels.csv").drop(columns="label")
    draws = np.random.default_rng(0).random((80, 3)) < (0.5, 0.3, 0.2)
    table.join(pd.DataFrame(draws.astype(int), columns=FINDINGS)).to_csv(root / "labels.csv", index=False)
    arguments = ["data=images", f"data.root={root}", f"data.label=[{','.join(FINDINGS)}]", "study.metric=auroc",
                 "study.rq1.within.pretrained=false"]  # fmt: skip
    for colormap in ("none", "viridis"):
        for seed in (0, 1):
            train(compose_cell(folder, *arguments, f"colormap={colormap}", f"seed={seed}"))
    (found,) = (folder / "studies").iterdir()
    return found


def test_every_label_is_in_every_part(study):
    split = pd.read_parquet(next((study / "splits").iterdir()))
    assert split.groupby("patient")["part"].nunique().max() == 1
    for path in study.glob("cells/*/predictions.parquet"):
        table = pd.read_parquet(path)
        for part in ("val", "test"):
            labels = table.loc[table["split"] == part, [f"label_{i}" for i in range(3)]]
            assert (labels.sum() > 0).all()
            assert (labels.sum() < len(labels)).all()


def test_scores_are_a_probability_for_each_label_and_metrics_are_means_over_labels(study):
    for cell in (study / "cells").iterdir():
        record = json.loads((cell / "metrics.json").read_text())
        assert (record["task"], record["classes"]) == ("multilabel", FINDINGS)
        assert (record["threshold"], record["threshold_from"]) == (0.5, "fixed")  # of each label
        table = pd.read_parquet(cell / "predictions.parquet").query("split == 'test'")
        scores = table[[f"score_{i}" for i in range(3)]].to_numpy()
        assert ((scores > 0) & (scores < 1)).all()
        assert not np.allclose(scores.sum(1), 1)
        metrics = record["metrics"]
        by_label = [metrics[f"test/auroc/{name}"] for name in FINDINGS]
        assert metrics["test/auroc"] == pytest.approx(np.mean(by_label), abs=1e-6)


def test_the_verdict_is_the_mean_over_labels_of_trainings_and_patients(study):
    report(study)
    verdict = json.loads((study / "verdict.json").read_text())
    (finding,) = verdict["answers"][0]["findings"]
    cells = [json.loads(path.read_text()) for path in study.glob("cells/*/metrics.json")]
    mean = {
        colormap: np.mean([c["metrics"]["test/auroc"] for c in cells if c["factors"]["colormap"] == colormap])
        for colormap in ("none", "viridis")
    }
    assert finding["figures"]["estimate"] == pytest.approx(mean["viridis"] - mean["none"], abs=1e-6)
    assert finding["figures"]["low"] < finding["figures"]["estimate"] < finding["figures"]["high"]
    page = (study / "report.html").read_text()
    assert all(name in page for name in FINDINGS)
