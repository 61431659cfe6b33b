"""The table at the terminal: a row an arm, and the folds of a training are one training."""

import re
from pathlib import Path

import pytest
from synthetic_study import write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.layer import score_on_test
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.out.summary import print_summary


@pytest.mark.parametrize("folds", [0, 3])
def test_an_arm_has_its_trainings_and_their_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str], folds: int):
    folder = write_study(tmp_path / "s", seeds=2, **({"folds": folds} if folds else {}))
    study = read_study(folder)
    print_summary(study, judge(study), folder / "report.html")
    rows = re.findall(r"^(none|viridis|inferno) .*? (0\.\d{3}) .* (\d+) done$", capsys.readouterr().out, re.MULTILINE)
    assert rows
    assert {trainings for _, _, trainings in rows} == {"2"}
    first = [one for one in study.cells if one.arm == study.cells[0].arm]
    mean = sum(score_on_test(one, study.declared.metric) for one in first) / len(first)
    assert rows[0][1] == f"{mean:.3f}"
