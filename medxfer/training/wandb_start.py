"""Runs at W&B: online where there is a key and an answer, else offline; never a prompt, nothing private."""

import os
import shlex
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from medxfer.base.display import display
from medxfer.base.errors import unknown
from medxfer.base.words import listing
from medxfer.study.folder import Study

WandbMode = Literal["online", "offline", "disabled", "shared"]
PROBE = ".space"
ANSWER = 5.0  # seconds that a server may take to answer before runs are kept offline


def start_run(study: Study, **about: Any) -> Any:
    """`wandb.init` of a run of `study`, or its continuation, private and as `wandb_mode` says; offline where W&B
    refuses it.

    Raises OSError where the disk of the study's folder takes nothing: W&B would print its own log's errors.
    """
    import wandb

    mode = wandb_mode()
    if mode != "disabled":
        check_disk(study.folder / "wandb")
    os.environ["WANDB_MODE"] = mode  # W&B reads it as well, and knows small letters alone
    about |= {"group": study.name, "dir": str(study.folder), "resume": "allow", "reinit": "create_new"}
    settings = wandb.Settings(**PRIVATE)
    try:
        return wandb.init(**about, mode=mode, settings=settings)
    except wandb.errors.CommError as error:  # a key that is refused, a server that went away
        if mode != "online":
            raise
        _say_offline(type(error).__name__)
        return wandb.init(**about, mode="offline", settings=settings)


def check_disk(folder: Path) -> None:
    """Raise OSError where the disk of W&B's `folder` takes nothing: its own process then loses curves in silence."""
    folder.mkdir(exist_ok=True)
    probe = folder / PROBE
    try:
        probe.write_bytes(bytes(4096))
    finally:
        probe.unlink(missing_ok=True)


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
    """The command that sends a study's offline runs to W&B; None if there are none that were not sent.

    It is one for the study's folder, where the files that the runs name are found.
    """
    runs = sorted((study.folder / "wandb").glob("offline-run-*"))
    left = [run.name for run in runs if not any(run.glob("*.wandb.synced"))]  # the mark that `wandb sync` leaves
    names = ["offline-run-*"] if left == [run.name for run in runs] else left
    return (
        f"cd {shlex.quote(str(study.folder))} && wandb sync {' '.join(f'wandb/{one}' for one in names)}"
        if left
        else None
    )


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
