"""Joules that a training's device used, where it counts them: a GPU by NVML, CPU packages by RAPL.

Counters are of the whole device, with whatever else runs on it.
"""

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

POWERCAP = Path("/sys/class/powercap")  # Linux; newer kernels let only root read it
EVERY = 60.0  # seconds between two readings: a RAPL counter wraps after minutes


@dataclass
class Counter:
    """Energy since some moment, in `unit` joules; it begins again at 0 after `most`, or never where that is None.

    `read` raises OSError where the counter cannot be read.
    """

    read: Callable[[], int]
    unit: float
    most: int | None = None
    last: int = field(init=False)

    def __post_init__(self) -> None:
        self.last = self.read()

    def passed(self) -> float:
        """Joules since the last reading. Raises OSError where the counter has no such answer."""
        before, self.last = self.last, self.read()
        if self.last >= before:
            return (self.last - before) * self.unit
        if self.most is None:
            raise OSError("the counter went back")
        return (self.last + self.most - before) * self.unit


class Energy:
    """Sums what `counters` count, from now on; `source` says what they are of."""

    def __init__(self, source: str, counters: Sequence[Counter]) -> None:
        self.source, self.counters = source, counters
        self.total: float | None = 0.0
        self._read = time.monotonic()

    def note(self) -> None:
        """Read the counters, if the last reading is old."""
        if time.monotonic() - self._read > EVERY:
            self.joules()

    def joules(self) -> float | None:
        """What was used until now; None for good once a counter failed."""
        self._read = time.monotonic()
        if self.total is not None:
            try:
                self.total += sum(counter.passed() for counter in self.counters)
            except OSError:
                self.total = None
        return self.total


def energy_of(device: torch.device) -> Energy | None:
    """What counts the energy of `device` from now on; None where nothing does."""
    try:
        if device.type == "cuda":
            return Energy("GPU (NVML)", [_nvml(device)])
        counters = [_rapl(zone) for zone in _packages()] if device.type == "cpu" else []
    except (OSError, ValueError, ImportError):
        return None
    return Energy("CPU packages (RAPL)", counters) if counters else None


def _packages() -> list[Path]:
    """RAPL's zones of whole packages, AMD's too; a package's cores and memory have zones of their own below it."""
    zones = sorted(POWERCAP.glob("intel-rapl:*"))
    return [zone for zone in zones if (zone / "name").read_text().startswith("package")]


def _rapl(zone: Path) -> Counter:
    most = int((zone / "max_energy_range_uj").read_text())
    return Counter(lambda: int((zone / "energy_uj").read_text()), 1e-6, most)


def _nvml(device: torch.device) -> Counter:
    """Raises ImportError without pynvml, OSError where the card does not tell."""
    nvml: Any = importlib.import_module("pynvml")

    def told(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except nvml.NVMLError as error:
            raise OSError(str(error)) from error

    told(nvml.nvmlInit)
    name = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
    handle = told(lambda: nvml.nvmlDeviceGetHandleByUUID(name.encode()))
    return Counter(lambda: int(told(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))), 1e-3)
