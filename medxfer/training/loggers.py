"""Where a cell's curves go besides its own records: W&B, MLflow, a CSV file, or nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig
from pytorch_lightning.loggers import CSVLogger, Logger

from medxfer.base.errors import MedxferError
from medxfer.study.cell import Cell
from medxfer.training.mlflow_run import mlflow_run
from medxfer.training.wandb_run import asked_mode, wandb_run


@contextmanager
def cell_logger(config: DictConfig, cell: Cell) -> Iterator[Logger | None]:
    """The cell's logger; its run is finished when the block ends, and as failed where the block raised."""
    if config.logger.kind == "none":
        yield None
    elif config.logger.kind == "csv":
        yield ResumedCsv(cell.study.folder, cell.name)
    else:
        run = mlflow_run(config.logger.uri, cell) if config.logger.kind == "mlflow" else wandb_run(config, cell)
        with run as logger:
            yield logger


class ResumedCsv(CSVLogger):
    """Goes on with the file of a training that was stopped, which Lightning's own deletes.

    Rows of steps that are trained again are replaced.
    """

    def __init__(self, folder: Path, cell: str) -> None:
        super().__init__(save_dir=str(folder), name="logs", version=cell)
        file = Path(self.log_dir) / "metrics.csv"
        self.before = pd.read_csv(file).to_dict("records") if file.is_file() else []  # of an earlier process

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        before, self.before = self.before, []
        for row in before:
            kept: dict[str, Any] = {str(key): value for key, value in row.items() if not pd.isna(value)}
            if (number := int(kept.pop("step"))) < (step or 0):
                super().log_metrics(kept, number)
        super().log_metrics(metrics, step)


def check_logger(kind: str) -> None:
    """Raises MedxferError where the logger's package is not installed, or where WANDB_MODE is none of W&B's."""
    if kind == "mlflow" and find_spec("mlflow") is None:
        raise MedxferError("logger=mlflow is not installed: pip install 'medxfer[mlflow]'")
    if kind == "wandb":
        asked_mode()
