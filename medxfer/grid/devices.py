"""The GPUs of this machine: how cells share them, and the one that a process keeps to until it ends."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout
from omegaconf import OmegaConf
from platformdirs import user_runtime_path

_place: list[tuple[str, int | None, FileLock]] = []  # this process's GPU, with its slots: CUDA cannot change once begun
_slot: list[FileLock] = []


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; empty on a machine without one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip() not in ("", "-1")]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]  # by NVML, so CUDA does not begin here


def hold_gpu(names: list[str], workers: int | None = None, folder: Path | None = None) -> str | None:
    """Make one GPU of `names` this process's only one until the process ends; returns it, or None without GPUs.

    It is the one with the fewest processes. Each GPU has as many slots as `workers` share it; where all are taken, this
    waits. Without `workers` a GPU has slots without end, so that a command of its own never waits. Places and slots are
    locks in `folder` (default: this machine's own, so that all commands share the GPUs). A job's number cannot choose
    either, because jobs end in any order. Call it before CUDA is first used, and again after `let_go`.
    """
    if _slot or not names:
        return None
    folder = folder or user_runtime_path("medxfer")
    folder.mkdir(parents=True, exist_ok=True)
    if not _place:
        name, lock = next(_free(folder, "place", names, count()))
        _place.append((name, None if workers is None else -(-workers // len(names)), lock))
        os.environ["CUDA_VISIBLE_DEVICES"] = name
    name, slots, _ = _place[0]
    waiting = False
    while not (taken := next(_free(folder, "slot", [name], count() if slots is None else range(slots)), None)):
        if not waiting:
            print("waiting: other commands train on every GPU that this one may use", file=sys.stderr)
            waiting = True
        time.sleep(1)
    _slot.append(taken[1])
    return name


def let_go() -> None:
    """Leave the slot to others until the next `hold_gpu`, which takes one of the same GPU.

    A worker between two jobs that kept its slot would make one of its own command wait, and the command for both.
    """
    while _slot:
        _slot.pop().release()


def _free(folder: Path, kind: str, names: Sequence[str], numbers: Iterable[int]) -> Iterator[tuple[str, FileLock]]:
    """Locks that nobody held, with their GPU: the lowest number first."""
    for number in numbers:
        for name in names:
            lock = FileLock(folder / f"{kind}-{name.replace('/', '_')}-{number}", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                continue
            yield name, lock


# How many cells this machine trains at once, each on its own GPU: conf/hydra/launcher/joblib.yaml asks for it.
OmegaConf.register_new_resolver("medxfer.devices", lambda: max(1, len(gpus())), replace=True)
