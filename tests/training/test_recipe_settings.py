"""Settings of the training, from the command line to what they do in a cell."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from cells import small_config, train_small

from medxfer.base.errors import MedxferError
from medxfer.base.words import JUDGED
from medxfer.model.metrics import METRICS
from medxfer.training.prepare import prepare
from medxfer.training.wire import wire


def record(cell: Path) -> dict:
    return json.loads((cell / "metrics.json").read_text())


def wired(folder: Path, *overrides: str):
    return wire(prepare(small_config(folder, *overrides)))


def test_the_recipes_keys_reach_the_model(tmp_path):
    model, _ = wired(tmp_path, "finetune=last:2", "backbone_lr_scale=0.1", "label_smoothing=0.1", "balance=weights")
    hparams = dict(model.hparams)
    assert hparams["finetune"] == "last:2"
    assert hparams["backbone_lr_scale"] == 0.1
    assert hparams["label_smoothing"] == 0.1
    assert model.class_weights.tolist() == pytest.approx([1.0, 1.0], abs=0.2)
    assert wired(tmp_path)[0].class_weights is None


def test_balanced_batches_are_the_same_in_every_arm(tmp_path):
    _, none = wired(tmp_path, "balance=sampling")
    _, viridis = wired(tmp_path, "balance=sampling", "colormap=viridis")
    for one, other in zip(none.train_dataloader(), viridis.train_dataloader(), strict=True):
        assert one.row.tolist() == other.row.tolist()
    rows = [row for batch in none.train_dataloader() for row in batch.row.tolist()]
    assert len(set(rows)) < len(rows)  # with replacement
    assert (none.parts[rows] == "train").all()


def test_a_training_without_progress_ends_early_and_says_so_in_its_curves(tmp_path):
    cell, _ = train_small(tmp_path, "trainer.max_epochs=9", "lr=0", "patience=2", "weight_decay=0", "monitor=val/auroc",
                          "finetune=head")  # fmt: skip
    assert len(record(cell)["epochs"]) == 3
    assert record(cell)["best_epoch"] == 0
    whole, _ = train_small(tmp_path, "trainer.max_epochs=4", "lr=0", "weight_decay=0", "monitor=val/auroc")
    assert len(record(whole)["epochs"]) == 4


def test_a_budget_in_steps_ends_in_the_middle_of_an_epoch_with_validation(tmp_path):
    cell, objects = train_small(tmp_path, "trainer.max_epochs=-1", "trainer.max_steps=4")
    batches = len(objects["data"].train_dataloader())
    assert batches == 3
    assert objects["trainer"].global_step == 4
    assert len(record(cell)["epochs"]) == 2
    assert all("val/auroc" in epoch for epoch in record(cell)["epochs"])
    assert cell.parents[1].name.startswith("steps4-batch8")


def test_a_budget_in_steps_may_be_less_than_an_epoch(tmp_path):
    cell, _ = train_small(tmp_path, "trainer.max_epochs=-1", "trainer.max_steps=1")
    assert len(record(cell)["epochs"]) == 1
    assert "test/auroc" in record(cell)["metrics"]


def test_gradients_of_several_batches_make_a_step(tmp_path):
    _, objects = train_small(tmp_path, "+trainer.accumulate_grad_batches=2")
    assert len(objects["data"].train_dataloader()) == 3
    assert objects["trainer"].global_step == 4


def test_a_profile_of_the_training_lies_in_the_cells_folder(tmp_path):
    cell, _ = train_small(tmp_path, "+trainer.profiler=simple", "trainer.max_epochs=1")
    text = (cell / "fit-profile.txt").read_text()
    assert "run_training_batch" in text
    assert str(tmp_path) not in text


def test_float16_trains_with_an_optimiser_that_can_be_clipped(tmp_path):
    """A fused one unscales its gradients itself, and Lightning cannot clip them."""
    model, _ = wired(tmp_path)
    for precision, fused in (("16-mixed", False), ("bf16-mixed", True), ("32-true", True)):
        model.trainer = SimpleNamespace(precision=precision, estimated_stepping_batches=9)
        assert model.configure_optimizers()["optimizer"].defaults["fused"] is fused


def test_the_same_cell_twice_is_the_same_to_the_last_bit(tmp_path):
    tables = []
    for name in "ab":
        cell, _ = train_small(tmp_path, f"study.name={name}", "colormap=viridis", "balance=sampling")
        tables.append((pd.read_parquet(cell / "predictions.parquet"), record(cell)["epochs"]))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1] == tables[1][1]


@pytest.mark.parametrize("metric", JUDGED)
def test_every_metric_that_is_judged_is_trained_for(tmp_path, metric):
    prepared = prepare(small_config(tmp_path, f"study.metric={metric}"))
    assert prepared.config.monitor == f"val/{metric}"
    assert metric in METRICS


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("finetune=heads", "unknown finetune .heads.: did you mean head. choose full, head or last"),
        ("finetune=last:9", "k from 1 to 6"),
        ("pretrained=bottom:99", "pretrained=bottom:99: .* k from 1 to 6"),
        ("balance=weight", "unknown balance 'weight': did you mean weights"),
        ("compute=bf16", "unknown compute 'bf16'"),
        ("study.metric=f1", "unknown study.metric 'f1': the answer is judged by auroc, accuracy, balanced_accuracy or"),
        ("study.metric=acuracy", "unknown study.metric 'acuracy': did you mean accuracy"),
        ("study.metric=sensitivity", "unknown study.metric 'sensitivity'"),
        (
            "study.margin=0",
            "study.margin=0: give a number above 0 and below 1: the smallest difference that matters, as a fraction",
        ),
        ("study.margin=1", "study.margin=1: .*0.01 is one point"),
        ("study.margin=-0.01", "above 0 and below 1"),
        ("study.margin=one", "study.margin=one: give"),
        ("study.margin=null", "study.margin=null: give"),
        ("patience=0", "patience=0: give a whole number"),
        ("label_smoothing=1", "from 0 to below 1"),
    ],
)
def test_each_slip_is_named_before_training(tmp_path, argument, words):
    with pytest.raises(MedxferError, match=words):
        prepare(small_config(tmp_path, argument))
