"""One tidy table of a study, a row a cell: results.csv."""

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any

import pandas as pd

from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.base.words import hydra_value
from medxfer.study.identity import FOLD


def columns(study: StudyRecord) -> dict[str, Callable[[CellRecord], Any]]:
    """What results.csv shows of a cell, from left to right: factors (and fold, tuned keys), test/<metric>, status.

    Nothing that differs between identical runs. The value is None where a metric is undefined or absent.
    """
    done = [cell for cell in study.rows if cell.status == "done"]
    metrics = sorted({key for cell in done for key in cell.metrics if key.startswith("test/")})
    return {
        **{key: partial(_factor, key=key) for key in study.keys},
        **({FOLD: partial(_factor, key=FOLD)} if study.divided else {}),
        **{key: partial(_metric, key=key) for key in metrics},
        "status": attrgetter("status"),
    }


def shared_factors(study: StudyRecord) -> dict[str, str]:
    """The factors that all cells share, each as a command writes it."""
    levels = {key: {str(_factor(cell, key)) for cell in study.rows} for key in study.keys}
    return {key: of.pop() for key, of in levels.items() if len(of) == 1}


def said(shared: Mapping[str, str]) -> str:
    """'data=chest, window=lung': these factors in a line; that a training set is whole needs no word."""
    return ", ".join(f"{key}={value}" for key, value in shared.items() if (key, value) != ("train_fraction", "1.0"))


def results_table(study: StudyRecord) -> pd.DataFrame:
    """One row a cell, with these columns."""
    shown = columns(study)
    table = pd.DataFrame([[value(cell) for value in shown.values()] for cell in study.rows], columns=list(shown))
    types: dict[str, Any] = {name: float for name in shown if name.startswith("test/")}
    return table.astype(types | ({FOLD: "Int64"} if FOLD in shown else {}))


def results_csv(study: StudyRecord) -> str:
    """What results.csv holds."""
    return results_table(study).to_csv(index=False, float_format="%.10g", lineterminator="\n")


def _factor(cell: CellRecord, key: str) -> Any:
    return hydra_value(cell.factors.get(key))


def _metric(cell: CellRecord, key: str) -> float | None:
    return cell.metrics.get(key) if cell.status == "done" else None
