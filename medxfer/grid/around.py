"""The grid around its cells: checked and planned before the first one trains, judged and reported after the last."""

from collections.abc import Sequence

from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.words import describe
from medxfer.grid.devices import gpus, hold_gpu
from medxfer.grid.introduction import introduce, looks_of
from medxfer.grid.jobs import Job
from medxfer.grid.rounds import Grid, Rounds
from medxfer.grid.settling import checked_jobs, divisions, external_of, settle
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.unplanned import unplanned
from medxfer.training.compute import on_gpu
from medxfer.training.plugged import responsibilities
from medxfer.training.wandb_start import offline_hint

_NOT_TRAINED = "another process trains it, it was stopped, or it could not be recorded"


def begin(jobs: Sequence[Job], command: str, here: bool = True) -> Grid:
    """Settle every cell, and enter all into their study's plan; `here`: cells train on this machine.

    Raises MedxferError as `checked_jobs` and `settle`, or where a study's folder cannot be used.
    """
    jobs = checked_jobs(jobs, here)
    of_cells, settled, preparations = settle(jobs)
    for preparation in preparations:
        preparation.enter()  # the first that is written
    for text in responsibilities(jobs[0].base):
        display.say(f"[yellow]{escape(text)}[/]")
    cells = tuple(one.cell for one in settled)
    grid = Grid(tuple(of_cells), cells, jobs[0].base)
    for study in grid.studies:
        of_study = {cell.name: cell.factors for cell in cells if cell.study == study}
        study.plan(of_study, command, divisions(settled, study))
        study.enter_external(external_of(settled, study))
        introduce(study, [cell for cell in cells if cell.study == study])
        for text in unplanned(study.declared, study.planned.values()):
            display.say(f"[yellow]{escape(text)}[/]")
    return grid


def show_plan(jobs: Sequence[Job], here: bool = True) -> None:
    """Print what the jobs would train, how long it takes and what it could find; train nothing. Raises as `begin`."""
    from medxfer.grid.plan import print_plan

    jobs = checked_jobs(jobs, here)
    names = gpus() if on_gpu(jobs[0].base) else []
    hold_gpu(names)
    of_cells, settled, _ = settle(jobs)
    print_plan(of_cells, settled, max(len(names), 1))


def finish(rounds: Rounds, lost: Exception | None = None) -> bool:
    """Report every study that the grid touched, name what failed, and say whether all that was asked for is done.

    What no look needs any more counts as done. `lost` is what took the launcher's workers.
    """
    display.close()
    grid, complete = rounds.grid, lost is None
    for study in grid.studies:
        if study not in rounds.reported:
            try:
                rounds.report(study)
            except MedxferError as error:  # what is not done is said all the same
                complete = False
                display.say(f"[red]{escape(study.name)}: not reported:[/] {escape(str(error))}")
        if about := looks_of(study):
            display.say(f"[bold]{escape(study.name)}[/]: {escape(about)}")
        if hint := offline_hint(study):
            display.say(f"[dim]curves: {escape(hint)}[/]")
    missing = [cell for cell in grid.cells if not cell.is_done() and cell.is_needed()]
    by_reason: dict[tuple[Study, str], list[Cell]] = {}
    for cell in missing:
        why = cell.failure() or (_NOT_TRAINED if lost is None else "its worker did not come to its end")
        by_reason.setdefault((cell.study, why), []).append(cell)
    for (study, why), cells in by_reason.items():
        more = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
        text = f"{describe(cells[0].factors, study.varied)}{more}: {why}"
        display.say(f"[red]not done:[/] {escape(text)}")
    if lost is not None:
        display.say(_about_lost(lost))
    return complete and not missing


def _about_lost(lost: Exception) -> str:
    """What took the launcher's workers, and what helps."""
    reason = (str(lost).strip() or type(lost).__name__).splitlines()[0]
    if reason.startswith("sbatch:"):
        return (
            f"[red]Slurm took no job[/] ({escape(reason)}): run the command again with other settings of "
            "hydra.launcher, such as hydra.launcher.partition=; no cell depends on them"
        )
    return f"[red]the workers were lost[/] ({escape(reason)}); the same command goes on where this one stopped"
