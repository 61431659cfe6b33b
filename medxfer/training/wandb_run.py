"""A cell's run at W&B, with its curves, factors and settings."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pytorch_lightning.loggers import Logger, WandbLogger

from medxfer.base.words import arm_name
from medxfer.study.cell import Cell, public_settings
from medxfer.training.wandb_start import start_run

LONGEST_TAG = 64


class StudyWandbLogger(WandbLogger):
    """Gives W&B the training's own steps; in a resumed offline run, a second file, it would count from 0 again."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.experiment.log(dict(metrics), step=step)

    def conclude(self, metrics: Mapping[str, float]) -> None:
        """Put the validation `metrics` of the epoch that is tested into the run's summary, for the last epoch's."""
        self.experiment.summary.update({name: value for name, value in metrics.items() if name.startswith("val/")})


@contextmanager
def wandb_run(project: str, entity: str | None, cell: Cell) -> Iterator[Logger]:
    """The cell's run, one a study and a cell; finished when the block ends, and as failed where the block raised.

    A run that the caller has open, in a notebook, stays open.
    """
    run = start_run(
        project=project,
        entity=entity,
        id="-".join(filter(None, [cell.name, cell.study.record.get("id")])),
        name=cell.name,
        group=cell.study.name,
        job_type=arm_name(cell.arm),
        tags=[str(cell.factors[key])[:LONGEST_TAG] for key in ("data", "backbone", "colormap")],
        config=public_settings(cell),
        dir=str(cell.study.folder),
        resume="allow",
        reinit="create_new",
    )
    run.define_metric("epoch", hidden=True)
    run.define_metric("train/*", step_metric="epoch")
    run.define_metric("val/*", step_metric="epoch")
    exit_code = 1
    try:
        yield StudyWandbLogger(experiment=run)
        exit_code = 0
    except (SystemExit, KeyboardInterrupt):
        run.mark_preempting()  # W&B then shows it as preempted, not as failed
        raise
    finally:
        run.finish(exit_code=exit_code)
