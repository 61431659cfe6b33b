"""The grid around its cells: checked and planned before the first one trains, judged and reported after the last."""

import re
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.files import private_folder
from medxfer.base.stop import stop_politely
from medxfer.base.words import count, describe
from medxfer.grid.devices import gpus, hold_gpu
from medxfer.grid.introduction import introduce, introduce_data, looks_of
from medxfer.grid.jobs import Job, without_hydra
from medxfer.grid.launched import begin_work, check_launcher
from medxfer.grid.rounds import Rounds
from medxfer.grid.settled import Grid, Launch
from medxfer.study.folder import Division, Study, withdrawn_cells
from medxfer.study.identity import FOLD, PATH_KEYS, VALUES, Json
from medxfer.study.unplanned import unplanned
from medxfer.training.prepare import Impossible, Preparation, Settled, on_gpu
from medxfer.training.wandb_run import offline_hint


class GridHooks(Callback):
    """A single cell as a grid of one; GridSweeper does the same around many."""

    def __init__(self) -> None:
        self.rounds: Rounds | None = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        job = Job(without_hydra(config), {})
        with errors_exit():
            if job.base.plan:
                show_plan([job])
                sys.exit(0)
            self.rounds = Rounds(begin([job], command(sys.argv[1:])))
            self.rounds.next()

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        with errors_exit():
            check_launcher(config.hydra)
            private_folder(Path(config.hydra.sweep.dir))

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Called in the process that trains the cell, which other launchers than Hydra's own start."""
        with errors_exit():
            begin_work(config)

    def on_run_end(self, config: DictConfig, **_: Any) -> None:
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
        yield
    except MedxferError as error:
        display.close()
        sys.exit(f"error: {error}")
    except HydraException:  # a wrong override: Hydra says so itself
        raise
    except Exception:
        display.close()
        traceback.print_exc()
        sys.exit(1)


def begin(jobs: Sequence[Job], command: str) -> Grid:
    """Settle every cell, name those that cannot be, and enter all into their study's plan.

    Raises MedxferError where no cell can be, or the study's folder cannot be used.
    """
    stop_politely()
    launches, settled, preparations = settle(jobs)
    possible = [one.cell for one in settled if isinstance(one, Settled)]
    for study in dict.fromkeys(cell.study for cell in possible):
        study.check_divided(_divisions(settled, study))
        study.check_distinct({cell.name: cell.factors for cell in possible if cell.study == study})
        study.check_external(_external(settled, study))
    for preparation in preparations:
        preparation.enter()  # the first that is written
    cells = []
    for one in settled:
        if isinstance(one, Impossible):
            cells.append(one.cell(possible[0].study))
            cells[-1].record_failed(one.error)
        else:
            cells.append(one.cell)
    to_train = [n for n, one in enumerate(settled) if isinstance(one, Settled) and not one.cell.is_done()]
    config = jobs[0].base
    grid = Grid(
        tuple(launches),
        tuple(cells),
        tuple(to_train),
        config.report.images,
        Path(config.store.root).expanduser(),
        config,
    )
    for study in grid.studies:
        of_study = {cell.name: cell.factors for cell in cells if cell.study == study}
        study.plan(of_study, command, _divisions(settled, study))
        study.enter_external(_external(settled, study))
        introduce(study, [cell for cell in cells if cell.study == study])
        for text in unplanned(study.declared, study.planned.values()):
            display.say(f"[yellow]{escape(text)}[/]")
    return grid


def show_plan(jobs: Sequence[Job]) -> None:
    """Print what the jobs would train, how long it takes and what it could find; train nothing."""
    from medxfer.grid.plan import print_plan

    stop_politely()
    names = gpus() if on_gpu(jobs[0].base) else []
    hold_gpu(names)
    launches, settled, _ = settle(jobs)
    for study in dict.fromkeys(one.cell.study for one in settled if isinstance(one, Settled)):
        study.check_divided(_divisions(settled, study))
    print_plan([jobs[launch.job].of_fold(launch.fold) for launch in launches], settled, max(len(names), 1))


def settle(jobs: Sequence[Job]) -> tuple[list[Launch], list[Settled | Impossible], list[Preparation]]:
    """Check every cell's settings, weights and data, and name those that cannot be; nothing is written into a study.

    The preparations write the studies, by `enter`.

    A job whose patients are divided into folds has a cell for each, one after another.

    Raises MedxferError where no cell can be, or where two data sets share pictures.
    """
    warnings.showwarning = display.warn
    display.say("[dim]checking settings, weights and data; data is decoded once[/]")
    pending: dict[Path, Json] = {}
    preparations = {id(job.base): Preparation(job.base, display.step, pending) for job in jobs}
    launches, settled = [], []
    for number, job in enumerate(jobs):
        preparation = preparations[id(job.base)]
        asked = {**{key: job.base.get(key) for key in VALUES}, **job.values}
        for values in preparation.each_fold(asked):
            launches.append(Launch(number, None if values[FOLD] == asked[FOLD] else values[FOLD]))
            settled.append(preparation.settle(values))
    display.drop("decoding")
    reasons = Counter(str(one.error) for one in settled if isinstance(one, Impossible))
    if reasons.total() == len(settled):
        raise MedxferError("; ".join(reasons))
    possible = [one for one in settled if isinstance(one, Settled)]
    _check_apart(possible, Path(jobs[0].base.store.root).expanduser())
    introduce_data(possible)
    for text, number in reasons.items():
        display.say(f"[red]{number} of {len(settled)} cells cannot be:[/] {escape(text)}")
    return launches, settled, list(preparations.values())


def _external(settled: Sequence[Settled | Impossible], study: Study) -> dict[str, str]:
    """The external sets that cells of the study are scored on, name -> fingerprint."""
    cells = [one for one in settled if isinstance(one, Settled) and one.cell.study == study]
    return {one.name: one.fingerprint for cell in cells for one in cell.external}


def _divisions(settled: Sequence[Settled | Impossible], study: Study) -> list[Division]:
    """How the study's data sets are divided, each way once."""
    cells = [one for one in settled if isinstance(one, Settled) and one.cell.study == study]
    return list(dict.fromkeys(Division(str(one.cell.factors["data"]), one.split.folds, one.split.way) for one in cells))


def _check_apart(settled: Sequence[Settled], root: Path) -> None:
    """Raise MedxferError where a picture is in two data sets: an answer would take its patient for two.

    The data sets are those of `settled` and those that their studies have planned before, as far as their decoded
    images are still in `root`.
    """
    pictures = {str(one.cell.factors["data"]): set(one.store.images["pixels"]) for one in settled}
    for study in {one.cell.study for one in settled}:
        record = study.record if (study.folder / "study.json").is_file() else {"data": {}, "planned": {}}
        withdrawn = withdrawn_cells(record)
        planned = {factors["data"] for cell, factors in record["planned"].items() if cell not in withdrawn}
        for name, fingerprint in record["data"].items():
            if name in planned and name not in pictures:
                tables = root.glob(f"*-{fingerprint}/*/images.parquet")
                pictures[name] = {key for path in tables for key in pd.read_parquet(path, columns=["pixels"])["pixels"]}
    for (name, one), (other_name, other) in combinations(pictures.items(), 2):
        if shared := one & other:
            raise MedxferError(
                f"data '{name}' and '{other_name}' have {count(len(shared), 'picture')} in common, pixel by pixel, "
                "and an answer would take their patients for two: leave them out of one of the two, or give each its "
                "own command and study.name; for other divisions of one data set use data.split.resample=true"
            )


def finish(rounds: Rounds, lost: Exception | None = None) -> bool:
    """Report every study that the grid touched, name what failed, and say whether all that was asked for is done.

    What no look needs any more counts as done. `lost` is what took the launcher's workers.
    """
    display.close()
    grid = rounds.grid
    for study in grid.studies:
        if study not in rounds.reported:
            rounds.report(study)
        if about := looks_of(study):
            display.say(f"[bold]{escape(study.name)}[/]: {escape(about)}")
        if hint := offline_hint(study):
            display.say(f"[dim]curves: {escape(hint)}[/]")
    missing = [cell for cell in grid.cells if not cell.is_done() and cell.is_needed()]
    for cell in missing:
        why = cell.failure() or "another process trains it, it was stopped, or it could not be recorded"
        text = f"{describe(cell.factors, cell.study.varied)}: {why}"
        display.say(f"[red]not done:[/] {escape(text)}")
    if lost is not None:
        reason = (str(lost).strip() or type(lost).__name__).splitlines()[0]
        display.say(
            f"[red]the workers were lost[/] ({escape(reason)}); the same command goes on where this one stopped"
        )
    return not missing and lost is None


def command(arguments: Sequence[str]) -> str:
    """The command as one may publish it: without paths."""
    public = []
    for argument in arguments:
        key, equals, _ = argument.partition("=")
        is_path = equals and key.rpartition(".")[2] in PATH_KEYS
        public.append(f"{key}=<path>" if is_path else re.sub(r"file:[^,]*/", "file:", argument))
    return " ".join(["python -m medxfer.train", *public])
