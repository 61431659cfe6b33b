"""One cell from its configuration to its record."""

from contextlib import suppress
from typing import Any

from omegaconf import DictConfig

from medxfer.training.compute import check_device
from medxfer.training.fit import fit
from medxfer.training.loggers import cell_loggers
from medxfer.training.prepare import prepare
from medxfer.training.room import check_room
from medxfer.training.settled_cell import Prepared
from medxfer.training.wandb_run import StudyWandbLogger


def train(config: DictConfig) -> tuple[dict[str, float], dict[str, Any]]:
    """Train the cell that `config` describes and record it. A cell that is done is not trained again.

    Returns its metrics and, if it was trained now, its objects (trainer, model, data).

    Raises:
        MedxferError: the cell cannot exist.
        Taken: another process trains it.
        Exception: what stopped the training; it is recorded first.
    """
    check_device(config)
    return train_cell(prepare(config))


def train_cell(prepared: Prepared) -> tuple[dict[str, float], dict[str, Any]]:
    """As `train`, for a cell that is prepared."""
    cell = prepared.cell
    with cell.claim():
        if cell.is_done():
            return cell.metrics(), {}
        try:
            check_room(prepared)
            with cell_loggers(prepared.config, cell) as loggers:
                fitted = fit(prepared, loggers)
                file = prepared.colors.content if prepared.colors else None
                cell.record_done(prepared.config, fitted.record, fitted.predictions, fitted.colors, file)
                for logger in loggers:
                    if isinstance(logger, StudyWandbLogger):
                        logger.conclude(fitted.record["metrics"])
        except Exception as error:
            with suppress(OSError):  # a full disk takes no reason; the caller still gets it
                cell.record_failed(error)
            raise
    return fitted.record["metrics"], fitted.objects
