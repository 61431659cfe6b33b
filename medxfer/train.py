"""Train one cell, or with -m a grid of them: python -m medxfer.train [-m] [overrides]."""

from typing import Any

import hydra
from omegaconf import DictConfig

import medxfer.grid.devices  # noqa: F401 - a resolver of conf/hydra/launcher
from medxfer.base.config import CONF
from medxfer.grid.command_line import run_hydra


def train(config: DictConfig) -> tuple[dict[str, float], dict[str, Any]]:
    """`medxfer.training.run.train`, for notebooks: train the cell that `config` describes; its metrics and objects."""
    from medxfer.training import run  # with torch: --help and wrong overrides answer without it

    return run.train(config)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(config: DictConfig) -> float | None:
    """One job of Hydra's; returns the monitored validation metric, for sweepers that optimise it."""
    from medxfer.grid.job import run_job  # with torch

    return run_job(config)


if __name__ == "__main__":
    run_hydra(main)
