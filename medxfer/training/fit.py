"""From a prepared cell to its record: train, test."""

import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import Logger

import medxfer.base.quiet  # noqa: F401
from medxfer.base.memory import keep_pages
from medxfer.base.words import lower_is_better
from medxfer.data.serve.module import GrayDataModule
from medxfer.data.split import part_sizes
from medxfer.data.store.build import GrayStore
from medxfer.model.classifier import Classifier
from medxfer.model.norms import synchronize_norms
from medxfer.model.weights import WeightsRecord
from medxfer.training.compute import Compute, settle
from medxfer.training.ddp import Member, others
from medxfer.training.epoch_bar import EpochBar
from medxfer.training.features import frozen_features
from medxfer.training.history import History
from medxfer.training.prepare import Prepared
from medxfer.training.resume import LastState, WholeCheckpoints
from medxfer.training.stopping import Patience
from medxfer.training.wire import wire

PACKAGES = ("medxfer", "torch", "torchvision", "timm", "pytorch-lightning", "pydicom", "numpy")

torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a debugging aid that costs a tenth of a step


@dataclass(frozen=True)
class Fitted:
    """What a training leaves."""

    record: dict[str, Any]
    predictions: pd.DataFrame
    colors: pd.DataFrame | None  # the learned table that was tested, where colours are learned
    objects: dict[str, Any]


def fit(prepared: Prepared, logger: Logger | None, member: Member | None = None) -> Fitted:
    """Train the cell, continuing from its last checkpoint if there is one, and test its best epoch.

    On several devices this starts a process for each but the first; `member` says which of them this is.
    """
    keep_pages()
    started = time.perf_counter()
    config, cell = prepared.config, prepared.cell
    model, data = wire(prepared)
    compute = settle(prepared, model, data)
    history, member = History(), member or Member()
    trainer = _trainer(prepared, logger, compute, history, member)
    features = frozen_features(prepared, model, data, trainer)
    if features is not None:
        data.use_features(features)
    if trainer.num_devices > 1:
        model.backbone = synchronize_norms(model.backbone, trainer.strategy.root_device)
    compute.apply(model)
    checkpoint = cell.checkpoints / "last.ckpt"
    with others(config, trainer, member):
        trainer.fit(model, data, ckpt_path=str(checkpoint) if checkpoint.is_file() else None)
        fitted = time.perf_counter()
        trainer.test(model, data, ckpt_path=str(cell.checkpoints / "best.ckpt"), verbose=False)
    chosen = history.best(config.monitor, _mode(config.monitor))
    weights: WeightsRecord | None = model.backbone.weights_record  # type: ignore[assignment]
    record = {
        "task": model.task,
        "classes": list(model.classes),
        "metrics": _metrics(history.epochs[chosen], trainer),
        "undefined": model.undefined,
        "threshold": model.threshold(),
        "monitor": config.monitor,
        "epochs": history.epochs,
        "best_epoch": chosen,
        "data": _about_data(prepared),
        "input": _about_input(prepared.store, model, data),
        "compute": {"precision": trainer.precision, "channels_last": compute.channels_last},
        "weights": weights.record() if weights else None,
        "timings": {
            "fit_s": round(fitted - started, 3),
            "test_s": round(time.perf_counter() - fitted, 3),
            "total_s": round(time.perf_counter() - started, 3),
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {**_machine(model.device), "devices": trainer.num_devices, "compute": str(compute)},
    }
    objects = {"trainer": trainer, "model": model, "data": data}
    return Fitted(record, _predictions(prepared.store, model), _learned_colors(model), objects)


def _trainer(
    prepared: Prepared, logger: Logger | None, compute: Compute, history: History, member: Member
) -> pl.Trainer:
    config, cell = prepared.config, prepared.cell
    callbacks: list[pl.Callback] = [history, _best(prepared), LastState(cell.checkpoints / "last.ckpt")]
    if member.rank == 0:
        callbacks.append(EpochBar(cell))
    if config.patience is not None:
        callbacks.insert(0, Patience(config.monitor, _mode(config.monitor), config.patience))
    return pl.Trainer(
        **{"precision": compute.trainer_precision, **OmegaConf.to_container(config.trainer, resolve=True)},  # type: ignore[dict-item]
        deterministic=config.deterministic,
        logger=logger or False,
        callbacks=callbacks,
        plugins=[member, WholeCheckpoints()],
        use_distributed_sampler=False,  # the data module divides each batch
        default_root_dir=str(cell.folder),
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _best(prepared: Prepared) -> ModelCheckpoint:
    """The best epoch's weights, for testing and prediction."""
    return ModelCheckpoint(
        dirpath=str(prepared.cell.checkpoints),
        filename="best",
        monitor=prepared.config.monitor,
        mode=_mode(prepared.config.monitor),
        save_weights_only=True,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _mode(monitor: str) -> str:
    return "min" if lower_is_better(monitor) else "max"


def _metrics(best_epoch: dict[str, float], trainer: pl.Trainer) -> dict[str, float]:
    """Validation metrics of the chosen epoch, and the test's."""
    val = {name: value for name, value in best_epoch.items() if name.startswith("val/")}
    test = {
        name: round(float(value), 7) for name, value in trainer.callback_metrics.items() if name.startswith("test/")
    }
    return val | test


def _predictions(store: GrayStore, model: Classifier) -> pd.DataFrame:
    """A row an image of val and test: pseudonyms, label, a score a class."""
    tables = []
    for split, of_split in model.predictions.items():
        rows, labels, scores = of_split.index.numpy(), of_split.label.numpy(), of_split.scores.numpy()
        table = store.images.iloc[rows][["image", "patient"]].reset_index(drop=True).assign(split=split)
        if labels.ndim == 1:
            table["label"] = labels
        else:
            table = table.join(pd.DataFrame(labels.astype(np.int64)).add_prefix("label_"))
        tables.append(table.join(pd.DataFrame(scores).add_prefix("score_")))
    return pd.concat(tables, ignore_index=True)


def _learned_colors(model: Classifier) -> pd.DataFrame | None:
    """A learned table, a row a gray level, as trained: sRGB, which nothing keeps within [0, 1]. None for fixed ones."""
    learned = getattr(model.color, "learned", None)
    return None if learned is None else pd.DataFrame(learned.colors.detach().cpu().numpy(), columns=["r", "g", "b"])


def _about_data(prepared: Prepared) -> dict[str, Any]:
    store = prepared.store
    return {
        "name": prepared.cell.factors["data"],
        "fingerprint": store.fingerprint,
        "modality": store.modality,
        **part_sizes(prepared.parts, store.images["patient"].to_numpy()),
        "rejected": store.rejected,
        "caveats": [*store.caveats, *prepared.split.caveats],
        "resampled": prepared.config.data.split.resample,
    }


def _about_input(store: GrayStore, model: Classifier, data: GrayDataModule) -> dict[str, Any]:
    """What turns a file into the network's input, beside the settings."""
    color: Any = model.color or data.renderer.color
    return {"gray": str(store.gray.dtype), "mean": list(color.mean), "std": list(color.std)}


def _machine(device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {"device": f"{device.type} ({name})", "threads": torch.get_num_threads()}
