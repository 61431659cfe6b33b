"""What Hydra calls around its jobs. Nothing here loads torch before it is needed: wrong commands end sooner."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from medxfer.base.disk import disk_errors
from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.files import private_folder
from medxfer.grid.command_line import published
from medxfer.grid.devices import let_go
from medxfer.grid.jobs import Job, without_hydra
from medxfer.grid.launched import begin_work, check_folders, check_launcher, trains_here
from medxfer.training.settings.composed import sentence

if TYPE_CHECKING:
    from medxfer.grid.rounds import Rounds


class GridHooks(Callback):
    """A single cell as a grid of one; GridSweeper does the same around many."""

    def __init__(self) -> None:
        self.rounds: Rounds | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        job = Job(without_hydra(config), {})
        with errors_exit():
            check_folders(config.hydra)
            from medxfer.grid.around import begin, show_plan
            from medxfer.grid.rounds import Rounds

            here = trains_here(config.hydra)
            if job.base.plan:
                show_plan([job], here)
                sys.exit(0)
            self.rounds = Rounds(begin([job], published(sys.argv[1:]), here))
            self.rounds.next()

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        with errors_exit():
            check_folders(config.hydra)
            check_launcher(config.hydra)
            if not (folder := Path(config.hydra.sweep.dir)).exists():  # a user's own keeps its mode
                private_folder(folder)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Called in the process that trains the cell, which other launchers than Hydra's own start."""
        with errors_exit():
            begin_work(config)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Called there as well, also of a cell that failed."""
        let_go()

    def on_run_end(self, config: DictConfig, **_: Any) -> None:
        from medxfer.grid.around import finish

        assert self.rounds is not None
        with errors_exit():
            self.rounds.next()  # takes the look for which this cell was the last one
            complete = finish(self.rounds)
        if not complete:
            sys.exit(1)


@contextmanager
def errors_exit() -> Iterator[None]:
    """Hydra would turn an exception here into a warning and go on; SystemExit passes."""
    try:
        with disk_errors():
            yield
    except MedxferError as error:
        display.close()
        sys.exit(f"error: {error}")
    except OmegaConfBaseException as error:
        display.close()
        sys.exit(f"error: {sentence(error)}")
    except HydraException:  # a wrong override: Hydra says so itself
        raise
    except Exception:
        display.close()
        traceback.print_exc()
        sys.exit(1)
