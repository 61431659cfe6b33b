"""A cell's run at W&B, with its curves, factors and settings."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.loggers.logger import DummyLogger
from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.words import arm_name
from medxfer.study.cell import Cell, public_settings
from medxfer.training.wandb_start import check_disk, start_run

LONGEST_TAG = 64


class StudyWandbLogger(WandbLogger):
    """Gives W&B the training's own steps; in a resumed offline run, a second file, it would count from 0 again.

    Where W&B cannot write any more (a full disk, its process is gone), that is said once, and the training goes on.
    """

    def __init__(self, run: Any, cell: Cell) -> None:
        super().__init__(experiment=run)
        self.cell, self.writes = cell, True

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        with self.writing():
            if (folder := self.cell.study.folder / "wandb").is_dir():
                check_disk(folder)
            self.experiment.log(dict(metrics), step=step)

    def conclude(self, metrics: Mapping[str, float]) -> None:
        """Put the validation `metrics` of the epoch that is tested into the run's summary, for the last epoch's."""
        with self.writing():
            self.experiment.summary.update({name: value for name, value in metrics.items() if name.startswith("val/")})

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What W&B is told here costs no training."""
        try:
            yield
        except OSError as error:
            if self.writes:
                _say_without(self.cell, error)
            self.writes = False


def _say_without(cell: Cell, error: OSError) -> None:
    display.say(
        f"[yellow]W&B lacks curves of {escape(cell.name)} ({error.strerror or type(error).__name__}): "
        "the training goes on, and its record in the study's folder has them all[/]"
    )


@contextmanager
def wandb_run(project: str, entity: str | None, cell: Cell) -> Iterator[Logger]:
    """The cell's run, one a study and a cell; finished when the block ends, and as failed where the block raised.

    A run that the caller has open, in a notebook, stays open. Where the disk takes none, nothing is logged.
    """
    try:
        run = start_run(
            cell.study,
            project=project,
            entity=entity,
            id="-".join(filter(None, [cell.name, cell.study.record.get("id")])),
            name=cell.name,
            job_type=arm_name(cell.arm),
            tags=[str(cell.factors[key])[:LONGEST_TAG] for key in ("data", "backbone", "colormap")],
            config=public_settings(cell),
        )
    except OSError as error:
        _say_without(cell, error)
        yield DummyLogger()
        return
    run.define_metric("epoch", hidden=True)
    run.define_metric("train/*", step_metric="epoch")
    run.define_metric("val/*", step_metric="epoch")
    logger, exit_code = StudyWandbLogger(run, cell), 1
    try:
        yield logger
        exit_code = 0
    except (SystemExit, KeyboardInterrupt):
        run.mark_preempting()  # W&B then shows it as preempted, not as failed
        raise
    finally:
        with logger.writing():
            run.finish(exit_code=exit_code)
