"""Where a cell's curves go besides its own records: to each logger that the configuration has, or nowhere."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from medxfer.base.errors import MedxferError
from medxfer.study.cell import Cell, public_settings
from medxfer.training.plugged import check_plugged, plug_in, plugged
from medxfer.training.wandb_run import wandb_run
from medxfer.training.wandb_start import asked_mode

EXTRAS = ("mlflow", "tensorboard")  # loggers whose package has the logger's name and is no requirement


@contextmanager
def cell_loggers(config: DictConfig, cell: Cell) -> Iterator[list[Logger]]:
    """The cell's loggers. Those that are contexts are entered, and so end their runs: as failed where the block raised.

    The others get the cell's public settings as hyperparameters.
    """
    config = config.copy()
    OmegaConf.set_struct(config, False)
    config.cell = {"name": cell.name, "study": cell.study.name}
    loggers: list[Logger] = []
    with ExitStack() as stack:
        for name in plugged(config.logger):
            made = plug_in(config.logger[name], cell)
            if isinstance(made, AbstractContextManager):
                made = stack.enter_context(made)
            elif isinstance(made, Logger):
                made.log_hyperparams(public_settings(cell))
            if not isinstance(made, Logger):
                raise MedxferError(f"logger.{name}: its _target_ makes no logger of Lightning's")
            loggers.append(made)
        yield loggers


def check_loggers(config: DictConfig) -> None:
    """Raise MedxferError for a logger that cannot be made: its package or class is not there, its arguments are wrong,
    or WANDB_MODE is none of W&B's."""
    config = config.copy()
    OmegaConf.set_struct(config, False)
    config.cell = {"name": "name", "study": "study"}
    for name, target in plugged(config.logger).items():
        if name in EXTRAS and target.startswith("medxfer.") and find_spec(name) is None:
            raise MedxferError(f"logger={name} is not installed: pip install 'medxfer[{name}]'")
        if check_plugged(f"logger.{name}", config.logger[name], Logger) is wandb_run:
            asked_mode()
