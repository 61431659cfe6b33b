"""One device a cell: more are refused before the first training, and a Slurm job of several tasks changes nothing."""

import csv
import json
import os
import subprocess
import sys

import pytest
from cells import small_config
from pictures import make_pictures

from medxfer.base.errors import MedxferError
from medxfer.training.prepare import prepare

# What Slurm tells the second of two tasks. Lightning would refuse the count, and log nothing by this number.
SECOND_TASK = {
    "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "grid", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODEID": "0", "SLURM_NNODES": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    "setting",
    ["trainer.devices=2", "trainer.devices=auto", "trainer.devices=-1", "+trainer.num_nodes=2",
     "+trainer.strategy=ddp", "+trainer.strategy=ddp_spawn"],
)  # fmt: skip
def test_more_than_one_device_is_refused_with_the_way_to_use_them(tmp_path, setting):
    with pytest.raises(MedxferError) as refused:
        prepare(small_config(tmp_path, setting))
    sentence = str(refused.value)
    assert sentence.startswith(f"{setting.removeprefix('+')}: a cell trains on one device")
    assert "hydra/launcher=joblib" in sentence
    assert "hydra/launcher=submitit_slurm" in sentence


def test_one_device_said_in_words_is_allowed(tmp_path):
    settings = ["trainer.devices=1", "+trainer.num_nodes=1", "+trainer.strategy=auto"]
    prepare(small_config(tmp_path, *settings))


def test_each_task_of_a_slurm_job_trains_its_own_cell_and_logs_it(tmp_path):
    images = make_pictures(tmp_path / "in", n=40)
    done = subprocess.run(
        [
            sys.executable, "-m", "medxfer.train", "data=images", f"data.root={images}", "backbone=test_efficientnet",
            "pretrained=false", "image_size=32", "batch_size=8", "trainer.max_epochs=2", "logger=csv", "compute=auto",
            "trainer.accelerator=cpu",
        ],
        cwd=tmp_path, env={**os.environ, **SECOND_TASK, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.glob("studies/*/cells/*/metrics.json")
    assert len(json.loads(record.read_text())["epochs"]) == 2
    (curves,) = tmp_path.glob("studies/*/logs/*/metrics.csv")
    with curves.open() as stream:
        logged = [row["val/loss"] for row in csv.DictReader(stream)]
    assert len([value for value in logged if value]) == 2
