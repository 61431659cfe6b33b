"""The libraries' messages that a user cannot act on, silenced; imported by whatever trains."""

import logging
import warnings

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
