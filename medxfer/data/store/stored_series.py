"""The series of a store's images, where series are what is scored."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.series import IMAGE, BySeries
from medxfer.base.words import Task
from medxfer.data.store.gray_store import GrayStore


def by_series(store: GrayStore, score: str, task: Task | None = None) -> BySeries | None:
    """How the images of `store` become series by data.score=`score`; None where each image has a score of its own.

    `task` is that of the scores, by default the store's.

    Raises MedxferError if images have no series, if the slices of a series have several labels or patients, or if
    series cannot have such scores in this task. A series is named by its number: no UID stands in a message.
    """
    if score == IMAGE:
        return None
    said, series = f"data.score={score}", store.images.get("series", pd.Series("", store.images.index))
    if lost := int((series == "").sum()):
        which = "all" if lost == len(series) else f"{lost} of {len(series)}"
        raise MedxferError(
            f"{said}: {which} images are slices of no series that the data set knows (by SeriesInstanceUID, or by the "
            "volume's file): leave them out, or use data.score=image"
        )
    codes, names = pd.factorize(series)
    if (number := _first_divided(codes, pd.factorize(store.images["patient"])[0])) is not None:
        raise MedxferError(
            f"{said}: the slices of series {number + 1} of {len(names)} are of several patients: mend the column of "
            "patients, or the SeriesInstanceUIDs if an anonymisation made them one, or use data.score=image"
        )
    labels = np.unique(store.labels, axis=0, return_inverse=True)[1].ravel()
    if (number := _first_divided(codes, labels)) is not None:
        raise MedxferError(
            f"{said}: the slices of series {number + 1} of {len(names)} have several labels, and a series has one: "
            "give a table with a row a series, or use data.score=image"
        )
    return BySeries(score, task or store.task, codes)


def series_counts(series: NDArray[Any], labels: NDArray[Any], classes: int) -> dict[str, Any]:
    """Of images with these `series` (N,) and `labels` (N,) or (N, C): how many series there are ("series"), and how
    many of each class ("by_class")."""
    of_series = labels[np.unique(series, return_index=True)[1]]
    by_class = np.bincount(of_series, minlength=classes) if labels.ndim == 1 else of_series.sum(axis=0)
    return {"series": len(of_series), "by_class": [int(n) for n in by_class]}


def _first_divided(codes: NDArray[np.int64], values: NDArray[np.int64]) -> int | None:
    """The number of the first series whose images have several `values`."""
    several = pd.Series(values).groupby(codes).nunique() > 1
    return int(several.index[several][0]) if several.any() else None
