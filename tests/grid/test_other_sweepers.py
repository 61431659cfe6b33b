"""Sweepers that know nothing of studies: an optimiser gets the monitored metric, and no failure passes for a result."""

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from commands import train
from pictures import make_pictures

TOY = '''
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


class Toy(Sweeper):
    """Tries rates, as an optimiser does, and tells what it was given."""

    def __init__(self, rates, **_):
        self.rates = rates

    def setup(self, *, hydra_context, task_function, config):
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments):
        for number, rate in enumerate(self.rates):
            (job,) = self.launcher.launch([[*arguments, f"lr={rate}"]], initial_job_idx=number)
            print("GIVEN", repr(job.return_value))


ConfigStore.instance().store(
    group="hydra/sweeper", name="toy", node={"_target_": "hydra_plugins.toy.Toy", "rates": [], "params": None},
    provider="toy",
)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sweepers")
    make_pictures(folder / "in", n=40)
    (folder / "plugins" / "hydra_plugins").mkdir(parents=True)
    (folder / "plugins" / "hydra_plugins" / "toy.py").write_text(TOY)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return train(
        folder, "-m", "hydra/sweeper=toy", "data=images", f"data.root={folder / 'in'}",
         "backbone=test_efficientnet", "pretrained=false", "image_size=32", "batch_size=8", "trainer.max_epochs=1",
         "logger=none", "study.tuned=[lr]", "study.name=s", "optimizer=sgd", *arguments,
        PYTHONPATH=str(folder / "plugins"),
    )  # fmt: skip


def test_an_optimiser_is_given_the_monitored_metric_and_the_study_its_report(folder):
    done = run(folder, "hydra.sweeper.rates=[0.001,0.01]")
    assert done.returncode == 0, done.stderr
    given = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("GIVEN")]
    study = folder / "studies" / "s"
    records = [json.loads(path.read_text()) for path in study.glob("cells/*/metrics.json")]
    by_rate = {record["factors"]["lr"]: record["metrics"]["val/auroc"] for record in records}
    assert given == [by_rate[0.001], by_rate[0.01]]
    assert list(pd.read_csv(study / "results.csv")["status"]) == ["done", "done"]
    assert (study / "report.html").is_file()


def test_a_failure_is_no_result(folder):
    done = run(folder, "hydra.sweeper.rates=[1e30]", "trainer.max_epochs=3", "study.name=failing")
    assert done.returncode == 1
    assert "GIVEN" not in done.stdout
    assert "the loss is not finite" in done.stderr.splitlines()[-1]
    assert list(pd.read_csv(folder / "studies" / "failing" / "results.csv")["status"]) == ["failed"]
