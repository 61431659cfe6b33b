"""Scores of a store's images → rows of predictions.parquet."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.series import SLICES, BySeries
from medxfer.data.store.gray_store import GrayStore


def score_table(
    store: GrayStore, rows: NDArray[np.int64], labels: NDArray[Any], scores: NDArray[np.float32], split: str,
    by_series: BySeries | None,
) -> pd.DataFrame:  # fmt: skip
    """A row for each of the images `rows` (M,) of `store`: pseudonyms, split, label (M,) or (M, C), and score (M, C).

    Where series are scored, a row a series, whose image is the series' pseudonym; then its slices' rows under
    `split`:slices, which no comparison takes. All have the series in a column of its own.
    """
    images = store.images.iloc[rows].reset_index(drop=True)
    if by_series is None:
        return _table(images[["image", "patient"]], labels, scores, split)
    first, pooled = by_series.pool(rows, scores)
    names = images[["image", "patient", "series"]]
    of_series = names.iloc[first].reset_index(drop=True)
    tables = (
        _table(of_series.assign(image=of_series["series"]), labels[first], pooled, split),
        _table(names, labels, scores, split + SLICES),
    )
    return pd.concat(tables, ignore_index=True)


def _table(names: pd.DataFrame, labels: NDArray[Any], scores: NDArray[np.float32], split: str) -> pd.DataFrame:
    table = names.assign(split=split)
    if labels.ndim == 1:
        table["label"] = labels
    else:
        table = table.join(pd.DataFrame(labels.astype(np.int64)).add_prefix("label_"))
    return table.join(pd.DataFrame(scores).add_prefix("score_"))
