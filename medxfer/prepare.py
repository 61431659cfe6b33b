"""Everything that is settled before a cell trains: its data, window, split, weights and name; or why it cannot be."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.analysis.contrasts import read_rules
from medxfer.color import parse_colormap, parse_window
from medxfer.color.names import check_levels
from medxfer.data.balance import BALANCE, check_balance
from medxfer.data.split import check_classes, training_subset
from medxfer.data.store import SAME_PICTURE, GrayStore, Progress
from medxfer.datasets import Split, dataset_of, split_of, store_of, window_name
from medxfer.errors import MedxferError, unknown
from medxfer.model.catalogue import BOTTOM, check_backbone
from medxfer.model.freeze import check_finetune
from medxfer.model.metrics import METRICS
from medxfer.model.recipe import OPTIMIZERS
from medxfer.model.stages import count_of, stage_names
from medxfer.model.weights import WeightsRecord, resolve
from medxfer.study.cell import Cell
from medxfer.study.files import write_parquet
from medxfer.study.identity import cell_name, declaration, factors, shared_settings
from medxfer.study.loggers import check_logger
from medxfer.study.study import Study, open_study


@dataclass(frozen=True, eq=False)
class Prepared:
    """A cell with all that its training needs."""

    config: DictConfig
    cell: Cell
    store: GrayStore
    split: Split
    parts: NDArray[np.str_]  # (N,) train, val, test, or "" for what train_fraction leaves out
    window: tuple[float, float] | None  # center and width in HU; None for display gray
    weights: WeightsRecord | None  # None for random initialisation


@dataclass(frozen=True, eq=False)
class Impossible:
    """A cell that cannot be, and why; it still has a name, so that a study can record it as failed."""

    config: DictConfig
    error: MedxferError

    def cell(self, study: Study) -> Cell:
        named = factors(self.config, str(self.config.window))
        return Cell(study, cell_name(named, {"impossible": named}), named)


def prepare(config: DictConfig, progress: Progress | None = None) -> Prepared | Impossible:
    """Settle a cell. What cells share (data, store, weights' hashes) is opened once a process.

    Names are checked first and weights are found before any data is read, so that a slip costs seconds.
    Raises MedxferError only for what concerns the whole study: its folder, its settings.
    """
    try:
        colormap = parse_colormap(config.colormap)
        _check_settings(config)
        _check_network(config)
        weights = resolve(config.backbone, config.pretrained)
        dataset = dataset_of(config)
        shown = window_name(config.window, dataset.modality)
        window = parse_window(shown)
        if colormap.takes_hu and window is None:
            raise MedxferError(
                f"colormap={config.colormap} needs CT images in Hounsfield units; these are '{dataset.modality}' "
                f"shown with window={shown}"
            )
        store = store_of(config, dataset, window is not None, config.data.max_rejected, progress)
        check_classes(store.images["patient"], store.labels, store.classes)
        check_balance(config.balance, store.task)
        split = split_of(config, dataset, store)
    except MedxferError as error:
        return Impossible(config, error)
    study = open_study(config, dataset.fingerprint)
    try:
        parts = _parts(split, config, study)
    except MedxferError as error:
        return Impossible(config, error)
    named = factors(config, shown)
    identity = {
        "settings": shared_settings(config),
        "factors": {key: value for key, value in named.items() if key != "data"},
        "data": [dataset.fingerprint, split.identity],
        "weights": weights.sha256 if weights else None,
    }
    for caveat in (*store.caveats, *split.caveats):
        if caveat.startswith(SAME_PICTURE):
            warnings.warn(f"data '{config.data.name}': {caveat}", stacklevel=2)
    return Prepared(config, Cell(study, cell_name(named, identity), named), store, split, parts, window, weights)


def _check_settings(config: DictConfig) -> None:
    choices_of = {
        "optimizer": OPTIMIZERS,
        "normalize": ("fixed", "arm"),
        "balance": BALANCE,
        "compute": ("float32", "auto"),
    }
    for key, choices in choices_of.items():
        if config[key] not in choices:
            raise unknown(key, str(config[key]), choices, f"choose {' or '.join(choices)}.")
    if config.patience is not None and not (isinstance(config.patience, int) and config.patience > 0):
        raise MedxferError(f"patience={config.patience}: give a whole number of epochs from 1, or null for no stop.")
    if not 0 <= config.label_smoothing < 1:
        raise MedxferError(f"label_smoothing={config.label_smoothing}: must be from 0 to below 1.")
    if config.compute == "auto" and "precision" in config.trainer:
        raise MedxferError("compute=auto chooses the precision: leave trainer.precision out, or use compute=float32.")
    check_levels(config.levels)
    check_logger(config.logger.kind)
    monitors = [f"val/{name}" for name in ("loss", *METRICS)]
    if config.monitor not in monitors:
        raise unknown("monitor", config.monitor, monitors, f"choose one of {', '.join(monitors)}.")
    declared = declaration(config)
    parse_colormap(read_rules(declared["rq1"], declared["rq2"]).colormap)


def _check_network(config: DictConfig) -> None:
    check_backbone(config.backbone)
    check_finetune(config.finetune, config.backbone)
    if isinstance(config.pretrained, str) and config.pretrained.startswith(BOTTOM):
        count_of(f"pretrained={config.pretrained}", "bottom", stage_names(config.backbone))


def _parts(split: Split, config: DictConfig, study: Study) -> NDArray[np.str_]:
    """The part of each image; from the study's folder where it was drawn before, so that a study has one test set."""
    images, labels = split.store.images, split.store.labels
    path = study.folder / "splits" / f"{config.data.name}-{split.store.fingerprint}-{split.name}.parquet"
    if path.is_file():
        drawn = pd.read_parquet(path).set_index("image")["part"]
        parts = drawn.reindex(images["image"]).to_numpy(dtype=str)
    else:
        parts = split.draw()
        path.parent.mkdir(exist_ok=True)
        write_parquet(path, images[["image", "patient"]].assign(part=parts))
    if config.train_fraction < 1:
        train = np.flatnonzero(parts == "train")
        seed = split.settings.seed
        taken = training_subset(images.iloc[train], labels[train], config.train_fraction, seed)
        parts[train[~taken]] = ""
    return parts
