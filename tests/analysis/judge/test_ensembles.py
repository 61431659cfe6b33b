from pathlib import Path

import numpy as np
import pytest
from synthetic_study import write_study

from medxfer.analysis import compare, read_study
from medxfer.analysis.judge.ensembles import ensembles
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.scores import read_predictions
from medxfer.analysis.page.ensemble_table import ensemble_section


def test_an_ensemble_is_the_mean_of_probabilities_judged_over_patients(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path / "s", seeds=3, colormaps=("none", "viridis"), pretrained=(True,)))
    gray, viridis, both = ensembles(Judge(study))
    assert [one.arms for one in (gray, both)] == [(("none", True),), (("none", True), ("viridis", True))]
    runs = [read_predictions(cell.folder) for cell in study.done]
    means = [np.mean([run.scores[:, 1] for run in of], axis=0) for of in (runs, runs[:3])]
    found = compare(np.stack(means)[:, None], runs[0].labels, [1, -1], patients=runs[0].patients)
    assert both.gain.mean == pytest.approx(found.estimate)
    assert (both.gain.low, both.gain.high) == pytest.approx((found.low, found.high))
    assert gray.gain is None
    assert (gray.networks, both.networks) == (3, 6)
    assert gray.auroc.low < gray.auroc.mean < gray.auroc.high
    assert gray.auroc.mean > gray.single
    assert viridis.single == pytest.approx(np.mean([cell.score("test/auroc") for cell in study.done[3:]]))


def test_one_training_has_no_ensemble_but_with_gray(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path / "s", seeds=1, classes=3))
    assert [len(one.arms) for one in ensembles(Judge(study))] == [2] * 4


def test_a_class_without_patients_has_none(tmp_path: Path) -> None:
    assert ensembles(Judge(read_study(write_study(tmp_path / "s", seeds=2, patients=2)))) == []


def test_with_folds_the_page_says_why_there_is_none(tmp_path: Path) -> None:
    (section,) = ensemble_section(read_study(write_study(tmp_path / "s", seeds=2, folds=3)))
    assert section.tables == ()
    assert "No ensemble is shown where patients are divided in folds" in section.text[0]
