"""An external set as the cells of one training data set score it: decoded like it, in its classes, without overlap."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import DictConfig, open_dict

from medxfer.base.display import Step
from medxfer.base.errors import MedxferError, errors_of
from medxfer.base.series import BySeries
from medxfer.base.words import FEWEST_PATIENTS, Task, count, listing
from medxfer.data.external.mounted import Mounted, mounted_sets
from medxfer.data.external.overlap import Overlap, find_overlap, kept_as_of, known_of
from medxfer.data.header_facts import one_kind
from medxfer.data.inspect.shortcuts import class_counts
from medxfer.data.sources.class_names import in_training_classes
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.sources.source import Holds
from medxfer.data.sources.targets import source_class
from medxfer.data.store.dataset import DatasetInfo, dataset_of
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.open import store_of
from medxfer.data.store.prediction_rows import score_table
from medxfer.data.store.stored_series import by_series, series_counts


@dataclass(frozen=True)
class TrainedOn:
    """What a cell is trained on, as far as an external set has to agree with it."""

    fingerprint: str
    modality: str
    classes: tuple[str, ...]
    task: Task
    has_ids: bool  # of patients; else each image counts as one
    image_size: int
    hounsfield: bool
    keep_aspect: bool
    score: str  # what is scored: images, or series by mean or max


@dataclass(frozen=True, eq=False)
class ExternalSet:
    """The images that are scored, and how they came to be these."""

    name: str
    fingerprint: str  # of files, labels and the names of classes; 16 hex digits
    store: GrayStore
    rows: NDArray[np.int64]  # (M,) of the store: those that are scored
    labels: NDArray[Any]  # (M,) int64, or (M, C) float32, in the training's classes
    classes: tuple[str, ...]  # the training's
    overlap: Overlap
    caveats: tuple[str, ...]
    files: int  # received
    by_series: BySeries | None = None  # of the store's images, where series are scored

    @property
    def split(self) -> str:
        """Under which its scores lie in predictions.parquet."""
        return f"external:{self.name}"

    def table(self, scores: NDArray[np.float32]) -> pd.DataFrame:
        """Rows of predictions.parquet, of `scores` (M, C), as `score_table` has them."""
        return score_table(self.store, self.rows, self.labels, scores, self.split, self.by_series)

    def record(self) -> dict[str, Any]:
        """What a cell's record says of it: counts, and nothing of a patient."""
        counts, by_series = self._counts(), self.by_series
        scored = {} if by_series is None else series_counts(by_series.series[self.rows], self.labels, len(self.classes))
        return {
            "fingerprint": self.fingerprint,
            "modality": self.store.modality,
            "received": self.files,
            "rejected": self.store.rejected,
            "left_out": self.overlap.counts(),
            "images": len(self.rows),
            "patients": int(self.store.images["patient"].iloc[self.rows].nunique()),
            "by_class": {"images": [n for _, n, _ in counts], "patients": [n for _, _, n in counts]},
            "caveats": list(self.caveats),
            **({"scored": {"score": by_series.score, **scored}} if by_series else {}),
        }

    def sentence(self) -> str:
        """What it holds and what was left out, for the terminal."""
        about = self.record()
        classes = [f"{n:,} {name}" for n, name in zip(about["by_class"]["images"], self.classes, strict=True)]
        series = f" in {about['scored']['series']:,} series" if "scored" in about else ""
        people = count(about["patients"], "patient")
        said = (
            f"external set '{self.name}': {count(about['images'], 'image')}{series} of {people} ({', '.join(classes)})"
        )
        if self.overlap.among.any():
            said += f"; {left_out_sentence(self.overlap.counts())}"
        return said

    def warnings(self) -> list[str]:
        """What must be known before its answers are used, a sentence each."""
        few = [f"{n} with {name}" for name, _, n in self._counts() if n < FEWEST_PATIENTS]
        more = f"patients are {listing(few)} alone; with fewer than {FEWEST_PATIENTS} of a class nothing is judged"
        return [f"external set '{self.name}': {text}" for text in (*self.caveats, *([more] if few else []))]

    def _counts(self) -> list[tuple[str, int, int]]:
        patients = self.store.images["patient"].iloc[self.rows].reset_index(drop=True)
        return class_counts(self.labels, patients, self.classes, np.ones(len(self.rows), bool))


def left_out_sentence(counts: dict[str, int]) -> str:
    """'12 images are left out, because 5 patients and 2 pictures also stand in the training's data set'."""
    images, patients, pictures = (counts[key] for key in ("images", "patients", "pictures"))
    why = [count(n, noun) for n, noun in ((patients, "patient"), (pictures, "picture")) if n]
    verb, also = ("is" if images == 1 else "are"), ("stands" if patients + pictures == 1 else "stand")
    return f"{count(images, 'image')} {verb} left out, because {listing(why)} also {also} in the training's data set"


def external_sets(config: DictConfig, trained_on: TrainedOn, progress: Step | None = None) -> tuple[ExternalSet, ...]:
    """The external sets of `config` for cells that are trained on that, decoded if need be; opened once a process, and
    again when their files have changed.

    Raises MedxferError, with the set's name, where one cannot be scored: its files or settings are not as described,
    classes do not match, its images are of another kind, or all of them also stand in the training's data set.
    """
    asked = [(mounted, trained_on, _dataset(mounted, trained_on)) for mounted in mounted_sets(config)]
    for key in asked:
        if key not in _opened:
            _opened[key] = _open(*key, progress)
    return tuple(_opened[key] for key in asked)


_opened: dict[tuple[Mounted, TrainedOn, DatasetInfo], ExternalSet] = {}  # shared by the cells of this process


def _dataset(mounted: Mounted, trained_on: TrainedOn) -> DatasetInfo:
    with errors_of(f"external set '{mounted.name}'", mounted.key):
        config, source = mounted.config, mounted.data["source"]
        if holds := source_class(source.pop("_target_")).foretold(**source):
            _matched(np.zeros(0, np.int64), holds, mounted, trained_on)
        with open_dict(config):
            config.data.keep_aspect = trained_on.keep_aspect
        return dataset_of(config)


def _open(mounted: Mounted, trained_on: TrainedOn, dataset: DatasetInfo, progress: Step | None) -> ExternalSet:
    config, key = mounted.config, mounted.key
    with errors_of(f"external set '{mounted.name}'", key):
        index = dataset.index
        labels = _matched(index.labels, Holds(index.classes, index.task, dataset.modality), mounted, trained_on)
        shares = config.data.max_rejected, progress, config.data.get("max_missing", 0.2)
        store = store_of(dataset, trained_on.image_size, trained_on.hounsfield, *shares)
    kept_as = kept_as_of(trained_on.image_size, trained_on.hounsfield)
    known = known_of(mounted.store_root, trained_on.fingerprint, kept_as, trained_on.has_ids)
    series = _series(mounted.name, store, trained_on)
    overlap = find_overlap(store, dataset, NO_PATIENTS not in store.caveats, known)
    rows = np.flatnonzero(~overlap.among)
    found = ExternalSet(
        mounted.name,
        _fingerprint(dataset, mounted),
        store,
        rows,
        labels[store.rows][rows],
        trained_on.classes,
        overlap,
        (*_modality_caveat(store.modality, trained_on), *store.caveats),
        len(dataset.index.images) + sum(map(len, dataset.index.left_out.values())),
        series,
    )
    _check_left(found, key)
    return found


def _matched(labels: NDArray[Any], holds: Holds, mounted: Mounted, trained_on: TrainedOn) -> NDArray[Any]:
    """`labels` in the training's classes. Raises MedxferError if classes or modality are not the training's."""
    _check_modality(mounted.key, holds.modality, trained_on)
    own, training = (holds.classes, holds.task), (trained_on.classes, trained_on.task)
    return in_training_classes(labels, own, training, mounted.classes, mounted.key)


def _series(name: str, store: GrayStore, trained_on: TrainedOn) -> BySeries | None:
    try:
        return by_series(store, trained_on.score, trained_on.task)
    except MedxferError as error:
        raise MedxferError(f"external set '{name}': {error}") from error


def _fingerprint(dataset: DatasetInfo, mounted: Mounted) -> str:
    text = json.dumps([dataset.fingerprint, mounted.classes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_modality(key: str, modality: str, trained_on: TrainedOn) -> None:
    """Raise MedxferError where the images are of another kind than the training's."""
    if trained_on.hounsfield and modality != "CT":
        raise MedxferError(
            f"the cells take CT images in Hounsfield units, and {key} holds '{modality}': give CT images"
        )
    if one_kind(modality, trained_on.modality) or set(modality.split("+")) <= set(trained_on.modality.split("+")):
        return
    raise MedxferError(
        f"its images are '{modality}' and the training's '{trained_on.modality}', so that scores would say nothing: "
        "give images of the same modality"
    )


def _modality_caveat(modality: str, trained_on: TrainedOn) -> tuple[str, ...]:
    if modality == trained_on.modality:
        return ()
    return (f"its images are '{modality}' and the training's '{trained_on.modality}'",)


def _check_left(found: ExternalSet, key: str) -> None:
    """Raise MedxferError where nothing is left of the set, or of a class."""
    if not len(found.rows):
        raise MedxferError(
            f"external set '{found.name}': no image is left: {left_out_sentence(found.overlap.counts())}; if these are "
            f"other people with the same ids, put the hospital's name before the ids in {key}.labels"
        )
    empty = [name for name, images, _ in found._counts() if not images]
    if empty:
        raise MedxferError(
            f"external set '{found.name}': no image with {listing(empty)} is left, so that no metric can be computed "
            f"({left_out_sentence(found.overlap.counts())}): give more images"
        )
