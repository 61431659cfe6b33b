"""Scores of finished cells for each image → aligned arrays, the form in which comparisons take them."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medxfer.analysis.judge.results import CellRecord
from medxfer.analysis.stats.mrmc import BlockScores
from medxfer.base.errors import MedxferError

KeyOf = Callable[[CellRecord], Hashable]


@dataclass(frozen=True)
class CellScores:
    """One cell's scores on one split, in file order."""

    images: npt.NDArray[np.str_]  # (N,) pseudonyms
    patients: npt.NDArray[np.str_]  # (N,) pseudonyms
    labels: npt.NDArray[np.int64]  # (N,) class index, or (N, C) 0/1 for multi-label
    scores: npt.NDArray[np.float64]  # (N, C) probabilities


@cache
def read_predictions(folder: Path, split: str = "test") -> CellScores:
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
    return CellScores(
        images=frame["image"].to_numpy(dtype=str),
        patients=frame["patient"].to_numpy(dtype=str),
        labels=labels.to_numpy(dtype=np.int64),
        scores=frame[[f"score_{c}" for c in range(classes)]].to_numpy(dtype=np.float64),
    )


def shared_seeds(cells: Iterable[CellRecord], arms: Sequence[Hashable], key: KeyOf) -> list[int]:
    """The seeds that every arm has finished; `key` says which arm a cell belongs to."""
    done = {(key(cell), cell.factors["seed"]) for cell in cells if cell.status == "done"}
    return sorted({seed for _, seed in done if all((arm, seed) in done for arm in arms)})


def stack(
    cells: Iterable[CellRecord], arms: Sequence[Hashable], key: KeyOf, seeds: Sequence[int] | None = None
) -> BlockScores | None:
    """Stack one block's finished cells of these arms over the seeds that all arms share (or over `seeds`).

    Its scores are (arms, trainings, N) for a binary task, else (arms, trainings, N, C); its thresholds are those that
    the trainings' validations chose. Returns None where no seed is
    finished in every arm.

    Raises:
        MedxferError: the cells were not tested on the same images and labels.
    """
    runs = {(key(cell), cell.factors["seed"]): cell for cell in cells if cell.status == "done"}
    if seeds is None:
        seeds = shared_seeds(runs.values(), arms, key)
    if not seeds:
        return None
    first = runs[arms[0], seeds[0]]
    reference = read_predictions(first.folder)
    rows = []
    for run in (runs[arm, seed] for arm in arms for seed in seeds):
        tested = read_predictions(run.folder)
        if not (np.array_equal(tested.images, reference.images) and np.array_equal(tested.labels, reference.labels)):
            raise MedxferError(
                f"{run.name} and {first.name} were tested on different images or labels: "
                "they cannot be compared; train them again on one data set"
            )
        rows.append(tested.scores)
    scores = np.array(rows).reshape(len(arms), len(seeds), *reference.scores.shape)
    if first.record["task"] == "binary":
        scores = scores[..., -1]
    at = np.array([[runs[arm, seed].threshold for seed in seeds] for arm in arms])
    return BlockScores(first.factors["data"], scores, reference.labels, reference.patients, at)
