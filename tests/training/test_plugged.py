"""Loggers and callbacks by class: several at once, one's own beside medxfer's, refused before the first training."""

import json

import pandas as pd
import pytest
import pytorch_lightning as pl
import yaml
from cells import small_config, small_settings, train_small
from omegaconf import OmegaConf
from pytorch_lightning.loggers import CSVLogger

from medxfer.base.errors import MedxferError
from medxfer.study.identity import public_config, shared_settings
from medxfer.training.more_callbacks import REFUSED
from medxfer.training.plugged import responsibilities
from medxfer.training.run import train
from medxfer.training.settings.checked import checked
from medxfer.training.settings.composed import compose_config


class Told(CSVLogger):
    """A logger of a user's own, which keeps what it is told."""

    told: list = []  # noqa: RUF012 - of the class, because the cell makes the object

    def __init__(self, save_dir: str, run: str, api_key: str = "") -> None:
        super().__init__(save_dir, name="own", version=run)

    def log_hyperparams(self, params):
        self.told.append(params)


class Counting(pl.Callback):
    counted: list = []  # noqa: RUF012

    def __init__(self, where: str = "") -> None:
        self.steps = 0

    def on_train_batch_end(self, *_):
        self.steps += 1

    def on_train_end(self, *_):
        self.counted.append(self.steps)


class Stopper(pl.callbacks.EarlyStopping):
    pass


def not_a_logger(**_):
    return 3


OWN = f"+logger.own={{_target_: {__name__}.Told, save_dir: %s, run: '${{cell.study}}-${{cell.name}}', api_key: s3cr3t}}"


def test_several_loggers_get_the_same_curves_and_one_s_own_the_public_settings(tmp_path):
    Told.told.clear()
    cell, _ = train_small(tmp_path, "logger=csv", OWN % (tmp_path / "mine"), "study.name=s", "colormap=viridis")
    (ours,), (own,) = tmp_path.glob("studies/s/logs/*/metrics.csv"), tmp_path.glob("mine/own/*/metrics.csv")
    assert own.parent.name == f"s-{cell.name}"
    pd.testing.assert_frame_equal(pd.read_csv(ours), pd.read_csv(own), check_like=True)
    (public,) = Told.told
    assert public["colormap"] == "viridis"
    assert public["settings"]["lr"] == 1e-3
    assert str(tmp_path) not in json.dumps(public)
    assert yaml.safe_load((ours.parent / "hparams.yaml").read_text()) == public


def test_a_logger_of_a_folder_of_one_s_own_gets_a_training_s_curves(tmp_path):
    (tmp_path / "conf" / "logger").mkdir(parents=True)
    own = {
        "_target_": f"{__name__}.Told",
        "save_dir": str(tmp_path / "mine"),
        "run": "${cell.name}",
        "api_key": "s3cr3t",
    }
    (tmp_path / "conf" / "logger" / "mine.yaml").write_text(yaml.safe_dump({"mine": own}))
    Told.told.clear()
    settings = [one for one in small_settings(tmp_path) if not one.startswith("logger=")]
    metrics, _ = train(compose_config(["--config-dir", str(tmp_path / "conf"), *settings, "logger=[csv,mine]"]))
    (cell,) = tmp_path.glob("studies/*/cells/*")
    (ours,), told = tmp_path.glob("studies/*/logs/*/metrics.csv"), tmp_path / "mine" / "own" / cell.name / "metrics.csv"
    pd.testing.assert_frame_equal(pd.read_csv(ours), pd.read_csv(told), check_like=True)
    assert pd.read_csv(told)["test/auroc"].max() == pytest.approx(metrics["test/auroc"])
    assert [public["seed"] for public in Told.told] == [0]
    study = "".join(path.read_text() for path in cell.parents[1].rglob("*") if path.suffix in (".json", ".yaml"))
    assert f"{__name__}.Told" in study
    assert "s3cr3t" not in study
    assert str(tmp_path) not in study


def test_a_cell_s_record_has_no_key_and_no_path_of_a_logger(tmp_path):
    cell, _ = train_small(tmp_path, OWN % (tmp_path / "mine"))
    written = (cell / "config.yaml").read_text()
    assert f"{__name__}.Told" in written
    assert "s3cr3t" not in written
    assert str(tmp_path) not in written


def test_loggers_change_no_identity(tmp_path):
    cell, _ = train_small(tmp_path, "logger=none")
    metrics, objects = train(small_config(tmp_path, "logger=csv"))
    assert not objects, "it was trained again"
    assert metrics == json.loads((cell / "metrics.json").read_text())["metrics"]


def test_callbacks_run_and_are_part_of_what_a_study_is(tmp_path):
    Counting.counted.clear()
    own = f"+callbacks.count={{_target_: {__name__}.Counting, where: /home/ann/out}}"
    with_it = shared_settings(small_config(tmp_path, own))
    assert with_it["callbacks"] == {"count": {"_target_": f"{__name__}.Counting", "where": "<path>"}}
    assert "callbacks" not in shared_settings(small_config(tmp_path))
    shown = small_config(tmp_path, "logger=csv", "callbacks=[lr_monitor,device_stats]")
    assert shared_settings(shown) == shared_settings(small_config(tmp_path)), "they tell loggers alone"
    cell, objects = train_small(tmp_path, own)
    assert Counting.counted == [objects["trainer"].global_step]
    assert "/home/ann" not in (cell.parents[1] / "study.json").read_text()


@pytest.mark.parametrize("where", ["/home/ann/out", "out/ann", "../ann", "~/ann", "./ann", "file:///home/ann"])
def test_no_path_of_a_callback_is_in_a_study_s_record(where):
    config = OmegaConf.create({"trainer": {}, "study": {"tuned": []}, "callbacks": {"own": {
        "_target_": "mine.Own", "where": where, "dirpath": "ann", "several": [where, 3], "more": {"log_file": "ann"},
        "monitor": "val/auroc", "every": 2, "name": "own",
    }}})  # fmt: skip
    kept = {
        "_target_": "mine.Own", "where": "<path>", "dirpath": "<path>", "several": ["<path>", 3],
        "more": {"log_file": "<path>"}, "monitor": "val/auroc", "every": 2, "name": "own",
    }  # fmt: skip
    assert shared_settings(config)["callbacks"]["own"] == public_config(config)["callbacks"]["own"] == kept


def test_the_callbacks_that_are_there_log_what_they_say(tmp_path):
    train_small(tmp_path, "logger=csv", "callbacks=[lr_monitor,device_stats]", "+trainer.log_every_n_steps=1")
    (table,) = tmp_path.glob("studies/*/logs/*/metrics.csv")
    logged = pd.read_csv(table).columns
    assert [name for name in logged if name.startswith("lr-")]
    assert [name for name in logged if name.startswith("DeviceStatsMonitor")]


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("+logger.own={_target_: nowhere.Logger}", "logger.own._target_=nowhere.Logger: cannot be imported"),
        ("+logger.own={_target_: pathlib.Path}", "logger.own._target_=pathlib.Path: is no Logger of Lightning's"),
        (f"+logger.own={{_target_: {__name__}.Told, save_dir: x}}", "logger.own.run: must be given"),
        (
            f"+logger.own={{_target_: {__name__}.Told, save_dir: x, run: y, api_keey: z}}",
            "unknown setting 'logger.own.api_keey': did you mean logger.own.api_key",
        ),
        (f"+logger.own={{_target_: {__name__}.Told, save_dir: x, run: '${{cel.name}}'}}", "logger.own.run: cannot be"),
        ("+logger.own={project: x}", "unknown setting 'logger.own'"),
        ("+callbacks.own={_target_: pathlib.Path}", "callbacks.own._target_=pathlib.Path: is no Callback"),
        (f"+callbacks.own={{_target_: {__name__}.Counting, where: '${{cell.name}}'}}", "callbacks.own.where: cannot"),
        (f"+callbacks.own={{_target_: {__name__}.Stopper, monitor: val/loss}}",
         "callbacks.own is a EarlyStopping: patience=<epochs> ends a training early"),
        ("callbacks=lr_monitor", "callbacks.lr_monitor tells loggers alone, and there is none: give logger="),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_before_the_training(tmp_path, slip, said):
    with pytest.raises(MedxferError) as caught:
        checked(small_config(tmp_path, slip))
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("refused", REFUSED, ids=lambda one: one.__name__)
def test_callbacks_that_medxfer_has_itself_are_refused_with_the_way_out(tmp_path, refused):
    target = f"{refused.__module__}.{refused.__name__}"
    needed = {"EarlyStopping": ", monitor: val/loss", "GradientAccumulationScheduler": ", scheduling: {}"}
    with pytest.raises(MedxferError, match=f"callbacks.own is a {refused.__name__}: .*; leave it out"):
        checked(small_config(tmp_path, f"+callbacks.own={{_target_: {target}{needed.get(refused.__name__, '')}}}"))


def test_a_function_that_makes_no_logger_is_a_sentence(tmp_path):
    with pytest.raises(MedxferError, match=r"logger.own: its _target_ makes no logger"):
        train(small_config(tmp_path, f"+logger.own={{_target_: {__name__}.not_a_logger}}"))


def test_whose_responsibility_they_are_is_said_of_one_s_own_alone(tmp_path):
    assert responsibilities(small_config(tmp_path, "logger=[csv,wandb,mlflow]", "callbacks=lr_monitor")) == []
    own = responsibilities(small_config(tmp_path, OWN % "x", f"+callbacks.count={{_target_: {__name__}.Counting}}"))
    assert [text.partition(" is your own")[0] for text in own] == ["logger.own", "callbacks.count"]
