"""How many cells at once train the most images a second on this machine: told by training them, for seconds.

Small networks leave a card idle between their kernels, and many cores too. Each cell has a new process, as a launcher
gives it.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import joblib
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from medxfer.base.display import display
from medxfer.base.memory import keep_pages
from medxfer.base.quiet import quiet_trainer
from medxfer.base.words import duration
from medxfer.grid.jobs import Job
from medxfer.grid.pace import Pace
from medxfer.training.prepare import prepare
from medxfer.training.settled_cell import Settled
from medxfer.training.wire import wire

SPAWN = get_context("spawn")
SECONDS = 4.0  # of each measurement
WARM_UP = 5  # training steps
LONG = 600.0  # seconds a grid, from which on measuring for a minute may repay
MOST = 16  # cells at once on one device
WORTHWHILE = 1.1  # times as many images a second; for less, more cells at once are not worth their memory


@dataclass(frozen=True)
class AtOnce:
    """What some cells at once train together."""

    cells: int
    images: float  # a second


def side_by_side(missing: Sequence[tuple[Job, Settled]], paces: Sequence[Pace], devices: int) -> str | None:
    """What was measured of the `missing` cell that takes longest, in a sentence with what to add to the command.

    None for a short grid, which is not worth it. `devices` is how many GPUs the cells could be spread over, or 1.
    """
    seconds = sum(pace.seconds for pace in paces)
    if len(missing) < 2 or seconds < LONG:
        return None
    longest = max(range(len(missing)), key=lambda n: paces[n].seconds)
    display.step("measuring cells side by side", 1, 1)
    most = min(-(-len(missing) // devices), joblib.cpu_count(), MOST)
    found = list(measure_side_by_side(missing[longest][0].config(), most))
    display.close()
    if not found:
        return None
    best = fastest(found)
    measured = ", ".join(f"{one.cells}: {one.images:,.0f}" for one in found)
    number, gain = best.cells * devices, devices * best.images / found[0].images
    text = f"cells at once{' on a GPU' if devices > 1 else ''} and images a second: {measured}"
    if number == 1:
        return f"{text}; one after another is as fast."
    return (
        f"{text}; with hydra/launcher=joblib hydra.launcher.n_jobs={number} the grid takes about "
        f"{duration(seconds / gain)}."
    )


def measure_side_by_side(config: DictConfig, most: int) -> Iterator[AtOnce]:
    """Images a second of 1, 2, 4, … and at most `most` cells like `config` at once, on one GPU or on all cores.

    It ends with the first number that is no gain, or for which memory does not suffice. Nothing is written into a
    study. Empty where not even one cell can be trained.
    """
    text = OmegaConf.to_yaml(config, resolve=True)
    workers: list[_Worker] = []
    number, before = 1, 0.0
    try:
        while number <= most:
            workers += [_Worker(text) for _ in range(number - len(workers))]
            together = _together(workers)
            if together is None:
                break
            yield AtOnce(number, together)
            if together < WORTHWHILE * before:
                break
            number, before = 2 * number, together
    finally:
        for worker in workers:
            worker.end()


def fastest(found: Sequence[AtOnce]) -> AtOnce:
    """The fewest cells that train nearly as many images a second as any number."""
    best = max(one.images for one in found)
    return next(one for one in found if WORTHWHILE * one.images > best)


def _together(workers: "Sequence[_Worker]") -> float | None:
    """Images a second of all `workers` at once; None where one has ended."""
    threads = max(joblib.cpu_count() // len(workers), 1)  # as joblib's own workers have
    try:
        for worker in workers:
            worker.ready()
        for worker in workers:
            worker.order(SECONDS, threads)
        return sum(worker.images_a_second() for worker in workers)
    except (EOFError, OSError):
        return None


class _Worker:
    """A process that trains one cell while it is told to."""

    def __init__(self, config: str) -> None:
        self.began = False
        self.orders, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_train, args=(config, theirs))
        self.process.start()
        theirs.close()  # so that the process's end is that of its answers

    def ready(self) -> None:
        if not self.began:
            self.orders.recv()
        self.began = True

    def order(self, seconds: float, threads: int) -> None:
        self.orders.send((seconds, threads))

    def images_a_second(self) -> float:
        return float(self.orders.recv())

    def end(self) -> None:
        self.process.kill()
        self.process.join()


class _Orders(pl.Callback):
    """Trains while it is told to, and waits in between; ends with the pipe."""

    def __init__(self, orders: Connection) -> None:
        self.orders, self.images, self.steps = orders, 0, 0
        self.began = self.until = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self.images, self.steps = self.images + len(batch.label), self.steps + 1
        if self.steps < WARM_UP or time.perf_counter() < self.until:
            return
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        self.orders.send(self.images / (time.perf_counter() - self.began) if self.until else 0.0)
        seconds, threads = self.orders.recv()
        torch.set_num_threads(threads)
        self.images, self.began = 0, time.perf_counter()
        self.until = self.began + seconds


def _train(text: str, orders: Connection) -> None:
    with Path(os.devnull).open("w") as nowhere:  # whatever a library prints, or raises where its order never comes
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    keep_pages()
    config: Any = OmegaConf.create(text)
    model, data = wire(prepare(config))
    settings: dict[str, Any] = OmegaConf.to_container(config.trainer, resolve=True)  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        quiet_trainer(**{
            **settings, "max_epochs": 1_000_000, "max_steps": -1, "limit_val_batches": 0,
            "default_root_dir": folder, "callbacks": [_Orders(orders)], "deterministic": config.deterministic,
        }).fit(model, data)  # fmt: skip
