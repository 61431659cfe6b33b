"""Everything that is settled before a cell trains: its data, window, split, weights and name; or why it cannot be."""

import hashlib
import warnings
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.files import write_parquet
from medxfer.base.series import IMAGE, score_of
from medxfer.base.window import Window, parse_window, window_name
from medxfer.base.words import AUTO
from medxfer.color import parse_colormap
from medxfer.data.external import ExternalSet, TrainedOn, external_sets
from medxfer.data.serve.balance import check_balance
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.split import Split, check_classes, split_of, training_subset
from medxfer.data.store.build import SAME_PICTURE, GrayStore, Progress, store_of
from medxfer.data.store.dataset import DatasetInfo, dataset_of
from medxfer.data.store.stored_series import by_series
from medxfer.model.backbone import check_finetune, check_image_size, check_repeatable, stage_names
from medxfer.model.catalogue import BOTTOM, check_backbone, check_weights, input_size
from medxfer.model.layers import count_of
from medxfer.model.metrics import compute_metrics
from medxfer.model.weights import WeightsRecord, resolve
from medxfer.study.cell import Cell
from medxfer.study.folder import Study, open_study
from medxfer.study.identity import FOLD, VALUES, Json, cell_name, factors, shared_settings
from medxfer.training.batch_limits import limited_batches
from medxfer.training.settings.checked import checked


@dataclass(frozen=True)
class ColorFile:
    """The user's own table of colours, which the cell keeps."""

    name: str  # without folder
    content: bytes

    @classmethod
    def of(cls, path: Path) -> "ColorFile":
        return cls(path.name, path.read_bytes())

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, eq=False)
class Settled:
    """A cell that can be, and what is known of it before its training."""

    cell: Cell
    dataset: DatasetInfo
    store: GrayStore
    split: Split
    parts: NDArray[np.str_]  # (N,) train, val, test, or "" for what train_fraction leaves out
    window: Window | None  # in HU; None for display gray
    weights: WeightsRecord | None  # None for random initialisation
    external: tuple[ExternalSet, ...] = ()  # what it is scored on beside its own test part
    colors: ColorFile | None = None  # the file of colormap=file:<path>
    score: str = IMAGE  # what is judged: data.score


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared(Settled):
    """A cell with all that its training needs."""

    config: DictConfig


@dataclass(frozen=True, eq=False)
class Impossible:
    """A cell that cannot be, and why; it still has a name, so that a study can record it as failed."""

    config: DictConfig
    values: Json
    error: MedxferError

    def cell(self, study: Study) -> Cell:
        named = factors(self.config, self.values, self.values["window"])
        return Cell(study, cell_name(named, {"impossible": named}), named)


def prepare(config: DictConfig, progress: Progress | None = None) -> Prepared | Impossible:
    """Check the whole configuration of one cell, and settle it; see `Preparation`."""
    try:
        config = checked(config)
    except MedxferError as error:
        return Impossible(config, {key: config.get(key) for key in VALUES}, error)
    settled = Preparation(config, progress, {} if config.plan else None).settle(
        {key: config.get(key) for key in VALUES}
    )
    return settled if isinstance(settled, Impossible) else prepared(settled, config)


def prepared(settled: Settled, config: DictConfig) -> Prepared:
    """`settled` with its `config`, in which image_size is a number."""
    if config.image_size == AUTO:
        config = config.copy()
        config.image_size = settled.cell.factors["image_size"]
    return Prepared(**vars(settled), config=config)


def sized(values: Json) -> Json:
    """`values` with the number of pixels for image_size=auto: that of the images which the backbone's weights saw."""
    return {**values, "image_size": input_size(values["backbone"])} if values["image_size"] == AUTO else values


def cells_of(config: DictConfig) -> list[DictConfig]:
    """The configuration of each cell that `config` asks for: one, or one a fold where it names none."""
    values = Preparation(config).each_fold({key: config.get(key) for key in VALUES})
    configs = [config.copy() for _ in values]
    for one, of_fold in zip(configs, values, strict=True):
        one.fold = of_fold[FOLD]
    return configs


class Preparation:
    """Settles the cells whose configurations differ in `VALUES` alone, each in milliseconds after the first.

    The configuration is a `checked` one. Names are looked up first and weights are found before any data is read, so
    that a slip costs seconds. What cells share (data, stores, weights' hashes, the study) is opened once.
    """

    def __init__(
        self, config: DictConfig, progress: Progress | None = None, pending: dict[Path, Json] | None = None
    ) -> None:
        """With `pending` nothing is written before `enter`; see `open_study`."""
        self.config, self.progress, self.pending = config, progress, pending
        self.drawn: dict[Path, pd.DataFrame] = {}  # splits that are not written yet
        self.splits: dict[GrayStore, Split] = {}
        self.undefined: dict[tuple[GrayStore, str], dict[str, str]] = {}  # metrics without a value on validation

    def each_fold(self, values: Json) -> list[Json]:
        """`values` for each cell that they ask for: one, or one a fold where they name none."""
        split = self.config.data.split
        if values[FOLD] is not None or not (split.folds or split.groups or split.file):
            return [values]
        try:
            values = sized(values)
            window = window_name(values["window"], self.dataset.modality)
            folds = self._split(self._store(values["image_size"], parse_window(window) is not None)).folds
        except MedxferError:  # which `settle` says
            return [values]
        return [values] if folds is None else [{**values, FOLD: fold} for fold in range(folds)]

    def settle(self, values: Json) -> Settled | Impossible:
        """The cell with these `values`.

        Raises MedxferError only for what concerns the whole study: its folder, and the external sets.
        """
        try:
            colormap = parse_colormap(values["colormap"])
            colors = ColorFile.of(colormap.file) if colormap.file else None
            _check_network(self.config, values["backbone"], values["pretrained"])
            size_is_auto, values = values["image_size"] == AUTO, sized(values)
            check_image_size(values["backbone"], values["image_size"])
            if self.config.deterministic is True and on_gpu(self.config):
                learned = colormap.kind == "learned"
                check_repeatable(values["backbone"], values["image_size"], self.config.finetune, learned)
            weights = resolve(values["backbone"], values["pretrained"])
            if size_is_auto:
                _check_size_of(weights, values)
            shown = window_name(values["window"], self.dataset.modality)
            window = parse_window(shown)
            if colormap.takes_hu and window is None:
                raise MedxferError(
                    f"colormap={values['colormap']} needs CT images in Hounsfield units; these are "
                    f"'{self.dataset.modality}' shown with window={shown}"
                )
            store = self._store(values["image_size"], window is not None)
            split = replace(self._split(store), training_seed=values["seed"])
            _check_fold(values[FOLD], split.folds)
        except MedxferError as error:
            return Impossible(self.config, values, error)
        external = external_sets(self.config, trained_on(self.config, store, window is not None), self.progress)
        study, named = self.study, factors(self.config, values, shown)
        try:
            parts = self._parts(split, study, values["train_fraction"], values[FOLD])
            self._check_monitor(split, parts)
            limited_batches(self.config, parts)  # one, at least, of each
        except MedxferError as error:
            return Impossible(self.config, values, error)
        identity = {
            "settings": self.settings,
            "factors": {key: value for key, value in named.items() if key != "data"},
            "data": [self.dataset.fingerprint, split.identity, *([] if self.score == IMAGE else [self.score])],
            "weights": weights.sha256 if weights else None,
            **({"colors": colors.sha256} if colors else {}),
            **({"normalisation": [weights.mean, weights.std]} if weights and weights.mean else {}),
        }
        cell = Cell(study, cell_name(named, identity), named)
        return Settled(cell, self.dataset, store, split, parts, window, weights, external, colors, self.score)

    @cached_property
    def settings(self) -> Json:
        return shared_settings(self.config)

    @cached_property
    def score(self) -> str:
        return score_of(self.config.data)

    @cached_property
    def dataset(self) -> DatasetInfo:
        return dataset_of(self.config)

    @cached_property
    def study(self) -> Study:
        return open_study(self.config, self.dataset.fingerprint, self.pending)

    def enter(self) -> None:
        """Write the study's record and the splits that were drawn, where a cell was settled; once checks have passed.

        Raises MedxferError where the study's folder cannot be written, or where it has become another study.
        """
        if "study" not in vars(self):  # every cell failed before it
            return
        if open_study(self.config, self.dataset.fingerprint) != self.study:
            raise MedxferError(f"{self.study.name}: another command has begun this study meanwhile; run this one again")
        for path, table in self.drawn.items():
            _write_split(self.study, path, table)

    def _store(self, image_size: int, hounsfield: bool) -> GrayStore:
        data = self.config.data
        missing = data.get("max_missing", 0.2)  # cells of an older version have no such setting
        return store_of(self.dataset, image_size, hounsfield, data.max_rejected, self.progress, missing)

    def _split(self, store: GrayStore) -> Split:
        """How `store` is divided; the same for all seeds of a training."""
        if store not in self.splits:
            check_classes(store.images["patient"], store.labels, store.classes)
            check_balance(self.config.balance, store.task)
            by_series(store, self.score)
            split = split_of(self.config, self.dataset, store)
            for caveat in (*store.caveats, *split.caveats):
                if caveat.startswith(SAME_PICTURE):
                    warnings.warn(f"data '{self.config.data.name}': {caveat}", stacklevel=2)
            self.splits[store] = split
        return self.splits[store]

    def _parts(self, split: Split, study: Study, train_fraction: float, fold: int | None) -> NDArray[np.str_]:
        """The part of each image, (N,). What was drawn before is read from the study's folder, so that a study has one
        test set."""
        images, labels = split.store.images, split.store.labels
        path = study.folder / "splits" / f"{self.config.data.name}-{split.store.fingerprint}-{split.name}.parquet"
        if path.is_file():
            table = _read_division(path, path.stat().st_mtime_ns, split.store)
        else:
            if path not in self.drawn:
                self.drawn[path] = split.table()
            if self.pending is None:
                _write_split(study, path, self.drawn[path])
            table = self.drawn[path]
        parts = table["part" if fold is None else f"part_{fold}"].to_numpy(dtype=str).copy()
        if train_fraction < 1:
            train = np.flatnonzero(parts == "train")
            taken = training_subset(images.iloc[train], labels[train], train_fraction, split.settings.seed)
            parts[train[~taken]] = ""
        return parts

    def _check_monitor(self, split: Split, parts: NDArray[np.str_]) -> None:
        """Raise MedxferError where the metric that chooses the epoch has no value on validation."""
        store, monitor = split.store, self.config.monitor
        if (store, split.name) not in self.undefined:
            labels = torch.from_numpy(store.labels[parts == "val"])
            scores = torch.full((len(labels), len(store.classes)), 1 / len(store.classes))
            _, undefined = compute_metrics(scores, labels, store.task, store.classes)
            self.undefined[store, split.name] = undefined
        if why := self.undefined[store, split.name].get(monitor.removeprefix("val/")):
            raise MedxferError(
                f"monitor={monitor} has no value on the validation images that were given ({why}): give some of every "
                "class, or choose the epoch by monitor=val/loss"
            )


def trained_on(config: DictConfig, store: GrayStore, hounsfield: bool) -> TrainedOn:
    """What an external set has to agree with where cells are trained on `store`."""
    return TrainedOn(
        fingerprint=store.fingerprint,
        modality=store.modality,
        classes=store.classes,
        task=store.task,
        has_ids=NO_PATIENTS not in store.caveats,
        image_size=int(store.gray.shape[1]),
        hounsfield=hounsfield,
        keep_aspect=bool(config.data.keep_aspect),
        score=score_of(config.data),
    )


def _check_network(config: DictConfig, backbone: str, pretrained: bool | str) -> None:
    check_backbone(backbone)
    check_weights(backbone, pretrained)
    check_finetune(config.finetune, backbone)
    if isinstance(pretrained, str) and pretrained.startswith(BOTTOM):
        count_of(f"pretrained={pretrained}", "bottom", stage_names(backbone))


def _check_size_of(weights: WeightsRecord | None, values: Json) -> None:
    """Raise MedxferError where image_size=auto would not be the size that the weights say of themselves."""
    if weights and weights.size not in (None, values["image_size"]):
        raise MedxferError(
            f"image_size=auto is {values['image_size']} px with backbone={values['backbone']}, in every arm, and "
            f"pretrained={values['pretrained']} was trained at {weights.size} px: give "
            f"image_size={weights.size}, or another, for all arms"
        )


def on_gpu(config: DictConfig) -> bool:
    """Whether cells train on a CUDA device of this machine; CUDA does not begin here."""
    return config.trainer.accelerator in ("auto", "gpu", "cuda") and torch.cuda.device_count() > 0


def _check_fold(fold: object, folds: int | None) -> None:
    if folds is None and fold is not None:
        raise MedxferError(f"fold={fold}: the patients are divided once; give data.split.folds=, or leave fold out")
    if folds is not None and fold not in range(folds):
        raise MedxferError(f"fold={fold}: the folds are 0 to {folds - 1}; leave fold out to train them all")


def _write_split(study: Study, path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(exist_ok=True)
    with study.changing():
        if not path.is_file():
            write_parquet(path, table)


@lru_cache(maxsize=64)
def _read_division(path: Path, modified: int, store: GrayStore) -> pd.DataFrame:
    """The study's division, a row an image of the store. Raises MedxferError if it lacks some of them."""
    table = pd.read_parquet(path).set_index("image")
    if absent := int((~store.images["image"].isin(table.index)).sum()):
        raise MedxferError(
            f"{path} divides other images than these: {absent} of {len(store.images)} are not in it; give the data "
            "that the study began with, or another study.name"
        )
    return table.loc[store.images["image"]]
