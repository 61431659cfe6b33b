"""How many cells at once train the most images a second on this machine: told by training them, for seconds.

Small networks leave a card idle between their kernels, and many cores too. Each cell has a process, as a launcher gives
it: a plain interpreter that reads its orders from stdin.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from medxfer.base.memory import keep_pages
from medxfer.base.quiet import quiet_trainer
from medxfer.training.prepare import prepare
from medxfer.training.wire import wire

SECONDS = 4.0  # of each measurement
WARM_UP = 5  # training steps
WORTHWHILE = 1.1  # times as many images a second; for less, more cells at once are not worth their memory


@dataclass(frozen=True)
class AtOnce:
    """What some cells at once train together."""

    cells: int
    images: float  # a second


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
    except (EOFError, BrokenPipeError):
        return None


class _Worker:
    """A process that trains one cell while it is told to."""

    def __init__(self, config: str) -> None:
        self.began = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        self._write(config)

    def ready(self) -> None:
        if not self.began:
            self._read()
        self.began = True

    def order(self, seconds: float, threads: int) -> None:
        self._write([seconds, threads])

    def images_a_second(self) -> float:
        return float(self._read())

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _write(self, value: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        if not (line := self.process.stdout.readline()):
            raise EOFError
        return json.loads(line)


class _Orders(pl.Callback):
    """Trains while it is told to, and waits in between; ends with stdin."""

    def __init__(self, answers: Any) -> None:
        self.answers, self.images, self.steps = answers, 0, 0
        self.began = self.until = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self.images, self.steps = self.images + len(batch.label), self.steps + 1
        if self.steps < WARM_UP or time.perf_counter() < self.until:
            return
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        self._tell(self.images / (time.perf_counter() - self.began) if self.until else 0.0)
        if not (line := sys.stdin.readline()):
            trainer.should_stop = True
            return
        seconds, threads = json.loads(line)
        torch.set_num_threads(threads)
        self.images, self.began = 0, time.perf_counter()
        self.until = self.began + seconds

    def _tell(self, images_a_second: float) -> None:
        self.answers.write(f"{images_a_second}\n")
        self.answers.flush()


def _main() -> None:
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # whatever a library prints
        keep_pages()
        config = OmegaConf.create(json.loads(sys.stdin.readline()))
        model, data = wire(prepare(config))
        settings: dict[str, Any] = OmegaConf.to_container(config.trainer, resolve=True)  # type: ignore[assignment]
        with tempfile.TemporaryDirectory() as folder:
            quiet_trainer(**{
                **settings, "max_epochs": 1_000_000, "max_steps": -1, "limit_val_batches": 0,
                "default_root_dir": folder, "callbacks": [_Orders(answers)], "deterministic": config.deterministic,
            }).fit(model, data)  # fmt: skip


if __name__ == "__main__":
    _main()
