"""Everything that is settled before a cell trains: its data, window, split, weights and name; or why it cannot be."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import get_class
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from medxfer.analysis.contrasts import read_rules
from medxfer.color import parse_colormap, parse_window
from medxfer.color.names import check_levels
from medxfer.data.dataset import Dataset, open_dataset
from medxfer.data.dicom import CT_WINDOW
from medxfer.data.split import SplitSettings, check_classes, split_images, training_subset
from medxfer.data.store import GrayStore, Progress, open_store
from medxfer.errors import MedxferError, unknown
from medxfer.model.catalogue import check_backbone
from medxfer.model.metrics import METRICS
from medxfer.model.recipe import OPTIMIZERS
from medxfer.model.weights import WeightsRecord, resolve
from medxfer.study.cell import Cell
from medxfer.study.files import write_parquet
from medxfer.study.identity import cell_name, declaration, factors, shared_settings
from medxfer.study.study import Study, open_study


@dataclass(frozen=True, eq=False)
class Prepared:
    """A cell with all that its training needs."""

    config: DictConfig
    cell: Cell
    store: GrayStore
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
        check_backbone(config.backbone)
        weights = resolve(config.backbone, config.pretrained)
        dataset = _dataset(config)
        window_name = _window_name(config.window, dataset.modality)
        window = parse_window(window_name)
        if colormap.takes_hu and window is None:
            raise MedxferError(
                f"colormap={config.colormap} needs CT images in Hounsfield units; these are '{dataset.modality}' "
                f"shown with window={window_name}"
            )
        store = _store(config, dataset, hounsfield=window is not None, progress=progress)
        check_classes(store.images["patient"], store.labels, store.classes)
    except MedxferError as error:
        return Impossible(config, error)
    study = open_study(config, dataset.fingerprint)
    try:
        parts = _parts(config, store, study)
    except MedxferError as error:
        return Impossible(config, error)
    named = factors(config, window_name)
    identity = {
        "settings": shared_settings(config),
        "factors": {key: value for key, value in named.items() if key != "data"},
        "data": [dataset.fingerprint, OmegaConf.to_container(config.data.split, resolve=True)],
        "weights": weights.sha256 if weights else None,
    }
    return Prepared(config, Cell(study, cell_name(named, identity), named), store, parts, window, weights)


def _check_settings(config: DictConfig) -> None:
    for key, choices in (("optimizer", OPTIMIZERS), ("normalize", ("fixed", "arm"))):
        if config[key] not in choices:
            raise unknown(key, str(config[key]), choices, f"choose {' or '.join(choices)}.")
    check_levels(config.levels)
    monitors = [f"val/{name}" for name in ("loss", *METRICS)]
    if config.monitor not in monitors:
        raise unknown("monitor", config.monitor, monitors, f"choose one of {', '.join(monitors)}.")
    declared = declaration(config)
    parse_colormap(read_rules(declared["rq1"], declared["rq2"]).colormap)


def _dataset(config: DictConfig) -> Dataset:
    settings: dict[str, Any] = OmegaConf.to_container(config.data, resolve=False)  # type: ignore[assignment]
    for key, value in settings.items():
        if value == "???":
            raise MedxferError(f"data={config.data.name} needs data.{key}: give it as data.{key}=…")
    source = OmegaConf.to_container(config.data.source, resolve=True)
    return _open_dataset(json.dumps(source), str(config.store.root))


@lru_cache(maxsize=8)
def _open_dataset(source: str, store_root: str) -> Dataset:
    settings = json.loads(source)
    kind = get_class(settings.pop("_target_"))  # not instantiate(), which wraps a source's own errors in Hydra's
    return open_dataset(kind(**settings), Path(store_root).expanduser().resolve())


_stores: dict[tuple[Any, ...], GrayStore] = {}  # shared by the cells of this process


def _store(config: DictConfig, dataset: Dataset, hounsfield: bool, progress: Progress | None) -> GrayStore:
    key = (dataset, config.image_size, hounsfield)
    if key not in _stores:
        _stores[key] = open_store(dataset, config.image_size, hounsfield, config.data.max_rejected, progress=progress)
    return _stores[key]


def _window_name(window: str, modality: str) -> str:
    if window != "auto":
        return str(window)
    if modality != "CT" and "CT" in modality.split("+"):
        raise MedxferError(
            f"the data set mixes CT with other modalities ({modality}), so no window fits all: "
            "keep them in two folders, or take each file's own window with window=file"
        )
    # The files' own CT windows differ by scanner and would give it away.
    return f"{CT_WINDOW.center:g}/{CT_WINDOW.width:g}" if modality == "CT" else "file"


def _parts(config: DictConfig, store: GrayStore, study: Study) -> NDArray[np.str_]:
    """The part of each image; from the study's folder where it was drawn before, so that a study has one test set."""
    split = SplitSettings(**config.data.split)
    drawn_by = f"split{split.seed}" + (f"-seed{config.seed}" if split.resample else "")
    path = study.folder / "splits" / f"{config.data.name}-{store.fingerprint}-{drawn_by}.parquet"
    if path.is_file():
        drawn = pd.read_parquet(path).set_index("image")["part"]
        parts = drawn.reindex(store.images["image"]).to_numpy(dtype=str)
    else:
        parts = split_images(store.images, store.labels, store.classes, split, config.seed)
        path.parent.mkdir(exist_ok=True)
        write_parquet(path, store.images[["image", "patient"]].assign(part=parts))
    if config.train_fraction < 1:
        train = np.flatnonzero(parts == "train")
        taken = training_subset(store.images.iloc[train], store.labels[train], config.train_fraction, split.seed)
        parts[train[~taken]] = ""
    return parts
