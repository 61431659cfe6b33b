"""A cell's run on W&B: online where there is a key and an answer, else offline; never a prompt, nothing private."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, cast, get_args

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger, WandbLogger

from medxfer.base.display import display
from medxfer.base.errors import unknown
from medxfer.base.words import arm_name, listing
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import shared_settings, without_paths

WandbMode = Literal["online", "offline", "disabled", "shared"]
LONGEST_TAG = 64
ANSWER = 5.0  # seconds that a server may take to answer before runs are kept offline


class StudyWandbLogger(WandbLogger):
    """Gives W&B the training's own steps; in a resumed offline run, a second file, it would count from 0 again."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.experiment.log(dict(metrics), step=step)

    def conclude(self, metrics: Mapping[str, float]) -> None:
        """Put the validation `metrics` of the epoch that is tested into the run's summary, for the last epoch's."""
        self.experiment.summary.update({name: value for name, value in metrics.items() if name.startswith("val/")})


@contextmanager
def wandb_run(config: DictConfig, cell: Cell) -> Iterator[Logger]:
    """The cell's run, one a study and a cell; finished when the block ends, and as failed where the block raised.

    A run that the caller has open, in a notebook, stays open.
    """
    run = _started(
        project=config.logger.project,
        entity=config.logger.entity,
        id="-".join(filter(None, [cell.name, cell.study.record.get("id")])),
        name=cell.name,
        group=cell.study.name,
        job_type=arm_name(cell.arm),
        tags=[str(cell.factors[key])[:LONGEST_TAG] for key in ("data", "backbone", "colormap")],
        config={**cell.factors, "settings": without_paths(shared_settings(config))},
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


def _started(**about: Any) -> Any:
    import wandb

    mode = wandb_mode()
    os.environ["WANDB_MODE"] = mode  # W&B reads it as well, and knows small letters alone
    settings = wandb.Settings(**PRIVATE)
    try:
        return wandb.init(**about, mode=mode, settings=settings)
    except wandb.errors.CommError as error:  # a key that is refused, a server that went away
        if mode != "online":
            raise
        _say_offline(type(error).__name__)
        return wandb.init(**about, mode="offline", settings=settings)


@cache
def _say_offline(reason: str) -> None:
    display.note(f"W&B takes no runs ({reason}): they are kept offline in the study's folder, for `wandb sync`.")


def asked_mode() -> WandbMode | None:
    """WANDB_MODE, written in any case; None where it is not set. Raises MedxferError if it is none of W&B's."""
    mode, modes = os.environ.get("WANDB_MODE", "").strip().lower(), get_args(WandbMode)
    if mode and mode not in modes:
        raise unknown("WANDB_MODE", mode, modes, f"choose {listing(modes, 'or')}, or unset it.")
    return cast(WandbMode, mode) if mode else None


def wandb_mode() -> WandbMode:
    """The mode that was asked for, else online if there is a key; and offline if there is none, or no answer.

    Raises MedxferError as `asked_mode`.
    """
    import wandb

    mode: WandbMode = asked_mode() or ("online" if wandb.api.api_key else "offline")
    if mode == "online" and not _answers(wandb.setup().settings.base_url):
        _say_offline("its server does not answer")
        return "offline"
    return mode


@cache
def _answers(server: str) -> bool:
    """Whether `server` answers, asked once a process: W&B itself would wait a minute and a half in every cell."""
    import requests

    try:
        requests.head(server, timeout=ANSWER)
    except requests.RequestException:
        return False
    return True


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
