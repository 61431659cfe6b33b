"""The study's answer at W&B, read by W&B's own reader: one run, made again in place, with nothing private."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from analysis.synthetic_study import write_study

from medxfer.analysis import public_files
from medxfer.grid import answered
from medxfer.grid.answered import answer_study
from medxfer.study.folder import Study
from medxfer.training.wandb_report import Place, place_of
from medxfer.training.wandb_start import offline_hint

FILES = {"results.csv", "verdict.json", "table.md", "table.tex", "methods.md", "references.bib", "report.html"}
AT_WANDB = "logger:\n  project: colours\n  entity: null\n  wandb:\n    project: colours\n    entity: hospital\n"


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    """A finished study whose cells have their curves at W&B."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = write_study(tmp_path / "lungs", seeds=3, effect=lambda one: 0.5 * (one["colormap"] == "viridis"))
    logged_by(folder, AT_WANDB)
    return Study(folder)


def logged_by(folder: Path, config: str) -> None:
    for cell in folder.glob("cells/*"):
        (cell / "config.yaml").write_text(config)


def inspect(run: Path, *options: str) -> str:
    command = [str(Path(sys.executable).parent / "wandb"), "leet", "inspect", *options, "--json", str(run)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_answer_is_one_run_of_the_study_beside_those_of_its_cells_and_names_no_folder(study, tmp_path):
    verdict = answer_study(study)
    (run,) = study.folder.glob("wandb/offline-run-*")
    about = json.loads(inspect(run, "--summary"))
    assert (about["state"], about["exit_code"]) == ("finished", 0)
    assert about["summary"]["RQ1/answer"] == verdict.answers[0].headline
    finding = verdict.primary[0]
    key = f"{finding.question}/{finding.contrast}"
    assert float(about["summary"][f"{key}/difference"]) == pytest.approx(finding.figures.estimate)
    assert float(about["summary"][f"{key}/p"]) == pytest.approx(finding.figures.p_adjusted)
    records = [json.loads(line) for line in inspect(run).splitlines()]
    (started,) = [one["run"] for one in records if one["type"] == "run"]
    assert (started["project"], started["entity"], started["run_group"]) == ("colours", "hospital", "lungs")
    assert started["job_type"] == "report"
    assert verdict.answers[0].headline in started["notes"]
    (artifact,) = [one["artifact"] for one in records if one["type"] == "artifact"]
    contents = {one["path"]: one["local_path"] for one in artifact["manifest"]["contents"]}
    assert set(contents) == FILES
    for name, path in contents.items():  # relative to the study's folder, wherever that is moved
        assert (study.folder / path).read_text() == (study.folder / name).read_text()
    (file,) = run.glob("*.wandb")
    for secret in (str(tmp_path), str(Path.home()), sys.executable):
        assert secret.encode() not in file.read_bytes()


def test_a_report_that_is_made_again_takes_the_first_one_s_place(study):
    answer_study(study)
    (first,) = study.folder.glob("wandb/offline-run-*")
    earlier = first.with_name(first.name.replace("offline-run-2", "offline-run-1"))  # W&B names them by the second
    shutil.move(first, earlier)
    answer_study(study)
    (again,) = study.folder.glob("wandb/offline-run-*")
    assert again.name.endswith("-lungs-report")
    assert again.name != earlier.name


def test_pictures_of_patients_stay_here(study, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")  # the page alone
    answer_study(study)
    page = (study.folder / "report.html").read_text()
    (study.folder / "report.html").write_text(page.replace("</main>", "PICTURE</main>") + "PICTURE")
    assert "PICTURE" in public_files(study.folder, images=False)["report.html"]
    without = public_files(study.folder, images=True)
    assert set(without) == FILES
    assert "PICTURE" not in without["report.html"]
    assert "RQ1" in without["report.html"]


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (AT_WANDB, Place("colours", "hospital")),
        ("logger:\n  kind: wandb\n  project: older\n  entity: null\n", Place("older", None)),
        ("logger:\n  kind: csv\n", None),
        ("logger:\n  csv:\n    _target_: x\n", None),
        ("logger: {}\n", None),
    ],
)
def test_it_goes_where_the_curves_are(study, config, place):
    logged_by(study.folder, config)
    assert place_of(study) == place


def test_without_curves_at_wandb_it_goes_nowhere(study):
    logged_by(study.folder, "logger:\n  kind: csv\n")
    answer_study(study)
    assert not (study.folder / "wandb").exists()


def test_wandb_s_own_switch_turns_it_off(study, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    answer_study(study)
    assert not list(study.folder.glob("wandb/*run-*"))


def test_what_wandb_does_not_take_is_said_and_the_answer_is_there(study, monkeypatch):
    def refuse(*_):
        raise OSError("no network")

    said = []
    monkeypatch.setattr(answered, "send_answer", refuse)
    monkeypatch.setattr("medxfer.base.display.display.say", said.append)
    assert answer_study(study).answers
    assert (study.folder / "report.html").is_file()
    assert [text for text in said if "W&B does not have the answer (OSError)" in text]


def test_the_hint_names_the_runs_that_were_not_sent(study):
    runs = [study.folder / "wandb" / f"offline-run-2026_{number}-cell{number}" for number in range(3)]
    assert offline_hint(study) is None
    for run in runs:
        run.mkdir(parents=True)
        (run / f"run-{run.name[-5:]}.wandb").touch()
    assert offline_hint(study) == f"cd {study.folder} && wandb sync wandb/offline-run-*"
    for run in runs[:2]:  # as `wandb sync` marks them
        (run / f"run-{run.name[-5:]}.wandb.synced").touch()
    assert offline_hint(study) == f"cd {study.folder} && wandb sync wandb/{runs[2].name}"
    listed = subprocess.run(
        [str(Path(sys.executable).parent / "wandb"), "sync", "--dry-run", *map(str, runs)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = listed.stdout + listed.stderr
    assert "Skipped 2 synced run(s)" in said  # the same mark as W&B's
    (runs[2] / f"run-{runs[2].name[-5:]}.wandb.synced").touch()
    assert offline_hint(study) is None
