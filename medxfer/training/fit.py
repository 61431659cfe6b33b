"""From a prepared cell to its record: train, test."""

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from omegaconf import OmegaConf
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import SimpleProfiler

import medxfer.base.quiet  # noqa: F401
from medxfer.base.memory import keep_pages
from medxfer.base.revision import own_version
from medxfer.base.series import BySeries
from medxfer.data.inspect.people import flow_of
from medxfer.data.serve.external_images import ExternalImages, external_scores
from medxfer.data.serve.module import EVALUATED, GrayDataModule
from medxfer.data.serve.usual import usual
from medxfer.data.split import PARTS, part_sizes
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.prediction_rows import score_table
from medxfer.data.store.stored_series import series_counts
from medxfer.model.classifier import Classifier
from medxfer.study.checkpoints import LAST
from medxfer.study.identity import FOLD
from medxfer.training.callbacks import BestEpoch, EpochBar, History, Patience, epochs_of
from medxfer.training.compute import Compute, settle
from medxfer.training.features import frozen_features
from medxfer.training.more_callbacks import more_callbacks
from medxfer.training.numerics import numerics
from medxfer.training.resume import LastState, WholeCheckpoints
from medxfer.training.settled_cell import Prepared
from medxfer.training.spent import Spent
from medxfer.training.wire import wire

PACKAGES = ("torch", "torchvision", "timm", "pytorch-lightning", "pydicom", "numpy")

torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a debugging aid that costs a tenth of a step


@dataclass(frozen=True)
class Fitted:
    """The results of a training."""

    record: dict[str, Any]
    predictions: pd.DataFrame
    colors: pd.DataFrame | None  # the learned table that was tested, if colours are learned
    objects: dict[str, Any]


def fit(prepared: Prepared, loggers: Sequence[Logger]) -> Fitted:
    """Train the cell, continuing from its last checkpoint if there is one, and test its best epoch."""
    keep_pages()
    own, spent, started = own_version(), Spent(), time.perf_counter()
    model, data = wire(prepared)
    compute, history = settle(prepared, model, data), History()
    best = BestEpoch(prepared.cell.checkpoints, prepared.config.monitor)
    trainer = _trainer(prepared, loggers, compute, [*more_callbacks(prepared.config), history, best, spent])
    device = trainer.strategy.root_device
    spent.begin(device)
    features = frozen_features(prepared, model, data, trainer)
    if features is not None:
        data.use_features(features)
    compute.apply(model)
    last = prepared.cell.checkpoints / LAST
    resumed = last.is_file()
    trainer.fit(model, data, ckpt_path=str(last) if resumed else None)
    fitted, budget = time.perf_counter(), epochs_of(trainer)
    chosen = history.best(prepared.config.monitor, best.mode)
    best.check(chosen)
    if prepared.config.study.looks:
        trainer.loggers = []  # W&B and its like are read while the grid runs, and only a look shows test results
    trainer.test(model, data, ckpt_path=str(best.path), verbose=False)
    tested, taken = time.perf_counter(), spent.record(resumed)
    results = _results(
        prepared.config.monitor, model, history, chosen, trainer
    )  # before another loop empties what the trainer has logged
    external = _external_tables(prepared, trainer, model, data)
    seconds = {"fit_s": fitted - started, "test_s": tested - fitted, "total_s": tested - started}
    record = {
        "task": model.task,
        "classes": list(model.classes),
        **results,
        "budget_epochs": budget,
        "data": _about_data(prepared, model.by_series),
        "input": _about_input(prepared, model, data),
        "compute": {
            "precision": trainer.precision,
            "channels_last": compute.channels_last,
            **numerics(prepared.config, trainer.precision, device),
        },
        "weights": _about_weights(model),
        **({"colors": {"file": colors.name, "sha256": colors.sha256}} if (colors := prepared.colors) else {}),
        "timings": {name: round(value, 3) for name, value in seconds.items()},
        **({"external": {one.name: one.record() for one in prepared.external}} if prepared.external else {}),
        "spent": taken,
        "versions": {"python": platform.python_version(), **own, **{name: version(name) for name in PACKAGES}},
        "machine": {**_machine(device), "compute": str(compute)},
    }
    objects = {"trainer": trainer, "model": model, "data": data}
    predictions = pd.concat([_predictions(prepared.store, model), *external], ignore_index=True)
    return Fitted(record, predictions, _learned_colors(model), objects)


def _trainer(
    prepared: Prepared, loggers: Sequence[Logger], compute: Compute, watching: Sequence[pl.Callback]
) -> pl.Trainer:
    config, cell = prepared.config, prepared.cell
    callbacks = [*watching, LastState(cell.checkpoints), EpochBar(cell, config.batch_size)]
    if config.patience is not None:
        callbacks.insert(0, Patience(config.monitor, config.patience))
    environment = LightningEnvironment()  # one process, whatever number and count a Slurm job's variables give
    environment.set_global_rank(0)  # Lightning took it from those variables when it was imported
    arguments: Any = OmegaConf.to_container(config.trainer, resolve=True)
    if arguments.get("profiler") == "simple":  # into a file: Lightning's log, where it would be printed, is silent
        arguments["profiler"] = SimpleProfiler(str(cell.folder), "profile")
    return pl.Trainer(
        **{"precision": compute.trainer_precision, **arguments},
        deterministic=config.deterministic,
        logger=list(loggers) or False,
        callbacks=callbacks,
        plugins=[environment, WholeCheckpoints()],
        default_root_dir=str(cell.folder),
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _results(monitor: str, model: Classifier, history: History, chosen: int, trainer: pl.Trainer) -> dict[str, Any]:
    """The curves, the chosen epoch, and its metrics on validation and test."""
    val = {name: value for name, value in history.epochs[chosen].items() if name.startswith("val/")}
    tested = {name: round(float(value), 7) for name, value in trainer.callback_metrics.items()}
    return {
        "metrics": val | {name: value for name, value in tested.items() if name.startswith("test/")},
        "undefined": model.undefined,
        "threshold": model.threshold() if (source := model.threshold_from()) else None,
        "threshold_from": source,
        "monitor": monitor,
        "epochs": history.epochs,
        "best_epoch": chosen,
    }


def _predictions(store: GrayStore, model: Classifier) -> pd.DataFrame:
    """The rows of val and test, as `score_table` has them."""
    tables = [
        score_table(store, of.index.numpy(), of.label.numpy(), of.scores.numpy(), split, model.by_series)
        for split, of in model.predictions.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _external_tables(
    prepared: Prepared, trainer: pl.Trainer, model: Classifier, data: GrayDataModule
) -> list[pd.DataFrame]:
    """The external sets' rows of predictions.parquet, scored by the epoch that was tested."""
    size, dtype = EVALUATED * data.batch_size, prepared.store.gray.dtype
    return [
        one.table(external_scores(trainer, model, ExternalImages(one, dtype, data.renderer, size)))
        for one in prepared.external
    ]


def _learned_colors(model: Classifier) -> pd.DataFrame | None:
    """A learned table as trained, a row a gray level, in sRGB and not limited to [0, 1]; None for fixed tables."""
    learned = getattr(model.color, "learned", None)
    return None if learned is None else pd.DataFrame(learned.colors.detach().cpu().numpy(), columns=["r", "g", "b"])


def _about_data(prepared: Prepared, by_series: BySeries | None) -> dict[str, Any]:
    store = prepared.store
    return {
        "name": prepared.cell.factors["data"],
        "fingerprint": store.fingerprint,
        "modality": store.modality,
        **part_sizes(prepared.parts, store.images["patient"].to_numpy()),
        "rejected": store.rejected,
        "flow": flow_of(
            prepared.dataset,
            store,
            prepared.parts,
            None if prepared.split.folds is None else prepared.split.parts(),
        ),
        "caveats": [*store.caveats, *prepared.split.caveats],
        **_about_fold(prepared),
        **({} if by_series is None else {"scored": _about_series(prepared, by_series)}),
        "resampled": prepared.config.data.split.resample,
        "given_test": bool((prepared.split.images["split"] == "test").any()),
        "test_share": prepared.split.settings.test,
    }


def _about_series(prepared: Prepared, by_series: BySeries) -> dict[str, Any]:
    """How series are scored, and how many there are in each part, and of each class."""
    store, parts = prepared.store, {}
    for part in PARTS:
        rows = np.flatnonzero(prepared.parts == part)
        parts[part] = series_counts(by_series.series[rows], store.labels[rows], len(store.classes))
    return {"score": by_series.score, **parts}


def _about_fold(prepared: Prepared) -> dict[str, Any]:
    """Which part of the patients the cell tests: nothing where they are divided once."""
    split, fold = prepared.split, prepared.cell.factors.get(FOLD)
    if split.folds is None or fold is None:
        return {}
    site = {"groups": split.settings.groups, "site": split.sites[fold]} if split.settings.groups else {}
    return {"folds": split.folds, "official": split.settings.official, **site}


def _about_input(prepared: Prepared, model: Classifier, data: GrayDataModule) -> dict[str, Any]:
    """What is needed, beside the settings, to make the network's input from a file, and to tell files of other kinds.

    The ranges are of the training part, and of no patient: they are those of all its images.
    """
    color: Any = model.color or data.renderer.color
    store, dataset = prepared.store, prepared.dataset
    rows = np.flatnonzero(prepared.parts == "train")
    files = dataset.index.images["file"].iloc[store.rows[rows]].unique()
    return {
        "gray": str(store.gray.dtype),
        "mean": list(color.mean),
        "std": list(color.std),
        "usual": usual(store.gray, rows, dataset.headers.loc[files, "size"]).record(),
    }


def _about_weights(model: Classifier) -> dict[str, Any] | None:
    record = getattr(model.backbone, "weights_record", None)
    return record.record() if record else None


def _machine(device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {"device": f"{device.type} ({name})", "threads": torch.get_num_threads()}
