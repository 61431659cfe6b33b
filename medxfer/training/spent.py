"""What a training takes of its machine: memory, and energy where the device counts it."""

from typing import Any

import pytorch_lightning as pl
import torch

from medxfer.base.memory import forget_peak, peak_memory
from medxfer.training.energy import Energy, energy_of


class Spent(pl.Callback):
    """Measures a cell from `begin` to `record`: one process's part, where the training was resumed."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.energy: Energy | None = None

    def begin(self, device: torch.device) -> None:
        self.device = device
        forget_peak()
        if device.type == "cuda":
            torch.cuda.init()  # without it there is nothing to reset
            torch.cuda.reset_peak_memory_stats(device)
        self.energy = energy_of(device)

    def record(self, resumed: bool) -> dict[str, Any]:
        """Bytes at most, of this process and of its tensors on a GPU, and joules where the device tells."""
        joules = self.energy.joules() if self.energy else None
        on_gpu = self.device.type == "cuda"
        return {
            "host_bytes": peak_memory(),
            **({"cuda_bytes": torch.cuda.max_memory_allocated(self.device)} if on_gpu else {}),
            **({"energy_j": round(joules, 3), "energy_of": self.energy.source} if self.energy and joules else {}),
            "resumed": resumed,
        }

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        if self.energy:
            self.energy.note()

    on_validation_batch_end = on_test_batch_end = on_train_batch_end
