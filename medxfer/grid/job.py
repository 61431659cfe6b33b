"""One job of Hydra's: the cells that it asks for, trained one after another in this process."""

import sys

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.memory import drop_cell, keep_imports
from medxfer.base.stop import stop_if_asked, stop_politely
from medxfer.grid.around import begin, finish
from medxfer.grid.command_line import published
from medxfer.grid.jobs import Job
from medxfer.grid.live import live_grid, validated
from medxfer.grid.rounds import Rounds
from medxfer.study.cell import Cell, sentence
from medxfer.study.claim import Taken
from medxfer.training.prepare import cells_of, prepare
from medxfer.training.run import train_cell  # with all that is heavy, so before keep_imports()


def run_job(config: DictConfig) -> float | None:
    """Train the job's cells; the monitored validation metric, as a mean over folds. None where one has none.

    What fails is recorded and said here, so that others run; the grid's end counts it. Under another sweeper than
    medxfer's each job is a grid of one, and raises MedxferError where it is not done: an optimiser must not take a
    failure for a result.
    """
    keep_imports()
    stop_politely()
    if not _swept_by_another():
        return _train(config)
    if config.plan:
        raise MedxferError("plan=true plans a grid, and hydra/sweeper= decides on each cell as it goes: leave one out")
    rounds = Rounds(begin([Job(config, {})], published(sys.argv[1:])))
    rounds.next()
    value = _train(config)
    rounds.next()
    if not finish(rounds) or value is None:
        raise MedxferError("; ".join({cell.failure() or "another process trains it" for cell in rounds.grid.cells}))
    return value


def _swept_by_another() -> bool:
    """Whether a sweeper that knows nothing of studies asks for this job, such as Optuna's."""
    if not HydraConfig.initialized():
        return False
    hydra = HydraConfig.get()
    return hydra.mode == RunMode.MULTIRUN and hydra.runtime.choices["hydra/sweeper"] != "grid"


def _train(config: DictConfig) -> float | None:
    try:
        values = [_train_one(one, config.study.metric) for one in cells_of(config)]
    except MedxferError as error:  # since the grid began, or on this worker alone: such as a file that went away
        display.say(f"[red]not trained:[/] {escape(str(error))}")
        return None
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if len(found) == len(values) else None


def _train_one(config: DictConfig, metric: str) -> float | None:
    prepared = prepare(config)
    cell = prepared.cell
    if cell.is_done():
        return _monitored(cell, config.monitor)
    if not cell.is_needed():
        live_grid.cell_ended(cell, "not needed, because its study has stopped (study.looks)")
        return None
    try:
        metrics, _ = train_cell(prepared)
        live_grid.cell_ended(cell, validated(metrics, metric))
    except Taken:
        live_grid.cell_ended(cell, "another process trains it")
    except Exception as error:
        live_grid.cell_ended(cell, f"[red]failed:[/] {escape(sentence(error))}", went_wrong=True)
    drop_cell()
    stop_if_asked()  # a signal within drop_cell() is lost
    return _monitored(cell, config.monitor) if cell.is_done() else None


def _monitored(cell: Cell, monitor: str) -> float | None:
    return cell.metrics().get(monitor)
