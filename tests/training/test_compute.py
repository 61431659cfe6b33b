"""compute=auto: measured once for a study, obeyed by all of its cells."""

import json

import pytest
import torch
from cells import small_config, train_small

import medxfer.training.compute
from medxfer.base.errors import MedxferError
from medxfer.training.compute import Compute
from medxfer.training.prepare import prepare


def test_the_first_cell_measures_and_the_others_obey(tmp_path, monkeypatch):
    monkeypatch.setattr(medxfer.training.compute, "SECONDS", 0.1)
    cell, _ = train_small(tmp_path, "compute=auto")
    settled = json.loads((cell.parents[1] / "compute.json").read_text())["test_efficientnet 32 px"]
    measured = [(m["precision"], m["channels_last"], m["compile"]) for m in settled["measured"]]
    assert measured == [("float32", True, False), ("float32", False, False),
                        ("bfloat16", True, False), ("bfloat16", False, False)]  # fmt: skip
    assert all(m["ms_a_step"] > 0 for m in settled["measured"])
    choice = Compute(**settled["choice"])
    assert json.loads((cell / "metrics.json").read_text())["machine"]["compute"] == str(choice)

    monkeypatch.setattr(medxfer.training.compute, "measure", lambda *_: pytest.fail("measured again"))
    other, _ = train_small(tmp_path, "compute=auto", "seed=1")
    assert other.parent == cell.parent


def test_a_choice_is_obeyed_whatever_this_machine_would_choose(tmp_path, monkeypatch):
    chosen = {"choice": {"precision": "bfloat16", "channels_last": False, "compile": False}}
    monkeypatch.setattr(medxfer.training.compute, "measure", lambda *_: chosen)
    cell, objects = train_small(tmp_path, "compute=auto")
    assert objects["trainer"].precision == "bf16-mixed"
    stem = next(p for p in objects["model"].backbone.parameters() if p.ndim == 4 and p.shape[1] > 1 and p.shape[2] > 1)
    assert stem.is_contiguous()
    assert not stem.is_contiguous(memory_format=torch.channels_last)
    assert "bfloat16, contiguous" in (cell / "metrics.json").read_text()


def test_what_is_hardly_faster_leaves_the_numbers_as_they_are(tmp_path, monkeypatch):
    speed = {"bfloat16": 0.95}
    choices = []
    for speed["bfloat16"] in (0.95, 0.5):
        monkeypatch.setattr(medxfer.training.compute, "_trials", lambda *_: {c: lambda c=c: c for c in (
            Compute(), Compute("bfloat16"))})  # fmt: skip
        monkeypatch.setattr(medxfer.training.compute, "_timed", lambda step, _: speed.get(step().precision, 1.0) / 100)
        train_small(tmp_path, "compute=auto", f"study.name=s{len(choices)}")
        known = json.loads((tmp_path / "studies" / f"s{len(choices)}" / "compute.json").read_text())
        choices.append(known["test_efficientnet 32 px"]["choice"]["precision"])
    assert choices == ["float32", "bfloat16"]


@pytest.mark.parametrize(("compiling", "chosen"), [(1.0, True), (1e6, False)])
def test_it_compiles_only_where_that_repays(tmp_path, monkeypatch, compiling, chosen):
    _, objects = train_small(tmp_path)
    batch = objects["data"].renderer(next(iter(objects["data"].train_dataloader())))
    seconds = iter([compiling, 0.05, 0.05, 0.05])
    monkeypatch.setattr(medxfer.training.compute, "_trial", lambda *_: None)
    monkeypatch.setattr(medxfer.training.compute, "_timed", lambda *_: next(seconds))
    compute, figures = medxfer.training.compute._compiled(objects["model"], batch, Compute(), 0.1, 10_000)
    assert compute.compile is chosen
    assert figures["compiling_s"] == compiling


def test_a_compiler_that_does_not_work_is_recorded(tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("no compiler")

    _, objects = train_small(tmp_path)
    batch = objects["data"].renderer(next(iter(objects["data"].train_dataloader())))
    monkeypatch.setattr(medxfer.training.compute, "_trial", lambda *_: None)
    monkeypatch.setattr(medxfer.training.compute, "_timed", fails)
    compute, figures = medxfer.training.compute._compiled(objects["model"], batch, Compute(), 0.1, 10_000)
    assert compute == Compute()
    assert figures["failed"] == "RuntimeError"


def test_two_masters_of_the_precision_are_refused(tmp_path):
    with pytest.raises(MedxferError, match=r"leave trainer\.precision out"):
        prepare(small_config(tmp_path, "compute=auto", "+trainer.precision=16-mixed"))


def test_measuring_changes_nothing_in_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(medxfer.training.compute, "SECONDS", 0.0)
    monkeypatch.setattr(medxfer.training.compute, "WORTHWHILE", 0.0)  # float32 whatever is measured
    tables = [(train_small(tmp_path, f"compute={how}")[0] / "predictions.parquet").read_bytes()
              for how in ("auto", "float32")]  # fmt: skip
    assert tables[0] == tables[1]
