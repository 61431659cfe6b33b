"""A study's folder → its trainings, and one tidy table, a row a cell: results.csv."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from medxfer.analysis.judge.fold_records import shared_record
from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json
from medxfer.base.words import NO_START, count, level_name, listing, lower_is_better, varied
from medxfer.study.declared import VALIDATION, Declared, read_declared
from medxfer.study.folder import needless_cells, withdrawals, withdrawn_cells
from medxfer.study.identity import FACTORS, FOLD
from medxfer.study.look_record import LookRecord, read_looks

Arm = tuple[str, bool | str]  # (colormap, pretrained): the two treatments
Block = tuple[Any, ...]  # the levels of BLOCK, then 'finetune=head' of a compared setting: what repeats the comparison
Status = Literal["done", "waiting", "failed", "missing"]
BLOCK = ("data", "backbone", "window", "image_size")


def level_of(block: Block, place: int) -> str:
    """One level of a block in words: 'window lung', '64 px', 'finetune=head'."""
    return level_name(BLOCK[place], block[place]) if place < len(BLOCK) else str(block[place])


class Network(NamedTuple):
    """One trained network of a training."""

    folder: Path
    threshold: float
    fold: int | None  # that it tests


@dataclass(frozen=True)
class CellRecord:
    """One training of the grid: `record` is its metrics.json when done, `reason` says why it is not.

    A training of folds has the cells of its `folds`; its record is what these share (`shared_record`), and its folder
    that of the first. It is waiting if it is trained and its seed belongs to a later look: its test results are not
    used nor shown.
    """

    name: str
    folder: Path
    factors: Mapping[str, Any]
    status: Status
    record: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    threshold: float = 0.5  # what a score of class 1, or of a label, must exceed; chosen on this training's validation
    settings: tuple[str, ...] = ()  # that are factors in this study, because it compares them
    arms: str = ""  # the factor whose levels are the arms (`Declared.arms`)
    folds: tuple["CellRecord", ...] = ()

    @property
    def cells(self) -> tuple["CellRecord", ...]:
        """The training's cells: itself, or those of its folds."""
        return self.folds or (self,)

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(Network(cell.folder, cell.threshold, cell.factors.get(FOLD)) for cell in self.cells)

    def with_status(self, old: Status, new: Status) -> "CellRecord":
        """The training and its folds, those with the status `old` in a new one."""
        folds = tuple(fold.with_status(old, new) for fold in self.folds)
        return replace(self, status=new if self.status == old else self.status, folds=folds)

    @property
    def arm(self) -> Arm:
        if self.arms:
            return str(self.factors[self.arms]), NO_START
        return self.factors["colormap"], self.factors["pretrained"]

    @property
    def block(self) -> Block:
        settings = (level_name(key, self.factors.get(key)) for key in self.settings)
        return (*(self.factors.get(key) for key in BLOCK), *settings)

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """By name, such as 'test/auroc'; None where undefined. Empty until the cell is done. Of a training of folds,
        those of validation alone, as means over its folds."""
        return dict(self.record.get("metrics", {}))

    def score(self, metric: str) -> float:
        """A metric, signed so that more is better, as comparisons take it; NaN where undefined."""
        value = self.metrics.get(metric)
        return float("nan") if value is None else -float(value) if lower_is_better(metric) else float(value)


@dataclass(frozen=True)
class StudyRecord:
    """A study's folder as read; `cells` are its trainings, planned and found: block by block, arm by arm."""

    folder: Path
    name: str
    declared: Declared
    settings: Mapping[str, Any]
    command: str
    cells: tuple[CellRecord, ...]
    withdrawn: tuple[tuple[str, str], ...] = ()  # (what and when, the reason): planned cells that `cells` leaves out
    looks: LookRecord = LookRecord()  # noqa: RUF009 (frozen)
    external: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # external sets, and when they were named
    stopped: tuple[str, ...] = ()  # where the study stopped by its looks, in sentences; `cells` leaves out the rest

    @property
    def done(self) -> tuple[CellRecord, ...]:
        return tuple(cell for cell in self.cells if cell.status == "done")

    @property
    def unfinished(self) -> tuple[CellRecord, ...]:
        """Failed and missing cells: they make answers incomplete and are never dropped."""
        return tuple(cell for cell in self.cells if cell.status not in ("done", "waiting"))

    @property
    def rows(self) -> tuple[CellRecord, ...]:
        """The cells: trainings, or their folds."""
        return tuple(cell for training in self.cells for cell in training.cells)

    @property
    def divided(self) -> bool:
        """Whether there is a training of folds."""
        return any(training.folds for training in self.cells)

    @property
    def keys(self) -> tuple[str, ...]:
        """The factors of its cells: tuned settings and compared ones come last."""
        keys = (*FACTORS, *self.declared.budgeted, *self.declared.tuned, *self.declared.settings)
        if not self.declared.table:
            return keys
        return tuple(key for key in (self.declared.arms, *keys) if any(key in cell.factors for cell in self.cells))

    @property
    def varied(self) -> tuple[str, ...]:
        """The factors with several levels in this study."""
        return varied(cell.factors for cell in self.cells)

    @property
    def same_files(self) -> tuple[tuple[str, ...], ...]:
        """Data sets of several names that are the same files and labels: their patients are the same people."""
        names: dict[str, dict[str, None]] = {}
        for cell in self.done:
            names.setdefault(cell.record["data"]["fingerprint"], {})[cell.factors["data"]] = None
        return tuple(tuple(same) for same in names.values() if len(same) > 1)

    @property
    def repeated(self) -> frozenset[str]:
        """Names of data sets that are the same files as one of another name, which stands for them."""
        return frozenset(name for names in self.same_files for name in names[1:])

    @property
    def trained_on(self) -> dict[bool | str, str]:
        """Of each kind of initial weights, the data that they saw: 'ImageNet-1k'; where a tag does not say, the tag.

        Empty where a record says nothing. Backbones whose weights saw different data are named one after another.
        """
        found: dict[bool | str, dict[str, None]] = {}
        for cell in self.done:
            weights = cell.record.get("weights") or {}
            said = weights.get("trained_on") or weights.get("tag") or ""
            found.setdefault(cell.factors.get("pretrained", NO_START), {})[said] = None
        return {start: "" if "" in said else listing(list(said)) for start, said in found.items()}

    @property
    def modality(self) -> dict[str, str]:
        """Of each data set with a finished cell."""
        return {cell.factors["data"]: cell.record["data"]["modality"] for cell in self.done}


def read_study(folder: Path) -> StudyRecord:
    """Read study.json and every cell's metrics.json or failed.json; the folds of a training are put together.

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
    found = {path.parent.name for record in ("metrics", "failed") for path in folder.glob(f"cells/*/{record}.json")}
    done = {name for name in found if (folder / "cells" / name / "metrics.json").exists()}
    withdrawn, needless = withdrawn_cells(plan) - done, needless_cells({"planned": {}, **plan}) - done
    names = sorted((found | set(planned)) - withdrawn - needless)
    if not names:
        raise MedxferError(f"the study {folder} has no cells: run medxfer.train first")
    declared = read_declared(folder / "study.json", plan.get("declared", {}))
    cells = [_read_cell(folder / "cells" / name, planned.get(name), declared) for name in names]
    keys = (
        *BLOCK,
        *declared.settings,
        "train_fraction",
        *declared.budgeted,
        *declared.tuned,
        declared.arms,
        "colormap",
        "pretrained",
        "seed",
    )
    asked = [*(planned[name] for name in planned if name not in withdrawn), *(cell.factors for cell in cells)]
    places = {key: _places([factors.get(key) for factors in asked]) for key in keys}
    return StudyRecord(
        folder=folder,
        name=str(plan.get("name", folder.name)),
        declared=declared,
        settings=plan.get("settings", {}),
        command=str(plan.get("command", "")),
        looks=read_looks(folder),
        external=plan.get("external", {}),
        stopped=_stopped(plan, len(needless)),
        withdrawn=tuple((_what(entry), entry["reason"]) for entry in withdrawals(plan)),
        cells=tuple(_trainings(sorted(cells, key=lambda cell: [places[key][cell.factors.get(key)] for key in keys]))),
    )


def _stopped(plan: Mapping[str, Any], needless: int) -> tuple[str, ...]:
    """Where a study stopped by its looks, and why; `needless` planned cells were not trained for that."""
    stop = plan.get("stopped")
    if not stop:
        return ()
    rest = (
        f" {count(needless, 'planned training')} {'was' if needless == 1 else 'were'} not needed." if needless else ""
    )
    where = f"Stopped at the look at {count(stop['seeds'], 'seed')}, on {stop['time'][:10]}"
    said = [f"{where}: {stop['reason'].rstrip('.')}.{rest}"]
    if added := stop.get("added"):
        said.append(
            f"{count(len(added), 'training')} {'was' if len(added) == 1 else 'were'} asked for after that, beyond the "
            "declared looks: to look at them is a look that was not declared."
        )
    return tuple(said)


def _what(entry: Mapping[str, Any]) -> str:
    """'colormap=viridsi: 2 cells, on 2026-05-01, when 10 cells had a result'."""
    day, done = entry["time"][:10], entry["done"]
    known = f"when {count(done, 'cell')} had a result" if done else "before the first result"
    return f"{entry['what']}: {count(len(entry['cells']), 'cell')}, on {day}, {known}"


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


def results_table(study: StudyRecord) -> pd.DataFrame:
    """One row a cell, with these columns."""
    shown = columns(study)
    table = pd.DataFrame([[value(cell) for value in shown.values()] for cell in study.rows], columns=list(shown))
    types: dict[str, Any] = {name: float for name in shown if name.startswith("test/")}
    return table.astype(types | ({FOLD: "Int64"} if FOLD in shown else {}))


def results_csv(study: StudyRecord) -> str:
    """What results.csv holds."""
    return results_table(study).to_csv(index=False, float_format="%.10g", lineterminator="\n")


def hydra_value(value: Any) -> Any:
    """Booleans as Hydra spells them, so that a row can be given back on a command line."""
    return str(value).lower() if isinstance(value, bool) else value


def _factor(cell: CellRecord, key: str) -> Any:
    return hydra_value(cell.factors.get(key))


def _metric(cell: CellRecord, key: str) -> float | None:
    return cell.metrics.get(key) if cell.status == "done" else None


def _read_cell(folder: Path, planned: Mapping[str, Any] | None, declared: Declared) -> CellRecord:
    settings = declared.settings
    if (folder / "metrics.json").exists():
        record = read_json(folder / "metrics.json")
        chosen = record.get("threshold") if declared.threshold == VALIDATION else declared.threshold
        at = 0.5 if chosen is None else float(chosen)
        return CellRecord(folder.name, folder, record["factors"], "done", record, "", at, settings, arms=declared.arms)
    if (folder / "failed.json").exists():
        failed = read_json(folder / "failed.json")
        return CellRecord(
            folder.name, folder, failed["factors"], "failed", reason=str(failed.get("reason", "")), settings=settings
        )
    return CellRecord(folder.name, folder, planned or {}, "missing", settings=settings)


def _trainings(cells: Iterable[CellRecord]) -> Iterator[CellRecord]:
    """A record for each training, in the order of its first cell: the cells of all folds of an arm and seed are one."""
    found: dict[str, list[CellRecord]] = {}
    for cell in cells:
        shared = json.dumps(_without_fold(cell), sort_keys=True, default=str)
        found.setdefault(shared if FOLD in cell.factors else cell.name, []).append(cell)
    for same in found.values():
        yield _training(same) if FOLD in same[0].factors else same[0]


def _without_fold(cell: CellRecord) -> dict[str, Any]:
    return {key: value for key, value in cell.factors.items() if key != FOLD}


def _training(cells: Iterable[CellRecord]) -> CellRecord:
    """Done if all of its folds are, and failed if one of them is."""
    folds = tuple(sorted(cells, key=lambda cell: int(cell.factors[FOLD])))
    first, done = folds[0], [cell for cell in folds if cell.status == "done"]
    name = f"{first.name} and {count(len(folds) - 1, 'other fold')}" if len(folds) > 1 else first.name
    training = replace(first, name=name, factors=_without_fold(first), folds=folds, threshold=math.nan)
    total = max((int(cell.record["data"]["folds"]) for cell in done), default=0)
    unplanned = sorted(set(range(total)) - {cell.factors[FOLD] for cell in folds})
    if len(done) == len(folds) and not unplanned:
        return replace(training, record=shared_record([cell.record for cell in folds]))
    failed = [cell for cell in folds if cell.status == "failed"]
    missing = [cell.factors[FOLD] for cell in folds if cell.status == "missing"]
    said = [f"{_folds([cell.factors[FOLD]])} failed: {cell.reason}" for cell in failed]
    said += [f"{_folds(missing)} of {max(total, len(folds))} not trained"] if missing else []
    said += [f"{_folds(unplanned)} of {total} not planned"] if unplanned else []
    return replace(training, status="failed" if failed else "missing", record={}, reason="; ".join(said))


def _folds(numbers: Sequence[int]) -> str:
    return f"{'fold' if len(numbers) == 1 else 'folds'} {listing([str(number) for number in numbers])}"


def _places(values: Iterable[Any]) -> dict[Any, int]:
    """Numbers by size, names in the order first asked for; gray first, pretrained before random."""
    different = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in different):
        different.sort()
    else:
        different.sort(key=lambda value: {"none": 0, True: 0, False: 2}.get(value, 1))
    return {value: place for place, value in enumerate(different)}
