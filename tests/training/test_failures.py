"""What fails in one cell: recorded where it can be, said where it cannot, and the other cells run."""

import errno
import json
import os
import resource
import signal
from pathlib import Path

import pandas as pd
import pytest
from cells import small_config, train_small
from commands import run
from pictures import make_pictures

from medxfer.base import disk
from medxfer.base.disk import NotWrittenError
from medxfer.base.errors import MedxferError
from medxfer.model.classifier import Classifier
from medxfer.study import cell as cell_module
from medxfer.training import room
from medxfer.training.room import check_room_of_all, room_of
from medxfer.training.run import train

FAILING = f"""
import os, runpy
from medxfer.model.classifier import Classifier
from medxfer.study import cell

def write(path, value, write=cell.write_json):
    if value["factors"]["colormap"] == "none":
        raise OSError({errno.ENOSPC}, os.strerror({errno.ENOSPC}), str(path))
    write(path, value)

def step(self, batch, *rest, step=Classifier.training_step):
    if self.trainer.default_root_dir.count("inferno"):
        raise MemoryError
    return step(self, batch, *rest)

cell.write_json, Classifier.training_step = write, step
runpy.run_module("medxfer.train", run_name="__main__", alter_sys=True)
"""


def no_space(path: Path, _: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def failures(folder: Path) -> list[str]:
    return [json.loads(path.read_text())["reason"] for path in folder.glob("studies/*/cells/*/failed.json")]


def test_a_record_that_does_not_fit_on_the_disk_is_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(cell_module, "write_parquet", no_space)
    with pytest.raises(OSError, match="No space left"):
        train(small_config(tmp_path, "trainer.max_epochs=1"))
    assert failures(tmp_path) == ["OSError: [Errno 28] No space left on device: '<path>'"]
    assert not list(tmp_path.glob("studies/*/cells/*/metrics.json"))
    assert not list(tmp_path.glob("studies/*/cells/*/claim.*.json"))


def test_a_state_that_does_not_fit_on_the_disk_ends_the_cell_in_a_sentence_and_it_goes_on_later(tmp_path):
    config = small_config(tmp_path, "trainer.max_epochs=1")
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))  # the images fit, the network does not
    try:
        with pytest.raises(NotWrittenError, match=r"\.ckpt in /.* was not written \(File too large\): free some space"):
            train(config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    (reason,) = failures(tmp_path)
    assert reason.startswith("last.ckpt in <path> was not written") or reason.startswith("best.ckpt in <path>")
    train(config)
    assert len(list(tmp_path.glob("studies/*/cells/*/metrics.json"))) == 1


def test_a_disk_without_room_for_a_cell_is_said_before_it_trains(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_space", lambda _: 5_000_000)
    monkeypatch.setattr(Classifier, "training_step", None)
    with pytest.raises(
        MedxferError, match=r"^a cell takes about 13\.\d MB of disk, .* has 5\.0 MB left: free some space"
    ):
        train(small_config(tmp_path))


def test_a_disk_without_room_for_all_cells_is_said_and_one_without_room_for_one_is_refused(tmp_path, monkeypatch):
    config = small_config(tmp_path)
    one = room_of(config, "resnet18")
    assert one.training > 8 * one.done > 8 * 4 * 11e6  # its parameters, of which four copies are written twice
    for free, said in ((1e12, False), (one.training + 5 * one.done, True)):
        for module in (disk, room):
            monkeypatch.setattr(module, "free_space", lambda _, free=free: int(free))
        text = check_room_of_all(tmp_path, config, ["resnet18"] * 12)
        assert bool(text) == said
    assert text.startswith("12 cells will take about ")
    assert "keep=none" in text
    assert check_room_of_all(tmp_path, config, []) is None  # all is done: nothing is written
    monkeypatch.setattr(disk, "free_space", lambda _: int(one.training) - 1)
    with pytest.raises(MedxferError, match=r"^a cell takes about .* move the study by study\.root=$"):
        check_room_of_all(tmp_path, config, ["resnet18"])


def test_memory_that_runs_out_is_the_reason_and_the_cell_is_tried_again(tmp_path, monkeypatch):
    def step(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(Classifier, "training_step", step)
        with pytest.raises(MemoryError):
            train(small_config(tmp_path, "trainer.max_epochs=1"))
        assert failures(tmp_path) == ["MemoryError"]
    _, objects = train(small_config(tmp_path, "trainer.max_epochs=1"))
    assert objects
    assert failures(tmp_path) == []


def test_a_failure_that_cannot_be_recorded_is_raised_itself(tmp_path, monkeypatch):
    def step(*_: object) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(Classifier, "training_step", step)
    monkeypatch.setattr(cell_module, "write_json", no_space)
    with pytest.raises(RuntimeError, match="out of cheese"):
        train_small(tmp_path)


def test_other_cells_run_and_every_reason_reaches_the_terminal(tmp_path):
    images = make_pictures(tmp_path / "in", n=40)
    (tmp_path / "failing_train.py").write_text(FAILING)
    done = run(
        tmp_path, "failing_train", "-m", "data=images", f"data.root={images}", "backbone=test_efficientnet",
        "pretrained=false", "image_size=32", "batch_size=8", "trainer.max_epochs=1", "logger=none",
        "colormap=none,inferno,viridis", XDG_CACHE_HOME=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    failed = {line.split(" × ")[0].split()[-1]: line for line in done.stdout.splitlines() if "failed:" in line}
    assert set(failed) == {"none", "inferno"}, done.stdout
    assert "No space left on device" in failed["none"]
    assert failed["inferno"].endswith("failed: MemoryError")
    (results,) = tmp_path.glob("studies/*/results.csv")
    table = pd.read_csv(results).set_index("colormap")["status"].to_dict()
    assert table == {"viridis": "done", "inferno": "failed", "none": "missing"}
