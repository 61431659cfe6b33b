"""W&B, as a user without a key has it: offline, a run a cell, finished, and as failed where the cell failed."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import wandb
from cells import small_config, train_small
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.training import wandb_start
from medxfer.training.callbacks import EpochBar
from medxfer.training.run import train
from medxfer.training.settings.checked import checked
from medxfer.training.wandb_start import PROBE


def inspect(run: Path) -> dict:
    """What the run's file holds, by W&B's own reader."""
    command = [str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--summary", "--json", str(run)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.fixture
def run_cell(tmp_path, monkeypatch):
    """Train a tiny cell with W&B and return its run's folder."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    images = make_pictures(tmp_path / "in", n=40)

    def run(*overrides: str) -> Path:
        common = ["data=images", f"data.root={images}", "backbone=test_efficientnet", "pretrained=false",
                  "batch_size=8", "image_size=32", "trainer.max_epochs=1", f"store.root={tmp_path / 'cache'}",
                  f"study.root={tmp_path / 'studies'}"]  # fmt: skip
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", [*common, *overrides])
        try:
            train(config)
        finally:
            (folder,) = tmp_path.glob("studies/*/wandb/offline-run-*")
            run.folder = folder
        return folder

    return run


def test_a_finished_cell_is_a_finished_run_with_its_factors(run_cell):
    folder = run_cell("colormap=viridis")
    about = inspect(folder)
    assert (about["state"], about["exit_code"]) == ("finished", 0)
    assert (about["config"]["colormap"], about["config"]["pretrained"]) == ("viridis", False)
    assert "test/accuracy" in about["summary"]
    assert about["run_id"] in folder.name


def test_with_declared_looks_no_test_result_leaves_the_cell(run_cell, tmp_path):
    folder = run_cell("study.looks=[2,3]")
    summary = inspect(folder)["summary"]
    assert "val/auroc" in summary
    assert not [name for name in summary if name.startswith("test/")]
    assert "test/auroc" in json.loads(next(tmp_path.glob("studies/*/cells/*/metrics.json")).read_text())["metrics"]


def test_a_failed_cell_is_a_failed_run_and_says_why(run_cell, tmp_path):
    with pytest.raises(MedxferError, match="not finite"):
        run_cell("lr=1e30", "optimizer=sgd", "trainer.max_epochs=3")
    assert inspect(run_cell.folder)["exit_code"] == 1
    (failed,) = tmp_path.glob("studies/*/cells/*/failed.json")
    assert "learning rate" in json.loads(failed.read_text())["reason"]


def test_nothing_of_the_machine_or_its_paths_is_in_the_run(run_cell, tmp_path):
    folder = run_cell()
    content = next(folder.glob("*.wandb")).read_bytes()
    for secret in (str(tmp_path), str(Path.home()), sys.executable):
        assert secret.encode() not in content
    assert not list(folder.glob("files/*"))


@pytest.mark.parametrize("told", [True, False], ids=["W&B raises", "W&B says nothing"])
def test_a_full_disk_costs_curves_and_no_training(run_cell, tmp_path, monkeypatch, capsys, told):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    started = []

    def write_bytes(path: Path, data: bytes, write=Path.write_bytes) -> int:
        if path.name == PROBE and started:
            refuse()
        started.append(path)
        return write(path, data)

    if told:
        monkeypatch.setattr(wandb.sdk.wandb_run.Run, "log", refuse)
        monkeypatch.setattr(wandb.sdk.wandb_run.Run, "finish", refuse)
    else:
        monkeypatch.setattr(Path, "write_bytes", write_bytes)
    run_cell("trainer.max_epochs=2")
    (record,) = tmp_path.glob("studies/*/cells/*/metrics.json")
    assert len(json.loads(record.read_text())["epochs"]) == 2
    assert not list(tmp_path.glob("studies/*/cells/*/failed.json"))
    said = " ".join(capsys.readouterr().out.split())
    assert said.count(f"W&B lacks curves of {record.parent.name} (No space left on device): the training goes on") == 1


def test_where_the_disk_is_full_before_the_run_w_and_b_is_not_started_and_the_cell_is_whole(
    tmp_path, monkeypatch, capfd
):
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(wandb_start, "check_disk", full)
    monkeypatch.setattr(wandb, "init", lambda **_: pytest.fail("W&B was started"))
    cell, _ = train_small(tmp_path, "logger=wandb", "trainer.max_epochs=1")
    assert (cell / "metrics.json").is_file()
    said = capfd.readouterr()
    assert " ".join(said.out.split()).count("W&B lacks curves of") == 1
    assert "Traceback" not in said.err


def test_a_disk_is_asked_by_a_file_that_does_not_stay(tmp_path):
    with pytest.raises(FileNotFoundError):
        wandb_start.check_disk(tmp_path / "gone" / "wandb")
    wandb_start.check_disk(tmp_path / "wandb")
    assert not list((tmp_path / "wandb").iterdir())


@pytest.fixture
def answers(monkeypatch):
    """Sets whether W&B's server answers; nothing of this process goes there."""
    for cached in (wandb_start._answers, wandb_start._say_offline):
        cached.cache_clear()

    def answering(answer: bool) -> list[str]:
        asked = []

        def head(server, timeout):
            asked.append(server)
            if not answer:
                raise requests.ConnectionError

        monkeypatch.setattr(requests, "head", head)
        return asked

    yield answering
    for cached in (wandb_start._answers, wandb_start._say_offline):
        cached.cache_clear()
    wandb.teardown()  # W&B keeps the key and the mode that it read first, for every later run of the process


@pytest.mark.parametrize(
    ("asked", "key", "answer", "mode"),
    [
        (None, None, True, "offline"),
        (None, "0123", True, "online"),
        (None, "0123", False, "offline"),
        ("online", None, False, "offline"),
        ("Disabled", "0123", False, "disabled"),
        (" OFFLINE ", "0123", True, "offline"),
    ],
)
def test_it_is_online_with_a_key_and_an_answer_and_the_environment_decides(
    monkeypatch, answers, asked, key, answer, mode
):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    if asked:
        monkeypatch.setenv("WANDB_MODE", asked)
    monkeypatch.setattr(wandb, "api", SimpleNamespace(api_key=key))
    answers(answer)
    assert wandb_start.wandb_mode() == mode


def test_its_server_is_asked_once(monkeypatch, answers):
    monkeypatch.setenv("WANDB_MODE", "online")
    asked = answers(False)
    assert [wandb_start.wandb_mode() for _ in range(3)] == ["offline"] * 3
    assert len(asked) == 1


def test_a_mode_that_it_does_not_have_is_answered_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "ofline")
    with pytest.raises(MedxferError, match="unknown WANDB_MODE 'ofline': did you mean offline"):
        checked(small_config(tmp_path, "logger=wandb"))


def test_a_key_that_is_refused_leaves_the_run_offline(run_cell, monkeypatch, answers):
    answers(True)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "short")
    said = []
    monkeypatch.setattr("medxfer.base.display.display.note", said.append)
    assert inspect(run_cell())["state"] == "finished"
    assert [text for text in said if "W&B takes no runs" in text and "kept offline" in text]


def test_two_studies_of_equal_settings_have_runs_of_their_own(run_cell, tmp_path):
    first = inspect(run_cell("study.name=first"))["run_id"]
    shutil.rmtree(tmp_path / "studies" / "first" / "wandb")
    second = inspect(run_cell("study.name=second"))["run_id"]
    assert first != second


def test_a_run_of_the_notebook_s_own_stays_open(run_cell, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    own = wandb.init(project="own", dir=str(tmp_path), settings=wandb.Settings(silent=True))
    run_cell()
    own.log({"still": 1})
    own.finish()
    assert inspect(Path(own.dir).parent)["summary"]["still"] == 1


def test_the_summary_has_the_tested_epoch(run_cell, tmp_path):
    """With a learning rate at which the last epoch is not the best."""
    summary = inspect(run_cell("lr=3", "optimizer=sgd", "warmup=0", "monitor=val/auroc", "trainer.max_epochs=6"))[
        "summary"
    ]
    (path,) = tmp_path.glob("studies/*/cells/*/metrics.json")
    record = json.loads(path.read_text())
    assert record["best_epoch"] < 5
    for name in ("val/loss", "val/auroc"):
        assert float(summary[name]) == pytest.approx(record["metrics"][name])


def records(folder: Path) -> list[dict]:
    """Every record of a run's file, by W&B's own reader."""
    command = [str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--json", str(folder)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_the_dashboard_can_group_filter_and_draw(run_cell):
    folder = run_cell("colormap=viridis")
    found = records(folder)
    (run,) = [record["run"] for record in found if record["type"] == "run"]
    assert run["run_group"] == folder.parent.parent.name  # the study
    assert run["job_type"] == "viridis × random"
    assert run["tags"] == ["images", "test_efficientnet", "viridis"]
    config = run["config"]["update"]
    assert config["settings"]["monitor"] == "val/auroc"
    assert "${" not in json.dumps(config)
    metrics = {metric.get("name") or metric["glob_name"]: metric for metric in
               (record["metric"] for record in found if record["type"] == "metric")}  # fmt: skip
    assert metrics["val/*"]["step_metric"] == "epoch"
    assert not [record for record in found if record["type"] == "stats"]


def test_a_resumed_cell_is_one_run_with_steps_that_go_on(run_cell, tmp_path, monkeypatch):
    def interrupt(number, frame):
        raise SystemExit(128 + number)

    def send(self, trainer, *_):
        if trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(EpochBar, "on_validation_epoch_start", send)
            with pytest.raises(SystemExit):
                run_cell("trainer.max_epochs=3")
    finally:
        signal.signal(signal.SIGTERM, previous)
    time.sleep(1)  # W&B names folders by the second
    with contextlib.suppress(ValueError):  # there are two folders now
        run_cell("trainer.max_epochs=3")
    first, second = sorted(tmp_path.glob("studies/*/wandb/offline-run-*"))
    about = [inspect(folder) for folder in (first, second)]
    assert about[0]["run_id"] == about[1]["run_id"]
    assert [one["exit_code"] for one in about] == [1, 0]
    assert any(record["type"] == "preempting" for record in records(first))
    steps = [[record["history"]["step"]["num"] for record in records(folder) if record["type"] == "history"]
             for folder in (first, second)]  # fmt: skip
    assert steps[0] == sorted(steps[0])
    assert max(steps[0]) < min(steps[1])
