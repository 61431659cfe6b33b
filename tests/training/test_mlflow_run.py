"""MLflow, on a real server with SQLite: a run a cell, continued, finished or failed, and nothing private."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cells import small_config
from pictures import make_pictures

from medxfer.base.errors import MedxferError
from medxfer.training.settings.checked import checked

SMALL = [
    "data=images", "backbone=test_efficientnet", "pretrained=false", "image_size=32", "batch_size=8",
    "logger=mlflow", "study.name=s",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A server's address and its database."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/m.db", "--artifacts-destination", f"{folder}/artifacts",
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, process_group=0)  # fmt: skip
    uri = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.5)
    yield uri, folder / "m.db"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(60)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    if not (folder / "in").exists():
        make_pictures(folder / "in", n=40)
    return subprocess.Popen(
        [sys.executable, "-m", "medxfer.train", *SMALL, "data.root=in", *arguments], cwd=folder, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
def test_runs_are_named_continued_and_ended_as_their_cells(server, tmp_path):
    from mlflow import MlflowClient

    uri, database = server
    client = MlflowClient(uri)

    def the_run(colormap: str):
        experiment = client.get_experiment_by_name("s")
        (run,) = client.search_runs([experiment.experiment_id], f"params.colormap = '{colormap}'")
        return run

    def steps(run, metric: str) -> list[int]:
        return [point.step for point in client.get_metric_history(run.info.run_id, metric)]

    killed = start(tmp_path, f"logger.uri={uri}", "colormap=viridis", "trainer.max_epochs=30")
    while not list(tmp_path.glob("studies/s/cells/*/checkpoints/last.ckpt")):
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    run = the_run("viridis")
    assert run.info.status == "RUNNING"
    done = start(tmp_path, f"logger.uri={uri}", "colormap=viridis", "trainer.max_epochs=30")
    _, err = done.communicate(timeout=600)
    assert done.returncode == 0, err
    assert not err
    again = the_run("viridis")
    (cell,) = (tmp_path / "studies" / "s" / "cells").iterdir()
    assert (again.info.run_id, again.info.run_name, again.info.status) == (run.info.run_id, cell.name, "FINISHED")
    assert again.data.params.items() >= {"colormap": "viridis", "pretrained": "False", "seed": "0"}.items()
    assert "test/accuracy" in again.data.metrics
    assert len(set(steps(again, "val/loss"))) == 30

    arguments = ("trainer.max_epochs=30", "lr=1e30", "optimizer=sgd", "study.name=failing")
    failed = start(tmp_path, f"logger.uri={uri}", *arguments)
    failed.communicate(timeout=600)
    assert failed.returncode == 1
    (run,) = client.search_runs([client.get_experiment_by_name("failing").experiment_id])
    assert run.info.status == "FAILED"

    content = database.read_bytes()
    for secret in (str(tmp_path), str(Path.home()) + "/", sys.executable, "mlflow.user"):
        assert secret.encode() not in content
    assert "mlflow.user" not in run.data.tags
    assert "mlflow.source.name" not in run.data.tags


@pytest.mark.slow
def test_without_a_server_there_is_a_database_beside_the_studies(tmp_path):
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    process = start(tmp_path, "trainer.max_epochs=1")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    client = MlflowClient(f"sqlite:///{tmp_path}/studies/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("s").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags.keys() == {"arm", "mlflow.runName"}
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_a_logger_that_is_not_installed_is_one_sentence(tmp_path, monkeypatch, name):
    monkeypatch.setattr("medxfer.training.loggers.find_spec", lambda _: None)
    with pytest.raises(MedxferError, match=rf"logger={name} is not installed: pip install 'medxfer\[{name}\]'"):
        checked(small_config(tmp_path, f"logger={name}"))
    checked(small_config(tmp_path, "logger=wandb"))
