"""Per-image scores of finished cells → aligned arrays, the form in which comparisons take them."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medxfer.analysis.judge.results import Cell
from medxfer.base.errors import MedxferError


@dataclass(frozen=True)
class Predictions:
    """One cell's scores on one split, in file order."""

    images: npt.NDArray[np.str_]  # (N,) pseudonyms
    patients: npt.NDArray[np.str_]  # (N,) pseudonyms
    labels: npt.NDArray[np.int64]  # (N,) class index, or (N, C) 0/1 for multi-label
    scores: npt.NDArray[np.float64]  # (N, C) probabilities


@dataclass(frozen=True)
class BlockScores:
    """The trainings of one block that every arm has finished."""

    arms: tuple[Hashable, ...]
    seeds: tuple[int, ...]
    scores: npt.NDArray[np.float64]  # (arms, trainings, N) for a binary task, else (arms, trainings, N, C)
    labels: npt.NDArray[np.int64]
    patients: npt.NDArray[np.str_]  # (N,)


@cache
def read_predictions(folder: Path, split: str = "test") -> Predictions:
    """Read predictions.parquet from a finished cell's folder; read once in a process.

    Raises:
        MedxferError: the file is missing, unreadable, or holds no image of that split.
    """
    path = folder / "predictions.parquet"
    try:
        frame = pd.read_parquet(path, filters=[("split", "==", split)])
    except (OSError, ValueError) as error:
        raise MedxferError(f"cannot read {path}: {error}; delete the cell's folder and train it again") from error
    if frame.empty:
        raise MedxferError(f"{path} holds no {split} image: delete the cell's folder and train it again")
    classes = sum(str(column).startswith("score_") for column in frame.columns)
    labels = frame["label"] if "label" in frame else frame[[f"label_{c}" for c in range(classes)]]
    return Predictions(
        images=frame["image"].to_numpy(dtype=str),
        patients=frame["patient"].to_numpy(dtype=str),
        labels=labels.to_numpy(dtype=np.int64),
        scores=frame[[f"score_{c}" for c in range(classes)]].to_numpy(dtype=np.float64),
    )


def stack(
    cells: Iterable[Cell],
    arms: Sequence[Hashable],
    key: Callable[[Cell], Hashable],
    seeds: Sequence[int] | None = None,
) -> BlockScores | None:
    """Stack one block's finished cells of these arms over the seeds that all arms share (or over `seeds`).

    `key` says which arm a cell belongs to. Returns None where no seed is finished in every arm.

    Raises:
        MedxferError: the cells were not tested on the same images and labels.
    """
    by_run = {(key(cell), cell.factors["seed"]): cell for cell in cells if cell.status == "done" and key(cell) in arms}
    if seeds is None:
        seeds = sorted({seed for _, seed in by_run if all((arm, seed) in by_run for arm in arms)})
    if not seeds:
        return None
    first = by_run[arms[0], seeds[0]]
    reference = read_predictions(first.folder)
    runs = [[read_predictions(by_run[arm, seed].folder) for seed in seeds] for arm in arms]
    for row, arm in zip(runs, arms, strict=True):
        for run, seed in zip(row, seeds, strict=True):
            if not (np.array_equal(run.images, reference.images) and np.array_equal(run.labels, reference.labels)):
                raise MedxferError(
                    f"{by_run[arm, seed].name} and {first.name} were tested on different images or labels: "
                    "they cannot be compared; train them again on one data set"
                )
    scores = np.array([[run.scores for run in row] for row in runs])
    if first.record["task"] == "binary":
        scores = scores[..., -1]
    return BlockScores(tuple(arms), tuple(seeds), scores, reference.labels, reference.patients)
