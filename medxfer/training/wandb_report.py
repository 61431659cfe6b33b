"""A study's answer at W&B: one run beside those of its cells, with the page, the verdict and the tables as artifact."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from medxfer.study.folder import Study
from medxfer.training.wandb_start import start_run, wandb_mode

LONGEST_NAME = 80  # of a study in the run's id, which may have 128 characters


class Place(NamedTuple):
    """Where runs are at W&B."""

    project: str
    entity: str | None


def place_of(study: Study) -> Place | None:
    """Where the cell that was done last has its curves; None where that is not W&B."""
    configs = sorted(study.folder.glob("cells/*/config.yaml"), key=lambda path: path.stat().st_mtime)
    logger: Any = OmegaConf.select(OmegaConf.load(configs[-1]), "logger", default={}) if configs else {}
    found = logger if logger.get("kind") == "wandb" else logger.get("wandb")  # the first: of cells of an older version
    return Place(found["project"], found.get("entity")) if found else None


def send_answer(
    study: Study, place: Place, files: Mapping[str, str], notes: str, figures: Mapping[str, object]
) -> None:
    """Put `files` (name -> text) as artifact, `notes` (Markdown) and `figures` into the study's own run.

    It is the same run at every report, with a new version of the artifact where a file has changed. Kept offline, the
    last report's folder takes the place of the earlier ones.
    """
    if wandb_mode() == "disabled":
        return
    import wandb

    name = "-".join(filter(None, [study.name[:LONGEST_NAME], study.record.get("id"), "report"]))
    before = set((study.folder / "wandb").glob(f"*run-*-{name}"))
    run = start_run(study, **place._asdict(), id=name, name=f"{study.name} report", notes=notes, job_type="report")
    folder = Path(run.dir).parent
    artifact = wandb.Artifact(name, type="report")
    for file, text in files.items():
        path = Path(run.dir) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        entry = artifact.add_file(str(path), policy="immutable")  # a copy of W&B's would lie in the user's home
        if run.offline:  # for `wandb sync` in the study's folder, wherever that lies then
            entry.local_path = str(path.relative_to(study.folder))
    run.log_artifact(artifact)
    run.summary.update(dict(figures))
    run.finish()
    # W&B has what was sent, and a file here would name this machine's folders.
    for old in before - {folder} if run.offline else before | {folder}:
        shutil.rmtree(old, ignore_errors=True)
