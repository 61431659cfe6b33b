"""The libraries' messages that a user cannot act on, silenced; and a Trainer that keeps and prints nothing."""

import logging
import warnings
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

for _name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.ERROR)
# Advice on workers, GPUs and srun that does not fit here. Some of it points at the caller, so it is known by its words.
for _module in ("pytorch_lightning", "lightning_fabric", "torch.utils._pytree"):
    warnings.filterwarnings("ignore", module=_module)
for _text in (
    r"The `srun` command is available",
    r".*isinstance.treespec, LeafSpec.*",  # pytorch-lightning 2.6 with torch 2.14
    r"You're resuming from a checkpoint that ended before the epoch ended",  # the data module resumes there
    r"Experiment logs directory .* exists and is not empty",  # medxfer goes on with its file
    r"Checkpoint directory .* exists and is not empty",  # a cell is resumed in its own folder
    r"The number of training batches \(\d+\) is smaller than the logging interval",  # curves are of epochs
):
    warnings.filterwarnings("ignore", message=_text)


def quiet_trainer(**options: Any) -> pl.Trainer:
    """Lightning's Trainer on one device, with `options` as far as they keep and print nothing."""
    quiet = {
        "devices": 1, "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
        "enable_model_summary": False, "num_sanity_val_steps": 0,
        "plugins": [LightningEnvironment()],  # one process, whatever a Slurm job's variables say
    }  # fmt: skip
    return pl.Trainer(**options | quiet)
