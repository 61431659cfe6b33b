"""How a study computes: in float32, or as its first cell measured to be fastest."""

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from medxfer.base.batch import RenderedBatch
from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.files import alone, read_json, write_json
from medxfer.base.quiet import quiet_trainer
from medxfer.data.serve.module import GrayDataModule
from medxfer.model.classifier import Classifier
from medxfer.training.settled_cell import Prepared

SECONDS = 3.0  # for all of a measurement but the first step of each candidate
FEWEST, MOST = 3, 15  # steps of each candidate
SLOW = 0.5  # seconds a step, above which fewer images are measured
FEW_IMAGES = 8
WORTHWHILE = 0.9  # of the default's time: a way that is not clearly faster is not worth other numbers
LONG = 600.0  # seconds a cell, from which on compiling for a minute may repay

Step = Callable[[], Any]


@dataclass(frozen=True)
class Compute:
    """A way to compute the same network; the default is what compute=float32 means."""

    precision: str = "float32"  # or bfloat16: in autocast, the weights stay float32
    channels_last: bool = True
    compile: bool = False

    @property
    def trainer_precision(self) -> str:
        """As Lightning's Trainer calls it."""
        return {"float32": "32-true", "bfloat16": "bf16-mixed"}[self.precision]

    def __str__(self) -> str:
        layout = "channels_last" if self.channels_last else "contiguous"
        return f"{self.precision}, {layout}" + (", compiled" if self.compile else "")

    def apply(self, model: Classifier) -> None:
        """Lay `model` out in memory, and compile it, as this says; its precision is the Trainer's."""
        model.lay_out(self.channels_last)
        if self.compile:
            model.backbone.compile()  # in place, so that no name in a checkpoint changes


def check_device(config: DictConfig) -> None:
    """Raise MedxferError where this machine has no device as `config`, which is not checked yet, wants it."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    there = {"gpu": cuda or mps, "cuda": cuda, "mps": mps}
    wanted, precision = (str(OmegaConf.select(config, f"trainer.{key}")) for key in ("accelerator", "precision"))
    if not there.get(wanted, True):
        raise MedxferError(
            f"trainer.accelerator={wanted}: torch finds no such device on this machine; leave it out (auto takes a GPU "
            "where there is one), or install torch for the device"
        )
    if precision == "16-mixed" and (wanted == "cpu" or not there["gpu"]):
        raise MedxferError("trainer.precision=16-mixed is for GPUs, and this is none: leave it out, or take bf16-mixed")


def on_gpu(config: DictConfig) -> bool:
    """Whether cells train on a CUDA device of this machine; CUDA does not begin here."""
    return config.trainer.accelerator in ("auto", "gpu", "cuda") and torch.cuda.device_count() > 0


def settle(prepared: Prepared, model: Classifier, data: GrayDataModule) -> Compute:
    """What this cell computes with: the same for every cell of the study with its backbone and image size.

    With compute=auto the first of them measures, while the others wait, and writes its choice and figures into the
    study's compute.json; the others use that choice, also on other machines.
    """
    config = prepared.config
    if config.compute == "float32":
        return Compute()
    folder, key = prepared.cell.study.folder, f"{config.backbone} {config.image_size} px"
    path = folder / "compute.json"
    with alone(folder, "compute", "compute.json"):
        known = read_json(path) if path.is_file() else {}
        if key not in known:
            epochs, steps = config.trainer.max_epochs, config.trainer.max_steps
            steps *= config.trainer.get("accumulate_grad_batches", 1)
            steps = len(data.train_dataloader()) * epochs if epochs > 0 else steps
            known[key] = measure(model, data, _device(config), steps)
            write_json(path, known)
            display.say(f"[dim]{key}: compute=auto chose {Compute(**known[key]['choice'])}[/]")
    return Compute(**known[key]["choice"])


def measure(model: Classifier, data: GrayDataModule, device: torch.device, steps: int) -> dict[str, Any]:
    """Training steps of every way to compute, in turns: {"choice", "measured", "images", "device"}.

    Every candidate trains a copy of the network on the same rendered batch of the training set; a cell takes `steps`.
    """
    batch = data.renderer.cpu()(next(iter(data.train_dataloader())))
    batch = RenderedBatch(*(part.to(device) for part in batch))
    trials = _trials(model, batch)
    slowest = max(_timed(step, device) for step in trials.values())  # also the first, which allocates
    if slowest > SLOW and len(batch.label) > FEW_IMAGES:
        batch = RenderedBatch(*(part[:FEW_IMAGES] for part in batch))
        trials = _trials(model, batch)
        for step in trials.values():
            step()
    times: dict[Compute, list[float]] = {compute: [] for compute in trials}
    started = time.perf_counter()
    for number in range(MOST):
        for compute, step in trials.items():
            times[compute].append(_timed(step, device))
        if number + 1 >= FEWEST and time.perf_counter() - started > SECONDS:
            break
    medians = {compute: statistics.median(seconds) for compute, seconds in times.items()}
    fastest = min(medians, key=lambda compute: medians[compute])
    choice = fastest if medians[fastest] < WORTHWHILE * medians[Compute()] else Compute()
    measured = [{**asdict(compute), "ms_a_step": round(1000 * seconds, 3)} for compute, seconds in medians.items()]
    whole = steps * data.batch_size / len(batch.label)  # in steps of as many images as were measured
    if whole * medians[choice] > LONG:
        choice, compiled = _compiled(model, batch, choice, medians[choice], whole)
        measured.append(compiled)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    return {"choice": asdict(choice), "measured": measured, "images": len(batch.label), "device": name}


def _trials(model: Classifier, batch: RenderedBatch) -> dict[Compute, Step]:
    ways = [Compute(precision, last) for precision in ("float32", "bfloat16") for last in (True, False)]
    return {compute: _trial(model, batch, compute) for compute in ways}


def _trial(model: Classifier, batch: RenderedBatch, compute: Compute) -> Step:
    """A training step of a copy of `model`."""
    network = copy.deepcopy(model).to(batch.pixels.device).train()
    compute.apply(network)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-6, fused=True)
    autocast = torch.autocast(batch.pixels.device.type, torch.bfloat16, enabled=compute.precision == "bfloat16")

    def step() -> None:
        optimizer.zero_grad()
        with autocast:
            loss = network.loss(network(batch.pixels), batch.label)
        torch.autograd.backward(loss)
        optimizer.step()

    return step


def _compiled(
    model: Classifier, batch: RenderedBatch, eager: Compute, seconds: float, steps: float
) -> tuple[Compute, dict[str, Any]]:
    """`eager` or the same compiled, where that saves more of a cell's `steps` than compiling takes; and its figures."""
    compute, device = replace(eager, compile=True), batch.pixels.device
    step = _trial(model, batch, compute)
    try:
        first = _timed(step, device)
        faster = statistics.median(_timed(step, device) for _ in range(FEWEST))
    except Exception as error:  # whatever it raises, the compiler does not work on this machine
        return eager, {**asdict(compute), "failed": type(error).__name__}
    figures = {**asdict(compute), "ms_a_step": round(1000 * faster, 3), "compiling_s": round(first, 1)}
    return (compute if (seconds - faster) * steps > first else eager), figures


def _timed(step: Step, device: torch.device) -> float:
    started = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def _device(config: DictConfig) -> torch.device:
    """The device that the Trainer will take; making one also sets the deterministic algorithms that it will run."""
    trainer = quiet_trainer(accelerator=config.trainer.accelerator, deterministic=config.deterministic)
    return trainer.strategy.root_device
