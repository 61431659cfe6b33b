"""TensorBoard: a run a cell, read back by TensorBoard's own reader; it goes on after a stop, each step once."""

import os
import signal
from pathlib import Path

import pytest
from cells import small_config, train_small

from medxfer.training.callbacks import EpochBar
from medxfer.training.run import train

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData


def read(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(run))
    found.Reload()
    return found


def points(run: Path) -> dict[str, list[tuple[int, float]]]:
    found = read(run)
    return {tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_a_run_is_named_by_its_cell_and_has_its_curves_and_factors(tmp_path):
    cell, _ = train_small(tmp_path, "logger=tensorboard", "colormap=viridis", "trainer.max_epochs=3")
    (run,) = tmp_path.glob("studies/*/tensorboard/*")
    assert run.name == cell.name
    found = points(run)
    assert len(found["val/auroc"]) == 3
    assert len(found["test/auroc"]) == 1
    assert "hp_metric" not in found
    tags = read(run).summary_metadata
    start = HParamsPluginData.FromString(tags["_hparams_/session_start_info"].plugin_data.content)
    told = {key: value.string_value or value.number_value for key, value in start.session_start_info.hparams.items()}
    assert told["colormap"] == "viridis"
    assert told["settings.lr"] == 1e-3
    shown = HParamsPluginData.FromString(tags["_hparams_/experiment"].plugin_data.content)
    assert [one.name.tag for one in shown.experiment.metric_infos] == ["val/auroc", "test/auroc"]


def test_nothing_of_the_machine_s_paths_is_in_it(tmp_path):
    train_small(tmp_path, "logger=tensorboard")
    written = [path.read_bytes() for path in tmp_path.glob("studies/*/tensorboard/*/*")]
    assert written
    for secret in (str(tmp_path), str(Path.home())):
        assert not [content for content in written if secret.encode() in content]


def test_with_declared_looks_no_test_result_is_in_it(tmp_path):
    train_small(tmp_path, "logger=tensorboard", "study.looks=[2,3]")
    (run,) = tmp_path.glob("studies/*/tensorboard/*")
    assert not [tag for tag in points(run) if tag.startswith("test/")]
    assert not [path for path in run.iterdir() if b"test/" in path.read_bytes()]


@pytest.mark.parametrize("saved", [True, False])
def test_a_stopped_training_goes_on_in_its_run_and_has_each_step_once(tmp_path, monkeypatch, saved):
    """Also where its last epoch was logged and then lost, because the process was killed before it was saved."""
    train(small_config(tmp_path, "logger=tensorboard", "trainer.max_epochs=4", "study.name=whole"))

    def stop(self, trainer, *_):
        if trainer.current_epoch == 2:
            if not saved:
                raise SystemExit(137)
            os.kill(os.getpid(), signal.SIGTERM)

    def interrupt(number, frame):
        raise SystemExit(128 + number)

    stopped = small_config(tmp_path, "logger=tensorboard", "trainer.max_epochs=4", "study.name=stopped")
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(EpochBar, "on_train_epoch_start" if saved else "on_train_epoch_end", stop, raising=False)
            with pytest.raises(SystemExit):
                train(stopped)
    finally:
        signal.signal(signal.SIGTERM, previous)
    train(stopped)
    (whole,), (again,) = tmp_path.glob("studies/whole/tensorboard/*"), tmp_path.glob("studies/stopped/tensorboard/*")
    assert points(again) == points(whole)
