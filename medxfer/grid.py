"""The grid around its cells: checked and planned before the first one trains, judged and reported after the last."""

import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict
from rich.markup import escape

from medxfer.data.dataset import private_folder
from medxfer.errors import MedxferError
from medxfer.prepare import Impossible, prepare
from medxfer.report import report
from medxfer.study.cell import Cell
from medxfer.study.identity import PATH_KEYS
from medxfer.study.progress import describe, display
from medxfer.study.study import Study
from medxfer.worker import begin_work, check_launcher


@dataclass(frozen=True)
class Grid:
    """What one command asks for."""

    cells: tuple[Cell, ...]  # those that can be, and those that cannot
    images: bool  # whether the page shows pictures of patients
    store_root: Path

    @property
    def studies(self) -> list[Study]:
        return list(dict.fromkeys(cell.study for cell in self.cells))


class GridHooks(Callback):
    """Called by Hydra in the process that the user started, whatever the launcher."""

    def __init__(self) -> None:
        self.grid: Grid | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        self._begin([config])

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        with _errors_exit():
            check_launcher(config.hydra)
            private_folder(Path(config.hydra.sweep.dir))
        self._begin(sweep_configs(config))

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Called in the process that trains the cell, which other launchers than Hydra's own start."""
        with _errors_exit():
            begin_work(config)

    def on_run_end(self, config: DictConfig, **_: Any) -> None:
        self._finish()

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        self._finish()

    def _begin(self, configs: Sequence[DictConfig]) -> None:
        warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
        with _errors_exit():
            self.grid = begin([without_hydra(config) for config in configs], command(sys.argv[1:]))

    def _finish(self) -> None:
        assert self.grid is not None
        with _errors_exit():
            complete = finish(self.grid)
        if not complete:
            sys.exit(1)


@contextmanager
def _errors_exit() -> Iterator[None]:
    """Hydra would turn an exception here into a warning and go on; SystemExit passes."""
    try:
        yield
    except MedxferError as error:
        display.close()
        sys.exit(f"error: {error}")
    except Exception:
        display.close()
        traceback.print_exc()
        sys.exit(1)


def begin(configs: Sequence[DictConfig], command: str) -> Grid:
    """Settle every cell, name those that cannot be, and enter all into their study's plan.

    Raises MedxferError where no cell can be, or the study's folder cannot be used.
    """
    display.say("[dim]checking settings, weights and data; data is decoded once[/]")
    prepared = [prepare(config, progress=display.step) for config in configs]
    display.drop("decoding")
    possible = [p for p in prepared if not isinstance(p, Impossible)]
    impossible = [p for p in prepared if isinstance(p, Impossible)]
    reasons = list(dict.fromkeys(str(p.error) for p in impossible))
    if not possible:
        raise MedxferError("; ".join(reasons))
    cells = [p.cell for p in possible]
    for p in impossible:
        cell = p.cell(cells[0].study)
        cell.record_failed(p.error)
        cells.append(cell)
    for text in reasons:
        count = sum(str(p.error) == text for p in impossible)
        display.say(f"[red]{count} of {len(configs)} cells cannot be:[/] {escape(text)}")
    grid = Grid(tuple(cells), configs[0].report.images, Path(configs[0].store.root).expanduser())
    for study in grid.studies:
        study.plan({cell.name: cell.factors for cell in cells if cell.study == study}, command)
        _introduce(study, [cell for cell in cells if cell.study == study])
    display.expect(sum(not cell.is_done() for cell in cells) - len(impossible))
    return grid


def finish(grid: Grid) -> bool:
    """Report every study that the grid touched, name what failed, and say whether all that was asked for is done."""
    display.close()
    for study in grid.studies:
        report(study.folder, grid.images, grid.store_root)
    missing = [cell for cell in grid.cells if not cell.is_done()]
    for cell in missing:
        why = cell.failure() or "another process trains it, or it was stopped"
        display.say(f"[red]not done:[/] {escape(f'{describe(cell)}: {why}')}")
    return not missing


def sweep_configs(config: DictConfig) -> list[DictConfig]:
    """The configuration of every job of a multirun, as Hydra's sweeper will compose them."""
    loader = GlobalHydra.instance().config_loader()
    parser = OverridesParser.create(config_loader=loader)
    fixed = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    overrides = parser.parse_overrides([*fixed, *config.hydra.overrides.task])
    (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return [loader.load_sweep_config(config, list(job)) for job in jobs]


def without_hydra(config: DictConfig) -> DictConfig:
    """The application's part of a composed configuration, as Hydra hands it to a job."""
    config = config.copy()
    with open_dict(config):
        config.pop("hydra", None)
    return config


def command(arguments: Sequence[str]) -> str:
    """The command as one may publish it: without paths."""
    public = []
    for argument in arguments:
        key, equals, _ = argument.partition("=")
        is_path = equals and key.rpartition(".")[2] in PATH_KEYS
        public.append(f"{key}=<path>" if is_path else re.sub(r"file:[^,]*/", "file:", argument))
    return " ".join(["python -m medxfer.train", *public])


def _introduce(study: Study, cells: Sequence[Cell]) -> None:
    done = sum(cell.is_done() for cell in cells)
    display.say(f"[bold]{study.name}[/]: {len(cells)} cells, {done} done before")
