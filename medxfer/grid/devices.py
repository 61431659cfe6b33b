"""The GPUs of this machine: how cells share them, and the one that a process holds until it ends."""

import os
import sys
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout
from omegaconf import OmegaConf
from platformdirs import user_runtime_path

_held: list[FileLock] = []  # until the process ends: CUDA cannot change its device once it has begun


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; empty on a machine without one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip() not in ("", "-1")]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]  # by NVML, so CUDA does not begin here


def hold_gpu(names: list[str], workers: int | None = None, folder: Path | None = None) -> str | None:
    """Make one GPU of `names` this process's only one until the process ends; returns it, or None without GPUs.

    Each GPU has as many slots as `workers` share it; where all are taken, this waits. Without `workers` a GPU has slots
    without end, so that a command of its own takes the GPU with the fewest processes and never waits. A slot is a lock
    in `folder` (default: this machine's own, so that all commands share the GPUs). A job's number cannot choose the
    slot, because jobs end in any order. Call it before CUDA is first used.
    """
    if _held or not names:
        return None
    folder = folder or user_runtime_path("medxfer")
    folder.mkdir(parents=True, exist_ok=True)
    waiting = False
    while True:
        shares: Iterable[int] = count() if workers is None else range(-(-workers // len(names)))
        for share in shares:
            for name in names:
                lock = FileLock(folder / f"device-{name.replace('/', '_')}-{share}", timeout=0)
                try:
                    lock.acquire()
                except Timeout:
                    continue
                _held.append(lock)
                os.environ["CUDA_VISIBLE_DEVICES"] = name
                return name
        if not waiting:
            print("waiting: other commands train on every GPU that this one may use", file=sys.stderr)
            waiting = True
        time.sleep(1)


# How many cells this machine trains at once, each on its own GPU: conf/hydra/launcher/joblib.yaml asks for it.
OmegaConf.register_new_resolver("medxfer.devices", lambda: max(1, len(gpus())), replace=True)
