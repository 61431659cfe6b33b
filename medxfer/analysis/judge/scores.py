"""Scores of finished cells for each image → aligned arrays, the form in which comparisons take them."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medxfer.analysis.judge.results import PREDICTIONS, CellRecord, Network, written_at
from medxfer.analysis.stats.mrmc import BlockScores
from medxfer.base.errors import MedxferError, first_line
from medxfer.base.series import SLICES
from medxfer.base.words import count

KeyOf = Callable[[CellRecord], Hashable]


@dataclass(frozen=True)
class CellScores:
    """Scores of one cell on one split, in file order; or of a training with folds, by pseudonym."""

    images: npt.NDArray[np.str_]  # (N,) pseudonyms
    patients: npt.NDArray[np.str_]  # (N,) pseudonyms
    labels: npt.NDArray[np.int64]  # (N,) class index, or (N, C) 0/1 for multi-label
    scores: npt.NDArray[np.float64]  # (N, C) probabilities
    fold: npt.NDArray[np.int64] | None = None  # (N,) that tested the image; None if one network tested all
    threshold: npt.NDArray[np.float64] = field(default_factory=lambda: np.array(0.5))  # (N,) of the image's network

    @property
    def judged(self) -> npt.NDArray[np.float64]:
        """(N,) of class 1 in a binary task, else (N, C): the form in which comparisons take scores."""
        return self.scores[:, 1] if self.labels.ndim == 1 and self.scores.shape[1] == 2 else self.scores

    @property
    def has_class(self) -> list[npt.NDArray[np.bool_]]:
        """For each class or label, which images have it, (N,)."""
        several = self.labels.ndim == 2
        return [self.labels[:, c] == 1 if several else self.labels == c for c in range(self.scores.shape[1])]

    def patients_among(self, images: npt.NDArray[np.bool_]) -> int:
        """How many patients the images (N,) are of."""
        return len(np.unique(self.patients[images]))

    def same_images(self, other: "CellScores") -> bool:
        """Whether both are of the same images in the same order, with the same labels."""
        return np.array_equal(self.images, other.images) and np.array_equal(self.labels, other.labels)


def read_scores(cell: CellRecord) -> CellScores:
    """The scores of a finished training, with the threshold and, of a training of folds, the fold of each image.

    Raises:
        MedxferError: as `read_predictions`; or an image was tested in two folds.
    """
    return read_networks(cell.networks)


@cache
def read_networks(networks: tuple[Network, ...]) -> CellScores:
    """`read_scores` of a training by its networks; read once in a process, and again when they have changed."""
    parts = [_read_network(network) for network in networks]
    if len(parts) == 1:
        return parts[0]

    def joined(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    images = joined("images")
    order = np.argsort(images, kind="stable")
    if twice := len(images) - len(np.unique(images)):
        raise MedxferError(
            f"{networks[0].folder.name} and its other folds tested {count(twice, 'image')} twice: "
            "they are of different divisions; delete their folders and train them again"
        )
    return CellScores(**{one.name: joined(one.name)[order] for one in fields(CellScores)})


def _read_network(network: Network) -> CellScores:
    found = read_predictions(network.folder)
    n = len(found.images)
    fold = None if network.fold is None else np.full(n, network.fold)
    return replace(found, fold=fold, threshold=np.full(n, network.threshold))


def read_predictions(folder: Path, split: str = "test") -> CellScores:
    """Read predictions.parquet from a finished cell's folder; read once in a process, and again when it has changed.

    Where the cell scored series, each is one image here.

    Raises:
        MedxferError: the file is missing, unreadable, or holds no image of that split.
    """
    return _predictions(folder, split, written_at(folder))


@cache
def _predictions(folder: Path, split: str, written: tuple[int, int]) -> CellScores:
    """`written` is not used, but for the cache."""
    frame = _read(folder, split)
    if frame.empty:
        path = folder / PREDICTIONS
        raise MedxferError(f"{path} holds no {split} image: delete the cell's folder and train it again")
    classes = sum(str(column).startswith("score_") for column in frame.columns)
    labels = frame["label"] if "label" in frame else frame[[f"label_{c}" for c in range(classes)]]
    return CellScores(
        images=frame["image"].to_numpy(dtype=str),
        patients=frame["patient"].to_numpy(dtype=str),
        labels=labels.to_numpy(dtype=np.int64),
        scores=frame[[f"score_{c}" for c in range(classes)]].to_numpy(dtype=np.float64),
    )


def _read(folder: Path, split: str) -> pd.DataFrame:
    path = folder / PREDICTIONS
    try:
        return pd.read_parquet(path, filters=[("split", "==", split)])
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def read_slices(folder: Path) -> dict[str, list[str]]:
    """The test slices (images) of each series that a finished cell scored; empty where it scored images. All are
    pseudonyms.

    Raises:
        MedxferError: the file is missing or unreadable.
    """
    frame = _read(folder, "test" + SLICES)
    return {str(one): list(map(str, of)) for one, of in frame.groupby("series")["image"]} if len(frame) else {}


def stack(
    cells: Iterable[CellRecord], arms: Sequence[Hashable], key: KeyOf, seeds: Sequence[int] | None = None
) -> BlockScores | None:
    """Stack one block's finished cells of these arms over the seeds that all arms share (or over `seeds`).

    Args:
        cells: those of one block, such as `read_study(folder).done`.
        arms: what is compared, in this order.
        key: which of `arms` a cell is of.
        seeds: which trainings; by default those that all arms share.

    Returns:
        Scores, (arms, trainings, N) for a binary task, else (arms, trainings, N, C); thresholds are those that the
        trainings' validations chose, with folds of each image. None where no seed is finished in every arm.

    Raises:
        MedxferError: the cells were not tested on the same images and labels.
    """
    runs = {(key(cell), cell.factors["seed"]): cell for cell in cells if cell.status == "done"}
    if seeds is None:
        seeds = sorted({seed for _, seed in runs if all((arm, seed) in runs for arm in arms)})
    if not seeds:
        return None
    first = runs[arms[0], seeds[0]]
    reference = read_scores(first)
    rows, folds, at = [], [], []
    for run in (runs[arm, seed] for arm in arms for seed in seeds):
        tested = read_scores(run)
        if not tested.same_images(reference):
            raise MedxferError(
                f"{run.name} and {first.name} were tested on different images or labels: "
                "they cannot be compared; train them again on one data set"
            )
        rows.append(tested.judged)
        folds.append(tested.fold)
        at.append(tested.threshold)
    scores = np.array(rows).reshape(len(arms), len(seeds), *reference.judged.shape)
    data, shape = first.factors["data"], (len(arms), len(seeds), len(reference.images))
    if not first.folds:
        of_runs = np.array([[runs[arm, seed].threshold for seed in seeds] for arm in arms])
        return BlockScores(data, scores, reference.labels, reference.patients, of_runs)
    divided, limits = np.array(folds, np.int64).reshape(shape), np.array(at, np.float64).reshape(shape)
    return BlockScores(
        data, scores, reference.labels, reference.patients, limits, divided, "sites" in first.record["data"]
    )


def unreadable(path: Path, error: Exception) -> MedxferError:
    """The error for a table of a finished cell that cannot be read."""
    why = first_line(error) if path.is_file() else "no such file"
    return MedxferError(f"cannot read {path}: {why}; delete the cell's folder and train it again")
