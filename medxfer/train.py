"""Train one cell, or with -m a grid of them: python -m medxfer.train [-m] [overrides]."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig

import medxfer.grid.devices  # noqa: F401 - a resolver of conf/hydra/launcher
from medxfer.base.config import CONF

if TYPE_CHECKING:  # --help and wrong overrides answer without torch
    from medxfer.training.prepare import Prepared


def train(config: DictConfig) -> tuple[dict[str, float], dict[str, Any]]:
    """Train the cell that `config` describes and record it. A cell that is done is not trained again.

    Returns its metrics and, if it was trained now, its objects (trainer, model, data). Raises MedxferError if the
    cell cannot exist, and Taken if another process trains it. An error in the training is recorded, then raised.
    """
    from medxfer.training.prepare import Impossible, prepare

    prepared = prepare(config)
    if isinstance(prepared, Impossible):
        raise prepared.error
    return train_cell(prepared)


def train_cell(prepared: "Prepared") -> tuple[dict[str, float], dict[str, Any]]:
    """`train` for a cell that is prepared."""
    from medxfer.training.fit import fit
    from medxfer.training.loggers import cell_logger

    cell = prepared.cell
    with cell.claim():
        if cell.is_done():
            return cell.metrics(), {}
        try:
            with cell_logger(prepared.config, cell) as logger:
                fitted = fit(prepared, logger)
            cell.record_done(prepared.config, fitted.record, fitted.predictions, fitted.colors)
        except Exception as error:
            with suppress(OSError):  # a full disk takes no reason; who catches this still has it
                cell.record_failed(error)
            raise
    return fitted.record["metrics"], fitted.objects


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(config: DictConfig) -> None:
    """One job of Hydra's. What fails is recorded and said here, so that the others run; the grid's end counts it."""
    from rich.markup import escape

    from medxfer.base.memory import drop_cell, keep_imports
    from medxfer.base.stop import stop_politely
    from medxfer.grid.live import live_grid
    from medxfer.study.cell import sentence
    from medxfer.study.claim import Taken
    from medxfer.training import fit  # noqa: F401 - all that is heavy, before what is kept is told from what a cell leaves
    from medxfer.training.prepare import Impossible, prepare

    keep_imports()
    stop_politely()
    prepared = prepare(config)
    if isinstance(prepared, Impossible) or prepared.cell.is_done():
        return  # named, or counted, before the grid began
    try:
        metrics, _ = train_cell(prepared)
        live_grid.cell_ended(prepared.cell, f"test accuracy {metrics['test/accuracy']:.3f}")
    except Taken:
        live_grid.cell_ended(prepared.cell, "another process trains it")
    except Exception as error:
        live_grid.cell_ended(prepared.cell, f"[red]failed:[/] {escape(sentence(error))}", went_wrong=True)
    drop_cell()


if __name__ == "__main__":
    main()
