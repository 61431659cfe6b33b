"""A study's folder → one tidy table, a row a cell; and results.csv."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json, write_text
from medxfer.base.words import lower_is_better
from medxfer.study.declared import Declared, read_declared
from medxfer.study.identity import FACTORS

ALWAYS_SHOWN = ("balanced_accuracy", "accuracy", "auroc")  # beside the declared metric
Status = Literal["done", "failed", "missing"]


@dataclass(frozen=True)
class Cell:
    """One training of the grid: `record` is its metrics.json when done, `reason` says why it is not."""

    name: str
    folder: Path
    factors: Mapping[str, Any]
    status: Status
    record: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def arm(self) -> tuple[str, bool | str]:
        """(colormap, pretrained): the two treatments."""
        return self.factors["colormap"], self.factors["pretrained"]

    def score(self, key: str) -> float:
        """A metric such as 'test/auroc', signed so that more is better, as comparisons take it; NaN where undefined."""
        value = self.record["metrics"].get(key) if self.status == "done" else None
        return float("nan") if value is None else -float(value) if lower_is_better(key) else float(value)

    @property
    def block(self) -> tuple[Any, ...]:
        """(data, backbone, window, image_size): what repeats the comparison."""
        return tuple(self.factors[key] for key in ("data", "backbone", "window", "image_size"))


@dataclass(frozen=True)
class StudyRecord:
    """A study's folder as read; `cells` are the planned and the found: block by block, arm by arm."""

    folder: Path
    name: str
    declared: Declared
    settings: Mapping[str, Any]
    command: str
    cells: tuple[Cell, ...]

    @property
    def done(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.status == "done")

    @property
    def unfinished(self) -> tuple[Cell, ...]:
        """Failed and missing cells: they make answers incomplete and are never dropped."""
        return tuple(cell for cell in self.cells if cell.status != "done")


def read_study(folder: Path) -> StudyRecord:
    """Read study.json and every cell's metrics.json or failed.json.

    Raises:
        MedxferError: there is no readable study in `folder`, it plans and holds no cell, or it declares contrasts that
            the analysis does not make.
    """
    try:
        plan = read_json(folder / "study.json")
    except OSError as error:
        way_out = "point study= at a study's folder, made by medxfer.train"
        raise MedxferError(f"cannot read {folder / 'study.json'}: {error.strerror}; {way_out}") from error
    planned = dict(plan.get("planned", {}))
    found = {path.name for path in (folder / "cells").glob("*/") if _record_files(path)}
    cells = [_read_cell(folder / "cells" / name, planned.get(name)) for name in sorted(found | set(planned))]
    if not cells:
        raise MedxferError(f"the study {folder} has no cells: run medxfer.train first")
    declared = read_declared(folder / "study.json", plan.get("declared", {}))
    keys = (
        "data",
        "backbone",
        "window",
        "image_size",
        "train_fraction",
        *declared.tuned,
        "colormap",
        "pretrained",
        "seed",
    )
    asked = [*planned.values(), *(cell.factors for cell in cells)]
    places = {key: _places([factors.get(key) for factors in asked]) for key in keys}
    return StudyRecord(
        folder=folder,
        name=str(plan.get("name", folder.name)),
        declared=declared,
        settings=plan.get("settings", {}),
        command=str(plan.get("command", "")),
        cells=tuple(sorted(cells, key=lambda cell: [places[key][cell.factors.get(key)] for key in keys])),
    )


def results_table(study: StudyRecord) -> pd.DataFrame:
    """One row a cell: the factors (and tuned keys), test/<metric> columns, status.

    Holds nothing that differs between identical runs. An undefined or absent metric is NaN.
    """
    metrics = sorted({key for cell in study.done for key in cell.record["metrics"] if key.startswith("test/")})
    keys = [*FACTORS, *study.declared.tuned]
    rows = [
        [hydra_value(cell.factors.get(key)) for key in keys]
        + [cell.record["metrics"].get(key) if cell.status == "done" else None for key in metrics]
        + [cell.status]
        for cell in study.cells
    ]
    table = pd.DataFrame(rows, columns=[*keys, *metrics, "status"])
    return table.astype(dict.fromkeys(metrics, float))


def write_results(study: StudyRecord) -> Path:
    """Write <study>/results.csv and return its path."""
    path = study.folder / "results.csv"
    write_text(path, results_table(study).to_csv(index=False, float_format="%.10g", lineterminator="\n"))
    return path


def _record_files(folder: Path) -> bool:
    return (folder / "metrics.json").exists() or (folder / "failed.json").exists()


def _read_cell(folder: Path, planned: Mapping[str, Any] | None) -> Cell:
    if (folder / "metrics.json").exists():
        record = read_json(folder / "metrics.json")
        return Cell(folder.name, folder, record["factors"], "done", record)
    if (folder / "failed.json").exists():
        failed = read_json(folder / "failed.json")
        return Cell(folder.name, folder, failed["factors"], "failed", reason=str(failed.get("reason", "")))
    return Cell(folder.name, folder, planned or {}, "missing")


def hydra_value(value: Any) -> Any:
    """Booleans as Hydra spells them, so that a row can be given back on a command line."""
    return str(value).lower() if isinstance(value, bool) else value


def _places(values: Iterable[Any]) -> dict[Any, int]:
    """Numbers by size, names in the order first asked for; gray first, pretrained before random."""
    different = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in different):
        different.sort()
    else:
        different.sort(key=lambda value: {"none": 0, True: 0, False: 2}.get(value, 1))
    return {value: place for place, value in enumerate(different)}
