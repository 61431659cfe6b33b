"""The configuration's callbacks (callbacks=), beside medxfer's own: which there may be, and why not the others."""

import pytorch_lightning as pl
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning import callbacks as lightning

from medxfer.base.errors import MedxferError
from medxfer.training.plugged import check_plugged, plugged

REFUSED: dict[type[pl.Callback], str] = {
    lightning.EarlyStopping: (
        "patience=<epochs> ends a training early, by monitor=, and a training that was stopped and goes on ends at the "
        "same epoch"
    ),
    lightning.Checkpoint: "medxfer keeps the tested epoch and the last state itself (keep=)",
    lightning.ProgressBar: "medxfer has a bar of its own, for the whole grid",
    lightning.ModelSummary: "python -m medxfer.model counts a network's parameters",
    lightning.Timer: (
        "an arm on a slower device would train less than the others; take trainer.max_epochs or trainer.max_steps"
    ),
    lightning.GradientAccumulationScheduler: (
        "the learning rate's schedule needs to know the steps; take +trainer.accumulate_grad_batches"
    ),
    lightning.LearningRateFinder: "each arm would train by another lr; study.tuned=[lr] compares several, for each arm",
    lightning.BatchSizeFinder: "each arm would train by another batch_size; give one",
}
LOGGING = (lightning.LearningRateMonitor, lightning.DeviceStatsMonitor)  # they do nothing else


def more_callbacks(config: DictConfig) -> list[pl.Callback]:
    """Those that `config` names, which `check_callbacks` has seen; cells of an older version name none."""
    group = config.get("callbacks") or {}
    made = {name: instantiate(group[name]) for name in plugged(config.get("callbacks"))}
    for name, one in made.items():
        if not isinstance(one, pl.Callback):
            raise MedxferError(f"callbacks.{name}: its _target_ makes no callback of Lightning's")
        _refuse(name, type(one))
    return list(made.values())


def check_callbacks(config: DictConfig) -> None:
    """Raise MedxferError for a callback that cannot be made, or that a cell cannot have."""
    for name in plugged(config.callbacks):
        found = check_plugged(f"callbacks.{name}", config.callbacks[name], pl.Callback)
        if isinstance(found, type):
            _refuse(name, found)
            if issubclass(found, LOGGING) and not plugged(config.logger):
                raise MedxferError(f"callbacks.{name} tells loggers alone, and there is none: give logger= as well")


def _refuse(name: str, found: type) -> None:
    for refused, because in REFUSED.items():
        if issubclass(found, refused):
            raise MedxferError(f"callbacks.{name} is a {refused.__name__}: {because}; leave it out")
