"""The W&B workspace's specification, as it would be sent; no server and no key are needed to look at it."""

import json
import os
import subprocess
import sys

import pytest
from synthetic_study import write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.out import workspace as module
from medxfer.base.errors import MedxferError
from medxfer.dashboard import main


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "lungs"
    return write_study(folder, seeds=3, effect=lambda factors: 0.5 * (factors["colormap"] == "viridis"))


@pytest.fixture(scope="module")
def specification(study):
    pytest.importorskip("wandb_workspaces")
    records = read_study(study)
    made = module.workspace(records, judge(records), "hospital", "colours")
    return json.loads(made._to_model().model_dump_json(by_alias=True, exclude_none=True))


def panels(specification, kind: str) -> list[dict]:
    sections = specification["spec"]["section"]["panelBankConfig"]["sections"]
    return [panel for section in sections for panel in section["panels"] if panel["viewType"] == kind]


def test_it_shows_this_studys_runs_grouped_by_arm(specification):
    assert (specification["entity"], specification["project"]) == ("hospital", "colours")
    (runs,) = specification["spec"]["section"]["runSets"]
    group, kind = runs["filters"]["filters"]
    assert (kind["key"], kind["op"], kind["value"]) == ({"section": "run", "name": "jobType"}, "!=", "report")
    assert (group["key"], group["op"], group["value"]) == ({"section": "run", "name": "group"}, "=", "lungs")
    assert runs["grouping"] == [
        {"section": "config", "name": "colormap.value"}, {"section": "config", "name": "pretrained.value"},
    ]  # fmt: skip


def test_its_panels_are_bars_curves_parallel_coordinates_and_the_answer(specification):
    (bars,) = panels(specification, "Bar Chart")
    assert bars["config"]["metrics"] == ["test/balanced_accuracy"]
    curves = panels(specification, "Run History Line Plot")
    assert [curve["config"]["metrics"] for curve in curves] == [["val/balanced_accuracy"], ["train/loss"], ["val/loss"]]
    assert all(curve["config"]["xAxis"] == "epoch" for curve in curves)
    (parallel,) = panels(specification, "Parallel Coordinates Plot")
    axes = [column["accessor"] for column in parallel["config"]["columns"]]
    assert axes == [
        *(f"config:{key}.value" for key in ("colormap", "pretrained", "seed")),
        "summary:test/balanced_accuracy",
    ]
    (answer,) = panels(specification, "Markdown Panel")
    assert "RQ1" in answer["config"]["value"]
    assert "viridis" in answer["config"]["value"]


def test_without_a_key_it_is_one_sentence(study, tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")}
    done = subprocess.run(
        [sys.executable, "-m", "medxfer.dashboard", f"study={study}", "entity=hospital", "project=colours"],
        env={**environment, "HOME": str(tmp_path), "WANDB_BASE_URL": "http://127.0.0.1:9"}, cwd=tmp_path,
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: W&B did not take the workspace")
    assert "wandb login" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "usage"), (["study=x", "entity=e"], "usage"), (["study=x", "entiti=e"], "did you mean entity"),
     (["study=nowhere", "entity=e", "project=p"], "nowhere")],
)  # fmt: skip
def test_each_slip_is_one_sentence(capsys, arguments, words):
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_without_its_package_it_says_so(study, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    records = read_study(study)
    with pytest.raises(MedxferError, match=r"pip install 'medxfer\[dashboard\]'"):
        module.workspace(records, judge(records), "e", "p")
