"""Where a cell's curves go besides its own records: W&B, MLflow, a CSV, or nowhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Literal, cast

from omegaconf import DictConfig
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from medxfer.errors import MedxferError
from medxfer.study.cell import Cell, arm_name
from medxfer.study.mlflow_run import mlflow_run

WandbMode = Literal["online", "offline", "disabled", "shared"]


@contextmanager
def cell_logger(config: DictConfig, cell: Cell) -> Iterator[Logger | None]:
    """The cell's logger; its run is finished when the block ends, and as failed where the block raised."""
    if config.logger.kind == "none":
        yield None
    elif config.logger.kind == "csv":
        yield CSVLogger(save_dir=str(cell.study.folder), name="logs", version=cell.name)
    else:
        run = mlflow_run(config.logger.uri, cell) if config.logger.kind == "mlflow" else _wandb_run(config, cell)
        with run as logger:
            yield logger


def check_logger(kind: str) -> None:
    """Raises MedxferError where the logger's package is not installed."""
    if kind == "mlflow" and find_spec("mlflow") is None:
        raise MedxferError("logger=mlflow is not installed: pip install 'medxfer[mlflow]'")


@contextmanager
def _wandb_run(config: DictConfig, cell: Cell) -> Iterator[Logger]:
    import wandb

    run = wandb.init(
        project=config.logger.project,
        entity=config.logger.entity,
        id=cell.name,
        name=cell.name,
        group=cell.study.name,
        job_type=arm_name(cell),
        config=dict(cell.factors),
        dir=str(cell.study.folder),
        mode=wandb_mode(),
        resume="allow",
        reinit="finish_previous",
        settings=wandb.Settings(**PRIVATE),
    )
    exit_code = 1
    try:
        yield WandbLogger(experiment=run)
        exit_code = 0
    finally:
        run.finish(exit_code=exit_code)


def wandb_mode() -> WandbMode:
    """WANDB_MODE where it is set; else online where there is a key, and offline where there is none."""
    import wandb

    if mode := os.environ.get("WANDB_MODE"):
        return cast(WandbMode, mode)
    return "online" if wandb.api.api_key else "offline"


# Nothing of the machine, the command line (paths) or the terminal's text, and no prompt.
PRIVATE: dict[str, Any] = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "disable_job_creation": True,
    "save_code": False,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "host": "",
    "username": "",
    "program": "medxfer.train",
    "program_relpath": "medxfer.train",
    "program_abspath": "",
}
