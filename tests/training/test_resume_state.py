"""A training that a signal stops in the middle of an epoch goes on as if nothing had happened."""

import os
import signal
from types import SimpleNamespace

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json
from medxfer.model.classifier import Classifier
from medxfer.study.checkpoints import Saved, saved
from medxfer.training.callbacks import EpochBar
from medxfer.training.curve_files import ResumedCsv
from medxfer.training.prepare import prepare
from medxfer.training.resume import WholeCheckpoints
from medxfer.training.run import train


class Interruption(BaseException):
    pass


def interrupt(number, frame):
    raise Interruption


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resumed")
    make_pictures(folder / "in", n=40)
    return folder


def compose_training(home, study_root, *overrides: str):
    common = ["data=images", f"data.root={home / 'in'}", "backbone=test_efficientnet", "pretrained=false",
              "batch_size=4", "image_size=32", "trainer.max_epochs=3", "augment.flip=0.5",
              f"store.root={home / 'cache'}", f"study.root={study_root}", "logger=none"]  # fmt: skip
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [*common, *overrides])


@pytest.fixture
def configure(home, tmp_path):
    return lambda study, *overrides: compose_training(home, tmp_path / study, *overrides)


def send_at(monkeypatch, place: tuple[int, int], number: int) -> None:
    """Send a signal to this process while the batch at `place` (epoch, batch) ends."""
    before = EpochBar.on_train_batch_end

    def send(self, trainer, *rest):
        if (trainer.current_epoch, trainer.fit_loop.batch_idx) == place:
            os.kill(os.getpid(), number)
        before(self, trainer, *rest)

    monkeypatch.setattr(EpochBar, "on_train_batch_end", send)


def record(config) -> tuple[list, dict, pd.DataFrame]:
    metrics, _ = train(config)
    cell = prepare(config).cell

    return (
        read_json(cell.folder / "metrics.json")["epochs"],
        metrics,
        pd.read_parquet(cell.folder / "predictions.parquet"),
    )


@pytest.fixture(scope="module")
def whole(home) -> tuple[list, dict, pd.DataFrame]:
    """What a training leaves that nothing stops."""
    return record(compose_training(home, home / "whole"))


@pytest.mark.parametrize(
    ("number", "place"), [(signal.SIGTERM, (0, 0)), (signal.SIGUSR2, (1, 4)), (signal.SIGINT, (1, 4))]
)
def test_a_signal_within_an_epoch_is_followed_by_a_save_and_changes_nothing(
    configure, monkeypatch, whole, number, place
):
    epochs, metrics, predictions = whole
    previous = signal.signal(number, interrupt)
    try:
        with monkeypatch.context() as patched:
            send_at(patched, place, number)
            with pytest.raises(Interruption):
                train(configure("stopped"))
        assert signal.getsignal(number) is interrupt
    finally:
        signal.signal(number, previous)
    seen = []
    counted = EpochBar.on_train_batch_end

    def count(self, trainer, *rest):
        seen.append((trainer.current_epoch, trainer.fit_loop.batch_idx))
        counted(self, trainer, *rest)

    monkeypatch.setattr(EpochBar, "on_train_batch_end", count)
    resumed_epochs, resumed_metrics, resumed_predictions = record(configure("stopped"))
    assert seen[0] == (place[0], place[1] + 1)
    assert resumed_epochs == epochs
    assert resumed_metrics == metrics
    assert resumed_predictions.equals(predictions)


def test_a_signal_between_two_steps_of_the_optimiser_waits_for_the_next(configure, monkeypatch):
    """The gradients of the batches since the last step are in no state."""
    accumulate = "+trainer.accumulate_grad_batches=2"
    epochs, metrics, predictions = record(configure("whole", accumulate))
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        with monkeypatch.context() as patched:
            send_at(patched, (1, 2), signal.SIGTERM)
            with pytest.raises(Interruption):
                train(configure("stopped", accumulate))
    finally:
        signal.signal(signal.SIGTERM, previous)
    seen = []
    told = EpochBar.on_train_epoch_start

    def tell(self, trainer, *rest):
        told(self, trainer, *rest)
        seen.append(self.epochs)

    monkeypatch.setattr(EpochBar, "on_train_epoch_start", tell)
    again = record(configure("stopped", accumulate))
    assert again[:2] == (epochs, metrics)
    assert again[2].equals(predictions)
    assert set(seen) == {3}


def test_the_epoch_that_a_budget_in_steps_cuts_short_is_validated_also_after_a_stop(configure, monkeypatch):
    """Nothing is saved at the last step: from there, Lightning would not validate."""
    budget = ("trainer.max_epochs=-1", "trainer.max_steps=12")
    epochs, metrics, _ = record(configure("whole", *budget))
    monkeypatch.setattr("medxfer.training.resume.EVERY", 0.0)

    def stop(self, trainer, *_):
        if trainer.current_epoch == 1:
            raise Interruption

    with monkeypatch.context() as patched:
        patched.setattr(EpochBar, "on_validation_epoch_start", stop)
        with pytest.raises(Interruption):
            train(configure("stopped", *budget))
    assert len(epochs) == 2
    assert record(configure("stopped", *budget))[:2] == (epochs, metrics)


def test_a_csv_of_curves_goes_on_where_a_training_was_stopped(configure, monkeypatch, tmp_path):
    tables = []
    for study, place in (("whole", None), ("stopped", (2, 3))):
        previous = signal.signal(signal.SIGTERM, interrupt)
        try:
            with monkeypatch.context() as patched:
                if place is not None:
                    send_at(patched, place, signal.SIGTERM)
                    with pytest.raises(Interruption):
                        train(configure(study, "logger=csv"))
            train(configure(study, "logger=csv"))
        finally:
            signal.signal(signal.SIGTERM, previous)
        (file,) = (tmp_path / study).glob("*/logs/*/metrics.csv")
        tables.append(pd.read_csv(file))
    assert tables[0]["val/auroc"].notna().sum() == 3
    pd.testing.assert_frame_equal(tables[1], tables[0])


def test_curves_outlive_a_process_that_ends_before_its_first_figures(tmp_path):
    cell = SimpleNamespace(name="c", study=SimpleNamespace(folder=tmp_path))
    file = tmp_path / "logs" / "c" / "metrics.csv"

    def begun() -> ResumedCsv:
        logger = ResumedCsv(cell)
        logger.log_hyperparams({"lr": 1.0})  # Lightning's own then deletes the file
        logger.save()
        return logger

    first = begun()
    for step in (9, 19):
        first.log_metrics({"val/loss": step / 10}, step)
    first.save()
    begun()
    unsaved = begun()
    unsaved.log_metrics({"val/loss": 0.0}, 19)
    third = begun()
    third.log_metrics({"val/loss": 5.0}, 19)
    third.save()
    assert pd.read_csv(file)[["step", "val/loss"]].to_numpy().tolist() == [[9, 0.9], [19, 5.0]]
    assert [path.name for path in file.parent.glob("*.csv")] == ["metrics.csv"]


def test_a_signal_in_validation_waits_for_the_epoch(configure, monkeypatch, whole):
    epochs, _, predictions = whole

    def send(self, trainer, *_):
        if trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(EpochBar, "on_validation_epoch_start", send)
            with pytest.raises(Interruption):
                train(configure("stopped"))
    finally:
        signal.signal(signal.SIGTERM, previous)
    again = record(configure("stopped"))
    assert again[0] == epochs
    assert again[2].equals(predictions)


def test_within_an_epoch_it_saves_every_few_minutes(configure, monkeypatch, tmp_path):
    monkeypatch.setattr("medxfer.training.resume.EVERY", 0.0)
    saves = []
    monkeypatch.setattr(pl.Trainer, "save_checkpoint", lambda self, path, *_, **__: saves.append(path))
    with pytest.raises(FileNotFoundError):  # the best epoch's, which was not written either
        train(configure("study"))
    assert len([path for path in saves if str(path).endswith("last.ckpt")]) >= 3 * 6  # after each batch


def test_a_study_that_moved_within_a_training_keeps_its_best_epoch(configure, monkeypatch, tmp_path):
    """Where every epoch is worse than the first."""
    recipe = ("monitor=val/loss", "trainer.max_epochs=4")
    log = Classifier.log_dict

    def worse_each_epoch(self, values):
        log(self, values | {"val/loss": 1.0 + self.current_epoch} if "val/loss" in values else values)

    monkeypatch.setattr(Classifier, "log_dict", worse_each_epoch)
    train(configure("whole", *recipe))
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        with monkeypatch.context() as patched:
            send_at(patched, (2, 3), signal.SIGTERM)
            with pytest.raises(Interruption):
                train(configure("stopped", *recipe))
    finally:
        signal.signal(signal.SIGTERM, previous)
    (checkpoints,) = (tmp_path / "stopped").glob("*/cells/*/checkpoints")
    assert saved(checkpoints) == Saved(2, 4)
    (tmp_path / "stopped").rename(tmp_path / "elsewhere")
    train(configure("elsewhere", *recipe))
    whole, moved = (
        read_json(prepare(configure(study, *recipe)).cell.folder / "metrics.json") for study in ("whole", "elsewhere")
    )
    assert whole["best_epoch"] == 0
    for key in ("best_epoch", "metrics", "epochs", "threshold"):
        assert moved[key] == whole[key]


def test_a_checkpoint_of_another_epoch_than_the_record_s_is_an_error(configure, monkeypatch):
    monkeypatch.setattr("medxfer.training.callbacks.History.best", lambda *_: 7)
    with pytest.raises(MedxferError, match=r"best.ckpt holds epoch [0-2], and by its curves epoch 7 is the best"):
        train(configure("study"))


@pytest.mark.parametrize("left", [0, 1000], ids=["empty", "cut off"])
def test_a_damaged_checkpoint_is_said_with_the_way_out(tmp_path, left):
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"state": torch.zeros(1000)}, path)
    assert len(WholeCheckpoints().load_checkpoint(path)["state"]) == 1000
    os.truncate(path, left)
    with pytest.raises(MedxferError, match=r"^last\.ckpt is damaged \(.*\): delete the cell's folder, and the same"):
        WholeCheckpoints().load_checkpoint(path)
