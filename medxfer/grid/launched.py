"""A process that a launcher starts to train cells."""

import shutil

import joblib
from hydra.types import RunMode
from omegaconf import DictConfig

import medxfer.base.config  # noqa: F401 - this process composes configurations as well
from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.surroundings import prepare_surroundings
from medxfer.grid.devices import gpus, hold_gpu

EXTRAS = {"joblib": "joblib", "submitit_local": "slurm", "submitit_slurm": "slurm"}  # by launcher


def check_launcher(hydra: DictConfig) -> None:
    """Raises MedxferError if the launcher's plug-in is not installed, there is no Slurm, or it is to start nothing."""
    name = hydra.runtime.choices["hydra/launcher"]
    if "_target_" not in hydra.launcher:
        raise MedxferError(f"hydra/launcher={name} is not installed: pip install 'medxfer[{EXTRAS[name]}]'")
    if name == "submitit_slurm" and shutil.which("srun") is None:  # by which submitit tells a cluster
        raise MedxferError(
            f"hydra/launcher={name}: there is no Slurm here (no program srun); run this where sbatch works, or take "
            "hydra/launcher=joblib"
        )
    if name == "joblib" and workers_of(hydra.launcher.n_jobs) < 1:
        raise MedxferError(
            f"hydra.launcher.n_jobs={hydra.launcher.n_jobs}: give how many cells to train at once, or -1 for one a core"
        )


def workers_of(n_jobs: int) -> int:
    """How many processes joblib starts: below 0 it counts back from the machine's cores, -1 is all of them."""
    return int(n_jobs) if n_jobs >= 0 else joblib.cpu_count() + 1 + int(n_jobs)


def check_folders(hydra: DictConfig) -> None:
    """Raises MedxferError if cells would train in folders of their own."""
    if hydra.job.chdir:
        raise MedxferError(
            "hydra.job.chdir=true: a cell finds its study and data from the folder in which the command began; leave "
            "this out, and move studies by study.root="
        )


def trains_here(hydra: DictConfig) -> bool:
    """Whether cells train on this machine; Slurm's nodes may have other devices."""
    return bool(hydra.mode == RunMode.RUN or hydra.runtime.choices["hydra/launcher"] != "submitit_slurm")


def begin_work(config: DictConfig) -> None:
    """What a process does before its next cell: it takes one of the GPUs, where Slurm has not given it one.

    Of other launchers than Hydra's own several processes write to one terminal or to a file: lines, no bars.
    """
    from medxfer.training.compute import on_gpu  # with torch

    prepare_surroundings()
    name = config.hydra.runtime.choices["hydra/launcher"]
    if name != "basic":
        display.close()
        display.plain = True
    if name != "submitit_slurm" and on_gpu(config):
        hold_gpu(gpus(), workers_of(config.hydra.launcher.n_jobs) if name == "joblib" else None)
