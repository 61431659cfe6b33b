"""A process that a launcher starts to train cells."""

from omegaconf import DictConfig

import medxfer.base.config  # noqa: F401 - this process composes configurations as well
from medxfer.base.errors import MedxferError
from medxfer.grid.devices import gpus, hold_gpu

EXTRAS = {"joblib": "joblib", "submitit_local": "slurm", "submitit_slurm": "slurm"}  # by launcher


def check_launcher(hydra: DictConfig) -> None:
    """Raises MedxferError if the launcher's plug-in is not installed."""
    name = hydra.runtime.choices["hydra/launcher"]
    if "_target_" not in hydra.launcher:
        raise MedxferError(f"hydra/launcher={name} is not installed: pip install 'medxfer[{EXTRAS[name]}]'")


def begin_work(config: DictConfig) -> None:
    """What a process does before its next cell, where the launcher is another than Hydra's own, which has one process.

    Several processes write to one terminal or to a file: lines, no bars. Slurm has given each job its devices.
    """
    name = config.hydra.runtime.choices["hydra/launcher"]
    if name == "basic":
        return
    from medxfer.base.display import display

    display.close()
    display.plain = True
    if name == "joblib":
        hold_gpu(gpus(), int(config.hydra.launcher.n_jobs))
