"""A study whose folds are sites: every site is tested by networks that saw none of its patients."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.analysis.synthetic_study import write_study

from medxfer.analysis import compare, read_study
from medxfer.analysis.judge.layer import score_on_test
from medxfer.analysis.judge.scores import stack
from medxfer.analysis.judge.verdict import judge


def study_of(folder: Path, *sites: str, effect: float = 3.0) -> Path:
    return write_study(
        folder, colormaps=("none", "viridis"), pretrained=(True,), seeds=3, sites=sites, declared={"metric": "auroc"},
        effect=lambda factors: effect * (factors["colormap"] == "viridis"),
    )  # fmt: skip


def auroc(path: Path) -> float:
    frame = pd.read_parquet(path).query("split == 'test'")
    one, zero = (frame.loc[frame["label"] == k, "score_1"].to_numpy() for k in (1, 0))
    return float(((one[:, None] > zero) + 0.5 * (one[:, None] == zero)).mean())


def test_sites_weigh_the_same_and_each_has_its_effect(tmp_path: Path) -> None:
    study = read_study(study_of(tmp_path / "s", "A", "B", "C"))
    at = {cell: [auroc(one.folder / "predictions.parquet") for one in cell.folds] for cell in map(_Id, study.cells)}
    for training, reached in at.items():
        assert score_on_test(training.cell, "auroc") == pytest.approx(np.mean(reached))
    verdict = judge(study)
    (finding,) = verdict.primary
    arms = {arm: np.mean([v for k, v in at.items() if k.cell.arm[0] == arm], axis=0) for arm in ("none", "viridis")}
    assert finding.figures.estimate == pytest.approx((arms["viridis"] - arms["none"]).mean())
    assert finding.figures.from_shared_training is not None
    (block,) = [stack(study.cells, [("none", True), ("viridis", True)], lambda cell: cell.arm)]
    given = compare(block.scores, block.labels, [-1, 1], patients=block.patients, folds=block.folds, sites=True)
    figures = (given.estimate, given.se)
    assert figures == pytest.approx((finding.figures.estimate, finding.figures.se))
    assert compare(block.scores, block.labels, [-1, 1], patients=block.patients, folds=block.folds) != given
    table = verdict.tables[0]
    assert table.title == "By hospital"
    found = [one.figures.estimate for one in table.findings if one.figures]
    assert found == pytest.approx(list(arms["viridis"] - arms["none"]))
    assert [one.contrast.rpartition(" · ")[2] for one in table.findings] == ["A", "B", "C"]
    assert "3 sites cannot say what holds at others" in table.note
    assert "a network for each hospital (A, B and C)" in verdict.scope


def test_more_patients_are_not_promised_to_speak_of_other_sites(tmp_path: Path) -> None:
    """The interval is of these sites: patients narrow it, and the number of sites limits what holds elsewhere."""
    (finding,) = judge(read_study(study_of(tmp_path / "s", "A", "B", "C", effect=0.2))).primary
    assert finding.conclusion == "cannot tell"
    assert "2 times the test patients at these hospitals" in finding.outlook
    assert finding.outlook.endswith(
        "More patients at these hospitals say nothing of others: that takes more hospitals."
    )


class _Id:
    """A training by its name, with its folds."""

    def __init__(self, cell) -> None:
        self.cell, self.folds = cell, cell.folds


def test_from_four_sites_on_something_is_said_of_sites_in_general(tmp_path: Path) -> None:
    verdict = judge(read_study(study_of(tmp_path / "s", "A", "B", "C", "D")))
    assert "for sites in general" in verdict.tables[0].note
    assert "cannot say what holds at others" not in verdict.tables[0].note
