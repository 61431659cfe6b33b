"""A table of scores → a study's folder, as training leaves it, so that one path judges both."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medxfer.analysis.stats.influence import NotComparable, check_cases, leave_one_patient_out
from medxfer.base.errors import MedxferError, unknown
from medxfer.base.files import read_json, write_json, write_parquet
from medxfer.base.revision import own_version
from medxfer.base.words import JUDGED, listing
from medxfer.scored.score_checks import check_score_table
from medxfer.scored.score_table import DATA, FOLD, TREATMENTS, ScoreTable, levels_of
from medxfer.study.identity import Json, digest, safe_name, without_paths
from medxfer.study.look_record import FILE as LOOKS
from medxfer.study.opening import make_folder

USUAL_REFERENCE = ("none", "False", "false")  # of colormap and of pretrained


@dataclass(frozen=True)
class Question:
    """What is asked of a table; `margin` is a fraction, `threshold` what a score of the positive class must exceed."""

    reference: str = ""  # the arm that all others are compared with
    metric: str = "auroc"
    margin: float = 0.01
    threshold: float = 0.5


def write_table_study(table: ScoreTable, path: Path, folder: Path, asked: Question, command: str) -> None:
    """Write study.json and a cell for each training (and fold) into `folder`. A folder of an earlier table is replaced.

    Images and patients get numbers in the order in which they come: no id of the table is written.

    Raises:
        MedxferError: the arms of the table do not agree, or cannot be compared as asked; or the folder is of another
            kind, or cannot be written.
    """
    check_score_table(table, path)
    declared = _declared(table, path, asked)
    table = _reference_first(table, declared)
    of_data = list(table.rows.groupby(DATA, sort=False))
    tested = {str(name): _digest(table, rows.index.to_numpy()) for name, rows in of_data}
    prints = {str(name): _digest(table, rows.index.to_numpy(), scores=True) for name, rows in of_data}
    _empty(folder, tested)
    rows = table.rows.assign(**{name: _numbered(table.rows, name) for name in ("image", "patient")})
    keys = [*table.factors, "seed", *([FOLD] if FOLD in rows else [])]
    rows = rows.assign(**{FOLD: pd.factorize(rows[FOLD], sort=True)[0]}) if FOLD in rows else rows
    planned = {}
    for key, of_cell in rows.groupby(keys, sort=False):
        values = {name: getattr(value, "item", lambda v=value: v)() for name, value in zip(keys, key, strict=True)}
        factors = {**without_paths(values), "train_fraction": 1.0}
        name = f"{safe_name('-'.join(map(str, values.values())))[:80]}-{digest(factors)}"
        planned[name] = factors
        of_cell = of_cell.sort_values("image", kind="stable")
        _write_cell(folder / "cells" / name, factors, table, of_cell, asked, prints[values[DATA]])
    write_json(
        folder / "study.json",
        {"name": folder.name, "settings": {}, "declared": declared, "data": tested, "command": command,
         "planned": planned},
    )  # fmt: skip


def _declared(table: ScoreTable, path: Path, asked: Question) -> Json:
    contrasts, within = [], True
    if table.arms:
        contrasts = [{"compare": table.arms, "with": _reference(table, path, asked.reference)}]
    else:
        within = _weights(table, path, asked.reference)
    others = [key for key in TREATMENTS if table.arms and key in table.factors and key != table.arms]
    return {
        "metric": asked.metric, "margin": asked.margin, "level": 0.95, "threshold": asked.threshold, "tuned": [],
        "contrasts": contrasts, "table": True, "arms": table.arms, "beside": others,
        "rq1": {"compare": "colormap", "except": "controls", "with": "none", "within": {"pretrained": within},
                "adjust": "holm"},
        "rq2": {"compare": "pretrained", "level": True, "with": False, "within": {"colormap": "none"}},
    }  # fmt: skip


def _reference(table: ScoreTable, path: Path, reference: str) -> str:
    """The arm that all others are compared with."""
    levels = [str(level) for level in levels_of(table.rows, table.arms)]
    if len(levels) < 2:
        raise MedxferError(
            f"{path}: {table.arms} is {levels[0]} in all rows; a comparison needs two arms, so add the other's rows, "
            "or name another column by compare="
        )
    usual = next((level for level in levels if table.arms != "arm" and level in USUAL_REFERENCE), "")
    if not (reference or usual):
        raise MedxferError(
            f"{path}: say by with= which {table.arms} the others are compared with: {listing(levels, 'or')}"
        )
    if reference and reference not in levels:
        raise unknown(table.arms, reference, levels, f"with= names one of {listing(levels)}.")
    return reference or usual


def _weights(table: ScoreTable, path: Path, reference: str) -> Any:
    """Within which RQ1 is asked: pretrained ones where there are any."""
    if reference:
        raise MedxferError(f"with={reference}: say by compare= which column it is of, such as compare=colormap")
    starts = levels_of(table.rows, "pretrained")
    arms = set(zip(table.rows["colormap"], table.rows["pretrained"], strict=True))
    within = True if True in starts else starts[0]
    colour = ("none", within) in arms and any(c != "none" and start == within for c, start in arms)
    weights = {("none", True), ("none", False)} <= arms
    if not colour and not weights:
        raise MedxferError(
            f"{path}: colormap and pretrained have no gray images (colormap none) to compare with; name the "
            "comparison by compare= and with=, such as compare=colormap with=viridis"
        )
    return within


def _reference_first(table: ScoreTable, declared: Json) -> ScoreTable:
    """The rows of the arm that is compared with come first, so that every list of arms begins with it."""
    if not table.arms:
        return table
    first = table.rows[table.arms] == declared["contrasts"][0]["with"]
    order = np.argsort(~first.to_numpy(), kind="stable")
    rows = table.rows.iloc[order].reset_index(drop=True)
    return replace(table, rows=rows, labels=table.labels[order], scores=table.scores[order])


def _empty(folder: Path, tested: Mapping[str, str]) -> None:
    """Make `folder`, or take away what an earlier table left in it; its looks stay where the images are the same."""
    record = folder / "study.json"
    if record.is_file() and not read_json(record).get("declared", {}).get("table"):
        raise MedxferError(f"out={folder}: a study that medxfer trained lies there; give another folder by out=")
    if folder.is_dir() and not record.is_file() and any(folder.iterdir()):
        raise MedxferError(f"out={folder}: the folder is not empty; give a new one by out=")
    if record.is_file() and read_json(record).get("data") != tested:
        (folder / LOOKS).unlink(missing_ok=True)
    shutil.rmtree(folder / "cells", ignore_errors=True)
    make_folder(folder)


def _numbered(rows: pd.DataFrame, column: str) -> pd.Series:
    """'i000012' for each value of a data set: its number in the order in which values come."""
    numbers = rows.groupby(DATA, sort=False)[column].transform(lambda values: pd.factorize(values)[0])
    return numbers.astype(int).map(lambda n: f"{column[0]}{n:06d}")


def _digest(table: ScoreTable, index: np.ndarray, scores: bool = False) -> str:
    """Of labels and of which images share a patient, perhaps of all scores too; no id enters it."""
    of_data = table.rows.loc[index]
    first = of_data[~of_data.duplicated("image")]
    patients = pd.factorize(first["patient"])[0]
    content = [table.labels[first.index.to_numpy()], patients, *([table.scores[index]] if scores else [])]
    return hashlib.sha256(b"".join(part.tobytes() for part in content)).hexdigest()[:16]


def _write_cell(
    folder: Path, factors: Json, table: ScoreTable, rows: pd.DataFrame, asked: Question, fingerprint: str
) -> None:
    labels, scores = table.labels[rows.index.to_numpy()], table.scores[rows.index.to_numpy()]
    of_class = {"label": labels} if labels.ndim == 1 else {f"label_{k}": labels[:, k] for k in range(labels.shape[1])}
    predictions = pd.DataFrame(
        {"image": rows["image"].to_numpy(), "patient": rows["patient"].to_numpy(), "split": "test", **of_class,
         **{f"score_{k}": scores[:, k] for k in range(scores.shape[1])}}
    )  # fmt: skip
    data: Json = {
        "name": factors[DATA], "fingerprint": fingerprint,
        "modality": str(rows["modality"].iloc[0]), "images": {"test": len(rows)},
        "patients": {"test": rows["patient"].nunique()}, "rejected": {}, "caveats": [], "resampled": False,
    }  # fmt: skip
    if FOLD in factors:
        data |= {"folds": table.rows[FOLD].nunique(), "official": True}
    record = {
        "cell": folder.name, "factors": factors, "task": table.task, "classes": list(table.classes),
        "metrics": _metrics(table, labels, scores, rows["patient"].to_numpy(), asked.threshold), "undefined": {},
        "threshold": None, "data": data, "weights": None, "timings": {}, "versions": own_version(),
    }  # fmt: skip
    folder.mkdir(parents=True)
    write_parquet(folder / "predictions.parquet", predictions)
    write_json(folder / "metrics.json", record)


def _metrics(
    table: ScoreTable, labels: np.ndarray, scores: np.ndarray, patients: np.ndarray, threshold: float
) -> dict[str, Any]:
    """test/<metric> as a cell has them; None where one is not defined."""
    one = check_cases((scores[:, 1] if table.task == "binary" else scores)[None], labels, patients)
    found: dict[str, Any] = {}
    for metric in JUDGED:
        try:
            value = float(leave_one_patient_out(one, metric, threshold)[0][0])
        except NotComparable:
            found[f"test/{metric}"] = None
        else:
            found[f"test/{metric}"] = -value if metric == "brier" else value
    return found
