"""Train one cell, or with -m a grid of them: python -m medxfer.train [-m] [overrides]."""

import sys
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig

import medxfer.grid.devices  # noqa: F401 - a resolver of conf/hydra/launcher
from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.base.overrides import check_overrides


def train(config: DictConfig) -> tuple[dict[str, float], dict[str, Any]]:
    """`medxfer.training.run.train`, for notebooks: train the cell that `config` describes; its metrics and objects."""
    from medxfer.training import run  # with torch: --help and wrong overrides answer without it

    return run.train(config)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(config: DictConfig) -> None:
    """One job of Hydra's. What fails is recorded and said here, so that the others run; the grid's end counts it."""
    from rich.markup import escape

    from medxfer.base.memory import drop_cell, keep_imports
    from medxfer.base.stop import stop_if_asked, stop_politely
    from medxfer.grid.live import live_grid, validated
    from medxfer.study.cell import sentence
    from medxfer.study.claim import Taken
    from medxfer.training.prepare import Impossible, cells_of, prepare
    from medxfer.training.run import train_cell  # with all that is heavy, so before keep_imports()

    keep_imports()
    stop_politely()
    for one in cells_of(config):
        prepared = prepare(one)
        if isinstance(prepared, Impossible) or prepared.cell.is_done():
            continue  # named, or counted, before the grid began
        if not prepared.cell.is_needed():
            live_grid.cell_ended(prepared.cell, "not needed, because its study has stopped (study.looks)")
            continue
        try:
            metrics, _ = train_cell(prepared)
            live_grid.cell_ended(prepared.cell, validated(metrics, config.study.metric))
        except Taken:
            live_grid.cell_ended(prepared.cell, "another process trains it")
        except Exception as error:
            live_grid.cell_ended(prepared.cell, f"[red]failed:[/] {escape(sentence(error))}", went_wrong=True)
        drop_cell()
        stop_if_asked()  # a signal within drop_cell() is lost


def answer_overrides(arguments: list[str]) -> None:
    """Exit with the form that works where Hydra would answer a name in `arguments` with its grammar."""
    given = get_args_parser().parse_known_args(arguments)[0]
    try:
        check_overrides(given.overrides, sweep=given.multirun)
    except MedxferError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    answer_overrides(sys.argv[1:])
    main()
