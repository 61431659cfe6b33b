"""Where a cell's curves go besides its own records: W&B, MLflow, a CSV file, or nowhere."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Literal, cast

from omegaconf import DictConfig
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from medxfer.base.errors import MedxferError
from medxfer.base.words import LOWER_IS_BETTER, arm_name
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import shared_settings, without_paths
from medxfer.training.mlflow_run import mlflow_run

WandbMode = Literal["online", "offline", "disabled", "shared"]
LONGEST_TAG = 64


@contextmanager
def cell_logger(config: DictConfig, cell: Cell) -> Iterator[Logger | None]:
    """The cell's logger; its run is finished when the block ends, and as failed where the block raised."""
    if config.logger.kind == "none":
        yield None
    elif config.logger.kind == "csv":
        yield CSVLogger(save_dir=str(cell.study.folder), name="logs", version=cell.name)
    else:
        run = mlflow_run(config.logger.uri, cell) if config.logger.kind == "mlflow" else _wandb_run(config, cell)
        with run as logger:
            yield logger


def check_logger(kind: str) -> None:
    """Raises MedxferError where the logger's package is not installed."""
    if kind == "mlflow" and find_spec("mlflow") is None:
        raise MedxferError("logger=mlflow is not installed: pip install 'medxfer[mlflow]'")


class SteppedWandbLogger(WandbLogger):
    """Gives W&B the training's own steps; in a resumed offline run, a second file, it would count from 0 again."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.experiment.log(dict(metrics), step=step)


@contextmanager
def _wandb_run(config: DictConfig, cell: Cell) -> Iterator[Logger]:
    import wandb

    run = wandb.init(
        project=config.logger.project,
        entity=config.logger.entity,
        id=cell.name,
        name=cell.name,
        group=cell.study.name,
        job_type=arm_name(cell.arm),
        tags=[str(cell.factors[key])[:LONGEST_TAG] for key in ("data", "backbone", "colormap")],
        config={**cell.factors, "settings": without_paths(shared_settings(config))},
        dir=str(cell.study.folder),
        mode=wandb_mode(),
        resume="allow",
        reinit="finish_previous",
        settings=wandb.Settings(**PRIVATE),
    )
    # Curves are drawn over epochs; the summary holds the best of validation and the results of the test.
    run.define_metric("epoch", hidden=True)
    run.define_metric("train/*", step_metric="epoch")
    run.define_metric("val/*", step_metric="epoch", summary="max")
    for name in LOWER_IS_BETTER:
        run.define_metric(f"val/{name}", step_metric="epoch", summary="min")
    exit_code = 1
    try:
        yield SteppedWandbLogger(experiment=run)
        exit_code = 0
    except (SystemExit, KeyboardInterrupt):
        run.mark_preempting()  # W&B then shows it as preempted, not as failed
        raise
    finally:
        run.finish(exit_code=exit_code)


def wandb_mode() -> WandbMode:
    """WANDB_MODE if it is set; else online if there is a key, and offline if not."""
    import wandb

    if mode := os.environ.get("WANDB_MODE"):
        return cast(WandbMode, mode)
    return "online" if wandb.api.api_key else "offline"


def offline_hint(study: Study) -> str | None:
    """The command that sends a study's offline runs to W&B; None if there are none."""
    folder = study.folder / "wandb"
    return f"wandb sync {folder}/offline-run-*" if any(folder.glob("offline-run-*")) else None


# Nothing of the machine, the command line (paths) or the terminal's text, and no prompt.
PRIVATE: dict[str, Any] = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "disable_job_creation": True,
    "save_code": False,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "host": "",
    "username": "",
    "program": "medxfer.train",
    "program_relpath": "medxfer.train",
    "program_abspath": "",
}
