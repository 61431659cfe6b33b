"""Scores of slices → a row a series, by the rule that the cell's own series were scored with."""

from os.path import commonpath
from pathlib import Path

import numpy as np
import pandas as pd

from medxfer.base.series import BySeries
from medxfer.trained.trained_cell import TrainedCell


def series_rows(cell: TrainedCell, slices: pd.DataFrame) -> pd.DataFrame:
    """The table of series: path, series, slices, score_<class>, decision, unlike, refused, note.

    `slices` is the table of `score`, whose column series names each slice's series. `path` is the folder that holds
    all slices of the series, or its one file; `slices` is how many were scored; `unlike` says how many of them differ
    from the images of the training, and in what the first does. A file that was not scored keeps its own row.
    """
    read, others = slices[slices["refused"] == ""], slices[slices["refused"] != ""]
    columns = [f"score_{name}" for name in cell.classes]
    codes, names = pd.factorize(read["series"])
    by_series = BySeries(cell.score, cell.model.task, codes)
    scores = by_series.pool(np.arange(len(read)), read[columns].to_numpy(np.float32))[1]
    of = [read[codes == code] for code in range(len(names))]
    table = pd.DataFrame(
        {
            "path": [_place(one["path"]) for one in of],
            "series": names,
            "slices": np.array([len(one) for one in of], int),
            **{column: scores[:, c] for c, column in enumerate(columns)},
            "decision": cell.decide(scores),
            "unlike": [_unlike(one["unlike"]) for one in of],
            "refused": "",
            "note": slices["note"].iloc[0] if len(slices) else "",
        }
    )
    return pd.concat(
        [table, others.assign(slices=0)[[column for column in table if column in others or column == "slices"]]]
    )


def _place(paths: pd.Series) -> str:
    return str(paths.iloc[0]) if paths.nunique() == 1 else commonpath([str(Path(path).parent) for path in paths])


def _unlike(said: pd.Series) -> str:
    """'3 of 40 slices: its contrast is …'."""
    found = said[said != ""]
    return f"{len(found)} of {len(said)} slices: {found.iloc[0]}" if len(found) else ""
