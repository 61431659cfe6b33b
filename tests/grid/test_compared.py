"""A real grid whose study compares a setting and the image size: one study, with two answers of their own."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.analysis import compare, read_predictions, read_study
from medxfer.analysis.judge.verdict import judge
from medxfer.base.config import CONF
from medxfer.grid.around import begin, finish
from medxfer.grid.jobs import Job
from medxfer.grid.rounds import Rounds
from medxfer.training.run import train

CONTRASTS = (
    "study.contrasts=[{compare: finetune, with: full, within: {image_size: 32}}, {compare: image_size, with: 32}]"
)


def test_a_swept_setting_and_another_size_are_compared_in_one_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = make_pictures(tmp_path / "in", n=60)
    common = ["data=images", f"data.root={images}", "backbone=test_efficientnet", "batch_size=8",
              "trainer.max_epochs=1", "logger=none", f"store.root={tmp_path / 'cache'}",
              f"study.root={tmp_path / 'studies'}", "pretrained=false",
              "study.rq1.within.pretrained=false", "study.metric=auroc", CONTRASTS]  # fmt: skip
    with initialize_config_dir(str(CONF), version_base="1.3"):
        bases = {finetune: compose("train", [*common, f"finetune={finetune}"]) for finetune in ("full", "head")}
    grid = [
        (base, {"seed": seed, "image_size": size}) for seed, size, base in product((0, 1), (32, 48), bases.values())
    ]
    jobs = [Job(base, values) for base, values in grid]
    begun = begin(jobs, "python -m medxfer.train -m")
    assert len(begun.studies) == 1
    for job in jobs:
        train(job.config())
    assert finish(Rounds(begun))
    said = capsys.readouterr().out
    assert "image size  finetune" in " ".join(said.split("\n")[:40]).replace("   ", "  ")

    study = read_study(begun.studies[0].folder)
    found = {answer.question: answer.findings for answer in judge(study).answers}
    assert {name: len(findings) for name, findings in found.items()} == {
        "RQ1": 0, "RQ2": 0, "finetune": 1, "image_size": 1
    }  # fmt: skip
    small = [cell for cell in study.done if cell.factors["image_size"] == 32]
    runs = [
        [read_predictions(cell.folder) for cell in small if cell.factors["finetune"] == level]
        for level in ("head", "full")
    ]
    scores = np.array([[run.scores[:, 1] for run in of_level] for of_level in runs])
    first = runs[0][0]
    expected = compare(scores, first.labels, [1, -1], "auroc", first.patients)
    figures = found["finetune"][0].figures
    assert figures.estimate == pytest.approx(expected.estimate)
    assert figures.se == pytest.approx(expected.se)
