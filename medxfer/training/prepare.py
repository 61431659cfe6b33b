"""Everything that is settled before a cell trains: its data, window, split, weights and name."""

import warnings
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.base.display import Step
from medxfer.base.errors import MedxferError
from medxfer.base.series import IMAGE, score_of
from medxfer.base.window import parse_window, window_name
from medxfer.color import parse_colormap
from medxfer.data.external import TrainedOn, external_sets
from medxfer.data.serve.balance import check_balance
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.split import Split, check_classes, split_of
from medxfer.data.store.dataset import DatasetInfo, dataset_of
from medxfer.data.store.gray_store import SAME_PICTURE, GrayStore
from medxfer.data.store.open import store_of
from medxfer.data.store.stored_series import by_series
from medxfer.model.metrics import compute_metrics
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import FOLD, VALUES, Json, cell_name, factors, shared_settings
from medxfer.study.opening import open_study
from medxfer.training.asked_network import check_trainable, initial_weights, sized
from medxfer.training.batch_limits import limited_batches
from medxfer.training.settings.checked import checked
from medxfer.training.settled_cell import ColorFile, Prepared, Settled
from medxfer.training.study_division import StudyDivision

Known = TypeVar("Known")


def prepare(config: DictConfig) -> Prepared:
    """Check the whole configuration of one cell, and settle it; see `Preparation`."""
    config = checked(config)
    preparation = Preparation(config, pending={} if config.plan else None)
    return preparation.settle({key: config.get(key) for key in VALUES}).prepared(config)


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
        self, config: DictConfig, progress: Step | None = None, pending: dict[Path, Json] | None = None
    ) -> None:
        """With `pending` nothing is written before `enter`; see `open_study`."""
        self.config, self.progress, self.pending = config, progress, pending
        self.division = StudyDivision()
        self.known: dict[Hashable, Any] = {}  # what was opened, or the error of it

    def each_fold(self, values: Json) -> list[Json]:
        """`values` for each cell that they ask for: one, or one a fold where they name none."""
        split = self.config.data.split
        if values[FOLD] is not None or not (split.folds or split.groups or split.file):
            return [values]
        values = sized(values)
        window = window_name(values["window"], self.dataset.modality)
        folds = self._split(self._store(values["image_size"], parse_window(window) is not None)).folds
        return [values] if folds is None else [{**values, FOLD: fold} for fold in range(folds)]

    def settle(self, values: Json) -> Settled:
        """The cell with these `values`. Raises MedxferError where it cannot be."""
        colormap = parse_colormap(values["colormap"])
        colors = ColorFile.of(colormap.file) if colormap.file else None
        network = values["backbone"], values["pretrained"], values["image_size"]
        weights = self._once(network, lambda: initial_weights(*network))
        check_trainable(self.config, values)
        values = sized(values)
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
        trained_on = _trained_on(self.config, store, window is not None)
        external = self._once(trained_on, lambda: external_sets(self.config, trained_on, self.progress))
        study, named = self.study, factors(self.config, values, shown)
        parts = self.division.parts(study, named["data"], split, values["train_fraction"], values[FOLD])
        if self.pending is None:
            self.division.write(study)
        self._check_monitor(split, parts)
        limited_batches(self.config, parts)  # one, at least, of each
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

    @property
    def dataset(self) -> DatasetInfo:
        return self._once("dataset", lambda: dataset_of(self.config))

    @cached_property
    def study(self) -> Study:
        return open_study(self.config, self.dataset.fingerprint, self.pending)

    def enter(self) -> None:
        """Write the study's record and the splits that were drawn, once cells are settled and checks have passed.

        Raises MedxferError where the study's folder cannot be written, or where it has become another study.
        """
        if open_study(self.config, self.dataset.fingerprint) != self.study:
            raise MedxferError(f"{self.study.name}: another command has begun this study meanwhile; run this one again")
        self.division.write(self.study)

    def _store(self, image_size: int, hounsfield: bool) -> GrayStore:
        data = self.config.data
        missing = data.get("max_missing", 0.2)  # cells of an older version have no such setting
        return self._once(
            (image_size, hounsfield),
            lambda: store_of(self.dataset, image_size, hounsfield, data.max_rejected, self.progress, missing),
        )

    def _once(self, what: Hashable, make: Callable[[], Known]) -> Known:
        """What `make` returns or raises, for all cells: images that cannot be used take as long to read as others."""
        if what not in self.known:
            try:
                self.known[what] = make()
            except MedxferError as error:
                self.known[what] = error
        found: Known | MedxferError = self.known[what]
        if isinstance(found, MedxferError):
            raise found
        return found

    def _split(self, store: GrayStore) -> Split:
        """How `store` is divided; the same for all seeds of a training."""
        return self._once(store, lambda: self._checked_split(store))

    def _checked_split(self, store: GrayStore) -> Split:
        check_classes(store.images["patient"], store.labels, store.classes, self.dataset.source.remedy)
        check_balance(self.config.balance, store.task)
        by_series(store, self.score)
        split = split_of(self.config, self.dataset, store)
        for caveat in (*store.caveats, *split.caveats):
            if caveat.startswith(SAME_PICTURE):
                warnings.warn(f"data '{self.config.data.name}': {caveat}", stacklevel=2)
        return split

    def _check_monitor(self, split: Split, parts: NDArray[np.str_]) -> None:
        """Raise MedxferError where the metric that chooses the epoch has no value on validation."""
        store, monitor = split.store, self.config.monitor

        def undefined() -> dict[str, str]:
            labels = torch.from_numpy(store.labels[parts == "val"])
            scores = torch.full((len(labels), len(store.classes)), 1 / len(store.classes))
            return compute_metrics(scores, labels, store.task, store.classes)[1]

        if why := self._once((store, split.name), undefined).get(monitor.removeprefix("val/")):
            raise MedxferError(
                f"monitor={monitor} has no value on the validation images that were given ({why}): give some of every "
                "class, or choose the epoch by monitor=val/loss"
            )


def _trained_on(config: DictConfig, store: GrayStore, hounsfield: bool) -> TrainedOn:
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


def _check_fold(fold: object, folds: int | None) -> None:
    if folds is None and fold is not None:
        raise MedxferError(f"fold={fold}: the patients are divided once; give data.split.folds=, or leave fold out")
    if folds is not None and fold not in range(folds):
        raise MedxferError(f"fold={fold}: the folds are 0 to {folds - 1}; leave fold out to train them all")
