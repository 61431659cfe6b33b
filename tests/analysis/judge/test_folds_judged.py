"""A study whose trainings have a cell for each fold of patients."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.analysis.synthetic_study import write_study

from medxfer.analysis import answer, compare, read_study
from medxfer.analysis.judge.evidence import weigh
from medxfer.analysis.judge.layer import score_on_test
from medxfer.analysis.judge.looking import looked_at, next_look
from medxfer.analysis.judge.results_table import results_table
from medxfer.analysis.judge.scores import read_scores, stack
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import judge
from medxfer.base.errors import MedxferError

CONTRAST = {("viridis", True): 1.0, ("none", True): -1.0}


def better(factors: dict) -> float:
    return 3.0 * (factors["colormap"] == "viridis")


@pytest.mark.parametrize("metric", ["auroc", "balanced_accuracy", "accuracy", "brier"])
def test_the_verdict_has_the_numbers_of_compare(tmp_path: Path, metric: str) -> None:
    declared = {"metric": metric, "threshold": "validation"}
    folder = write_study(
        tmp_path / "s", colormaps=("none", "viridis"), seeds=3, folds=5, effect=better, declared=declared
    )
    study = read_study(folder)
    (cells,) = select(study).values()
    block = stack(cells, [("viridis", True), ("none", True)], lambda cell: cell.arm)
    assert (block.scores.shape, block.folds.shape) == ((2, 3, 120), (2, 3, 120))
    assert len(np.unique(block.folds[0], axis=0)) == 3  # each seed has its own division
    assert (block.folds[0] == block.folds[1]).all()
    found = weigh([cells], CONTRAST, study.declared)
    wanted = compare(
        block.scores, block.labels, [1, -1], metric, block.patients, threshold=block.thresholds, folds=block.folds
    )
    assert found.figures.estimate == pytest.approx(wanted.estimate)
    assert float(found.effect.patients.variance) == pytest.approx(float(wanted.effect.patients.variance))
    assert found.effect.shared_training == pytest.approx(wanted.effect.shared_training)
    assert found.effect.shared_training > 0
    assert (found.figures.patients, found.figures.images, found.figures.trainings) == (60, 120, 3)


def test_every_patient_is_tested_once_a_training(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=2, folds=5))
    assert [len(training.folds) for training in study.cells] == [5] * 8
    scores = [read_scores(training) for training in study.cells]
    assert all((one.images == scores[0].images).all() and (one.labels == scores[0].labels).all() for one in scores)
    assert len(set(scores[0].images)) == len(scores[0].images) == 120
    assert scores[0].fold is not None
    for image, fold in zip(scores[0].images[:9], scores[0].fold[:9], strict=True):
        cell = study.cells[0].folds[fold]
        assert scores[0].threshold[0] == cell.threshold
        frame = pd.read_parquet(cell.folder / "predictions.parquet")
        assert image in set(frame["image"])


def test_a_table_has_a_row_for_each_fold(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=2, folds=3))
    table = results_table(study)
    assert len(table) == 24
    assert table["fold"].tolist() == [0, 1, 2] * 8
    assert table["test/auroc"].notna().all()
    assert "fold" not in results_table(read_study(write_study(tmp_path / "one", seeds=1)))


def test_what_a_trainings_folds_share(tmp_path: Path) -> None:
    training = read_study(write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=1, folds=5)).cells[0]
    of_folds = [fold.metrics for fold in training.folds]
    assert training.metrics["val/auroc"] == pytest.approx(np.mean([one["val/auroc"] for one in of_folds]))
    assert "test/auroc" not in training.metrics
    assert training.record["data"]["images"]["test"] == 120
    assert training.record["timings"]["total_s"] == pytest.approx(5 * 13.4)
    within = compare_by_hand(training)
    assert score_on_test(training, "auroc") == pytest.approx(within)


def compare_by_hand(training) -> float:
    """All pairs within a fold, each counted once."""
    won = pairs = 0.0
    for fold in training.folds:
        frame = pd.read_parquet(fold.folder / "predictions.parquet").query("split == 'test'")
        one, zero = (frame.loc[frame["label"] == k, "score_1"].to_numpy() for k in (1, 0))
        won += (one[:, None] > zero).sum() + 0.5 * (one[:, None] == zero).sum()
        pairs += len(one) * len(zero)
    return won / pairs


def test_a_training_is_done_only_with_all_its_folds(tmp_path: Path) -> None:
    lost = {"colormap": "viridis", "pretrained": True, "seed": 1}
    folder = write_study(
        tmp_path / "s", colormaps=("none", "viridis"), seeds=2, folds=3,
        missing=[{**lost, "fold": 0}, {**lost, "fold": 2}], failed=[{**lost, "pretrained": False, "fold": 1}],
    )  # fmt: skip
    study = read_study(folder)
    missing, failed = study.unfinished
    assert (missing.status, missing.reason) == ("missing", "folds 0 and 2 of 3 not trained")
    assert (failed.status, failed.reason) == ("failed", "fold 1 failed: out of <memory>")
    assert failed.name.endswith("and 2 other folds")
    verdict = judge(study)
    assert verdict.cells == {"planned": 24, "done": 21, "failed": 1, "missing": 2}
    assert not verdict.complete
    assert verdict.notices[0].startswith("Incomplete: 2 of 8 trainings not done")
    colour, weights = verdict.primary
    assert (colour.conclusion, weights.conclusion) == ("incomplete", "cannot tell")
    assert colour.figures.trainings == 1


def test_folds_that_are_not_planned_are_named(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=1, folds=3)
    for path in (folder / "cells").glob("*"):
        record = (path / "metrics.json").read_text()
        (path / "metrics.json").write_text(record.replace('"folds": 3', '"folds": 5'))
    assert read_study(folder).cells[0].reason == "folds 3 and 4 of 5 not planned"


def test_an_image_that_two_folds_test_is_refused(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=2, folds=3)
    training = read_study(folder).cells[0]
    first, second, _ = (fold.folder / "predictions.parquet" for fold in training.folds)
    pd.concat([pd.read_parquet(first), pd.read_parquet(second)]).to_parquet(second)
    with pytest.raises(MedxferError, match="images twice"):
        read_scores(training)


def test_looks_count_whole_trainings(tmp_path: Path) -> None:
    declared = {"looks": [2, 3], "metric": "auroc"}
    lost = {"colormap": "none", "seed": 2, "fold": 1}
    folder = write_study(
        tmp_path / "s", colormaps=("none", "viridis"), seeds=3, folds=3, declared=declared, missing=[lost]
    )
    look = next_look(folder)
    assert look.seeds == 3
    verdict = judge(read_study(folder))
    assert (verdict.cells["waiting"], verdict.cells["missing"]) == (10, 2)
    table = results_table(looked_at(read_study(folder)))
    assert table.loc[table["seed"] == 2, "test/auroc"].isna().all()  # of finished folds too
    assert [f.figures.look.seeds for f in verdict.primary if f.figures and f.figures.look] == [2, 2]


def test_the_page_and_the_texts_say_what_folds_estimate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), seeds=2, folds=5, declared={"metric": "auroc"})
    verdict = answer(folder)
    row = next(line for line in capsys.readouterr().out.splitlines() if line.split()[:2] == ["none", "true"])
    reached = next(one.metrics["auroc"].mean for one in verdict.arms if one.arm == ("none", True))
    assert row.split()[2] == f"{reached:.3f}"  # within folds, as the answer takes it
    assert row.endswith("2 done")  # trainings, not cells
    assert "every patient is tested once" in verdict.scope
    assert "at 4/5 of these patients" in verdict.scope
    assert "same training images" not in verdict.scope
    figures = verdict.primary[0].figures
    assert figures.from_shared_training is not None
    assert 0 < figures.from_shared_training < 1
    assert verdict.primary[0].simulated is None
    page, methods = ((folder / name).read_text(encoding="utf-8") for name in ("report.html", "methods.md"))
    assert "of it, shared training patients" in page
    assert "test, all folds" in page
    assert "divided into 5 folds" in methods
    assert "The parts were the same" not in methods
    assert "Because tested patients also trained" in methods
