"""Several processes train one cell, each on its own device: this one is the first, ddp_member the others.

Lightning's own launcher repeats the user's command, which here would begin the grid again. These processes get the one
cell's configuration; the first process alone claims, logs and records it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher

from medxfer.base.errors import MedxferError

END = 60.0  # seconds for the other processes to end after the first


class Member(LightningEnvironment):
    """Which of a cell's processes this is, for Lightning. It also keeps Lightning from a Slurm job's own numbers."""

    def __init__(self, rank: int = 0, port: int = -1) -> None:
        super().__init__()
        self.rank = rank
        self._main_port = port

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        if self._main_port < 0:
            self._main_port = find_free_network_port()
        return self._main_port

    def local_rank(self) -> int:
        return self.rank

    def node_rank(self) -> int:
        return 0


@contextmanager
def others(config: DictConfig, trainer: pl.Trainer, member: Member) -> Iterator[None]:
    """Run the cell's other processes, where `trainer` has several devices and this is the first process.

    Raises:
        MedxferError: the trainer's strategy cannot give every image's score back; or another process failed,
            with its reason.
    """
    if trainer.num_nodes > 1 or (
        trainer.num_devices > 1 and not isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher)
    ):
        raise MedxferError(
            "a cell trains on the devices of one machine, with trainer.strategy=ddp; "
            "spread the cells of a study over machines with hydra/launcher=submitit_slurm"
        )
    if trainer.num_devices == 1 or member.rank > 0:
        yield
        return
    processes = [_start(config, rank, member.main_port) for rank in range(1, trainer.num_devices)]
    try:
        for process in processes:
            _expect_ready(process)
        yield
        torch.distributed.destroy_process_group()
        for process in processes:
            process.wait(END)
    except Exception as error:
        reasons = [] if isinstance(error, MedxferError) else [_why_ended(process) for process in processes]
        if any(reasons):
            raise MedxferError("; ".join(filter(None, reasons))) from error
        raise
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _start(config: DictConfig, rank: int, port: int) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-m", "medxfer.training.ddp_member"], stdin=pipe, stdout=pipe, text=True
    )
    assert process.stdin is not None
    order = {"rank": rank, "port": port, "config": OmegaConf.to_container(config, resolve=True)}
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return process


def _expect_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    if said != "ready":
        raise MedxferError(said or f"another process of this cell ended with {process.wait()} before it began")


def _why_ended(process: subprocess.Popen[str]) -> str:
    """What stopped `process`, or "" where it lives: then the first process failed by itself."""
    try:
        code = process.wait(5.0)
    except subprocess.TimeoutExpired:
        return ""
    assert process.stdout is not None
    return process.stdout.readline().strip() or f"another process of this cell ended with {code}"
