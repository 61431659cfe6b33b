"""A study's folder → its trainings."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from medxfer.analysis.judge.fold_records import shared_record
from medxfer.analysis.judge.results import BLOCK, CellRecord, StudyRecord
from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json
from medxfer.base.words import count, listing
from medxfer.study.declared import VALIDATION, Declared, read_declared
from medxfer.study.identity import FOLD
from medxfer.study.look_record import read_looks
from medxfer.study.plan_record import needless_cells, withdrawals, withdrawn_cells


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
    withdrawn, needless = withdrawn_cells(plan) - done, needless_cells(plan) - done
    names = sorted((found | set(planned)) - withdrawn - needless)
    if not names:
        raise MedxferError(f"the study {folder} has no cells: run medxfer.train first")
    declared = read_declared(folder / "study.json", plan.get("declared", {}))
    cells = [_read_cell(folder / "cells" / name, planned.get(name), declared) for name in names]
    before = (*BLOCK, *declared.settings, "train_fraction", *declared.budgeted, *declared.tuned, declared.arms)
    keys = (*before, "colormap", "pretrained", "seed")
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


def _read_cell(folder: Path, planned: Mapping[str, Any] | None, declared: Declared) -> CellRecord:
    cell = partial(CellRecord, folder.name, folder, settings=declared.settings)
    if (folder / "metrics.json").exists():
        record = read_json(folder / "metrics.json")
        chosen = record.get("threshold") if declared.threshold == VALIDATION else declared.threshold
        at = 0.5 if chosen is None else float(chosen)
        return cell(record["factors"], "done", record, threshold=at, arms=declared.arms)
    if (folder / "failed.json").exists():
        failed = read_json(folder / "failed.json")
        return cell(failed["factors"], "failed", reason=str(failed.get("reason", "")))
    return cell(planned or {}, "missing")


def _trainings(cells: Iterable[CellRecord]) -> Iterator[CellRecord]:
    """A record for each training, in the order of its first cell: the cells of all folds of an arm and seed are one."""
    found: dict[str, list[CellRecord]] = {}
    for cell in cells:
        shared = json.dumps(_without_fold(cell), sort_keys=True, default=str)
        found.setdefault(shared if FOLD in cell.factors else cell.name, []).append(cell)
    for same in found.values():
        yield _training(same) if FOLD in same[0].factors else same[0]


def _without_fold(cell: CellRecord) -> dict[str, Any]:
    factors = cast(dict[str, Any], copy(cell.factors))  # of its kind, which names the file where one is lacking
    factors.pop(FOLD, None)
    return factors


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
    return f"{'fold' if len(numbers) == 1 else 'folds'} {listing(numbers)}"


def _places(values: Iterable[Any]) -> dict[Any, int]:
    """Numbers by size, names in the order first asked for; gray first, pretrained before random."""
    different = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in different):
        different.sort()
    else:
        different.sort(key=lambda value: {"none": 0, True: 0, False: 2}.get(value, 1))
    return {value: place for place, value in enumerate(different)}
