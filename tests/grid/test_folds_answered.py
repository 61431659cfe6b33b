"""A grid with folds, trained as a user trains it, and its answer."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import train
from pictures import make_pictures
from test_grid import SMALL, the_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.scores import read_scores


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("folds")
    images = make_pictures(folder / "in", n=40)
    done = train(
        folder, "-m", *SMALL, "trainer.max_epochs=1", "data=images", f"data.root={images}", "data.split.folds=2",
        "colormap=none,viridis", "pretrained=false", "seed=0,1", "study.rq1.within.pretrained=false",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return the_study(folder)


def test_every_patient_has_one_score_a_training(study: Path) -> None:
    trainings = read_study(study).cells
    assert [(len(one.folds), one.status) for one in trainings] == [(2, "done")] * 4
    scores = [read_scores(one) for one in trainings]
    assert len(set(scores[0].images)) == len(scores[0].images) == 40
    assert all((one.images == scores[0].images).all() for one in scores)
    divisions = [one.fold for one in scores]
    assert (divisions[0] == divisions[2]).all()  # arms of a seed share the division
    assert not np.array_equal(divisions[0], divisions[1])


def test_its_answer_is_of_two_trainings_and_all_patients(study: Path) -> None:
    verdict = json.loads((study / "verdict.json").read_text(encoding="utf-8"))
    (finding,) = (finding for answer in verdict["answers"] for finding in answer["findings"])
    figures = finding["figures"]
    assert (figures["trainings"], figures["images"]) == (2, 40)
    assert figures["from_shared_training"] > 0
    assert "at 1/2 of these patients" in verdict["scope"]
    table = pd.read_csv(study / "results.csv")
    assert table["fold"].tolist() == [0, 1] * 4
    assert verdict["cells"] == {"planned": 8, "done": 8, "failed": 0, "missing": 0}
    page = (study / "report.html").read_text(encoding="utf-8")
    assert "test, all folds" in page
