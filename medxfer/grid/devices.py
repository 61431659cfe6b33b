"""The GPUs of this machine: how cells share them, and the one that a process holds for as long as it lives."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf
from platformdirs import user_runtime_path

_held: list[FileLock] = []  # until the process ends: CUDA cannot change its device once it has begun


def device_groups(devices_per_cell: Any) -> list[str]:
    """The GPUs that this process may use, grouped as cells need them: values of CUDA_VISIBLE_DEVICES; [] on a CPU.

    `devices_per_cell` is trainer.devices: a number, or anything else for all of them.
    """
    gpus = _gpus()
    size = devices_per_cell if isinstance(devices_per_cell, int) and devices_per_cell > 0 else max(len(gpus), 1)
    return [",".join(gpus[start : start + size]) for start in range(0, len(gpus) - size + 1, size)]


def hold_device(groups: list[str], workers: int, folder: Path | None = None) -> str | None:
    """Make one of `groups` this process's only devices, and keep it until the process ends; None where there is none.

    Each group has as many slots as `workers` share it, locked in `folder` (by default this machine's own, so that
    two commands share the GPUs as well). A job's number cannot choose the slot: jobs end in any order. Waits where
    all are taken. Must come before CUDA is first used.
    """
    if _held or not groups:
        return None
    folder = folder or user_runtime_path("medxfer")
    folder.mkdir(parents=True, exist_ok=True)
    slots = [(group, share) for share in range(-(-workers // len(groups))) for group in groups]
    waiting = False
    while True:
        for group, share in slots:
            lock = FileLock(folder / f"device-{group.replace(',', '+').replace('/', '_')}-{share}", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                continue
            _held.append(lock)
            os.environ["CUDA_VISIBLE_DEVICES"] = group
            return group
        if not waiting:
            print("waiting: other commands train on every GPU that this one may use", file=sys.stderr)
            waiting = True
        time.sleep(1)


def _gpus() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip() not in ("", "-1")]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]  # by NVML, so CUDA does not begin here


# How many cells this machine trains at once, each on its own device: conf/hydra/launcher/joblib.yaml asks for it.
OmegaConf.register_new_resolver(
    "medxfer.devices", lambda devices_per_cell: max(1, len(device_groups(devices_per_cell))), replace=True
)
