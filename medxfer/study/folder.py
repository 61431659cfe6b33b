"""A study's folder: what its cells share, what was declared before the first of them ran, and which cells it plans."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any

from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.files import alone, read_json, write_json
from medxfer.base.series import IMAGE, score_of
from medxfer.base.words import describe, hydra_value, varied
from medxfer.study.declared import Declared, declaration, read_declared
from medxfer.study.identity import FOLD, Json, digest, safe_name, shared_settings, study_name
from medxfer.study.stopping import add_to_stopped, declared_looks, not_needed

UNDIVIDED = "one split"


@dataclass(frozen=True)
class Division:
    """How a data set's patients are divided in one study: `by` says it in words and is the same for all seeds."""

    data: str
    folds: int | None  # None for one split
    by: str = UNDIVIDED


@dataclass(frozen=True)
class Study:
    """A grid, as its folder holds it. The folder is the truth; everything else can be made again from it."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def record(self) -> Json:
        return read_json(self.folder / "study.json")

    @property
    def metric(self) -> str:
        return str(self.record["declared"]["metric"])

    def has_result(self, cell: str) -> bool:
        """Whether the cell of this name is done."""
        return (self.folder / "cells" / cell / "metrics.json").is_file()

    def has_ended(self, cell: str) -> bool:
        """Whether the cell of this name is done or failed."""
        return self.has_result(cell) or (self.folder / "cells" / cell / "failed.json").is_file()

    @property
    def declared(self) -> Declared:
        return read_declared(self.folder / "study.json", self.record["declared"])

    @property
    def planned(self) -> dict[str, Json]:
        """Cell name -> factors, without what was withdrawn."""
        record = self.record
        withdrawn = withdrawn_cells(record)
        return {name: factors for name, factors in record.get("planned", {}).items() if name not in withdrawn}

    @property
    def varied(self) -> tuple[str, ...]:
        """The factors with several levels in the plan: what must be named to tell its cells apart."""
        return varied(self.planned.values())

    def plan(self, cells: Mapping[str, Json], command: str, divided: Iterable["Division"] = ()) -> None:
        """Add `cells` (name -> factors) to those that the study is to have, and how their patients are divided."""
        with self.changing():
            record = self.record
            add_to_stopped(record, planned_cells(record), cells)
            record["planned"] = {**record["planned"], **cells}
            for entry in record.get("withdrawn", []):
                again = set(entry["cells"]) & set(cells) | set(entry.get("planned_again", []))
                entry["planned_again"] = [name for name in entry["cells"] if name in again]
            record["command"] = command
            folds = {one.data: {"folds": one.folds, "by": one.by} for one in divided if one.folds is not None}
            if known := {**record.get("divided", {}), **folds}:
                record["divided"] = known
            write_json(self.folder / "study.json", record)

    def stop(self, seeds: int, decided: bool, reason: str) -> None:
        """Record that the study ended at its look at `seeds` seeds, and why.

        Where several processes find the same, the first one's time stays. So does a stop after which a person added
        seeds: where a study went on is no place where it stopped.
        """
        with self.changing():
            record = self.record
            before, found = record.get("stopped") or {}, {"seeds": seeds, "decided": decided, "reason": reason}
            if {**before, **found} != before and not before.get("added"):
                time = datetime.now(UTC).isoformat(timespec="seconds")
                record["stopped"] = {**found, "time": time}
                write_json(self.folder / "study.json", record)

    def check_external(self, sets: Mapping[str, str]) -> None:
        """Raise MedxferError where one of `sets` (name -> fingerprint) is another one than the study has by that name.

        Else answers of different images would stand under one name.
        """
        known = self.record.get("external", {}) if (self.folder / "study.json").is_file() else {}
        for name, fingerprint in sets.items():
            if known.get(name, {}).get("fingerprint", fingerprint) != fingerprint:
                raise MedxferError(
                    f"external set '{name}': its files, labels or classes are others than those that this study was "
                    "asked with before; give it another name by external.name="
                )

    def enter_external(self, sets: Mapping[str, str]) -> None:
        """Record the external sets that the study is asked with, when, and how many cells had a result then.

        Raises MedxferError as `check_external`.
        """
        with self.changing():
            self.check_external(sets)
            record = self.record
            known = record.get("external", {})
            new = {name: fingerprint for name, fingerprint in sets.items() if name not in known}
            if new:
                time = datetime.now(UTC).isoformat(timespec="seconds")
                done = sum(self.has_result(name) for name in record["planned"])
                entered = {name: {"fingerprint": each, "time": time, "done": done} for name, each in new.items()}
                write_json(self.folder / "study.json", {**record, "external": {**known, **entered}})

    def go_on(self) -> None:
        """Take the record of a stop away: cells that were added since have opened a question again."""
        with self.changing():
            record = self.record
            record.pop("stopped", None)
            write_json(self.folder / "study.json", record)

    def check_distinct(self, cells: Mapping[str, Json]) -> None:
        """Raise MedxferError where two of `cells`, or one of them and a finished one, have the same factors.

        An answer could not tell them apart.
        """
        planned = self.record["planned"] if (self.folder / "study.json").is_file() else {}
        done = {name: cell for name, cell in planned.items() if self.has_result(name)}
        first: dict[str, str] = {}
        for name, factors in {**done, **cells}.items():
            if first.setdefault(digest(factors), name) != name:
                raise MedxferError(
                    f"{describe(factors, varied(cells.values()))}: two cells of this study would have that name, "
                    "with other weights or another split behind it; rename the file of weights, or keep them apart by "
                    "study.name="
                )

    def check_divided(self, divided: Iterable["Division"]) -> None:
        """Raise MedxferError where a data set's patients are divided in two ways: in this command, or since an earlier
        one.

        A training of folds tests every patient, one of another division others: an answer cannot join them. A study
        that planned nothing of a data set but what was withdrawn takes any division.
        """
        known: dict[str, str] = {}
        if (self.folder / "study.json").is_file():
            record = self.record
            planned = planned_cells(record).values()
            known = {factors["data"]: UNDIVIDED for factors in planned if FOLD not in factors}
            with_folds = {factors["data"] for factors in planned if FOLD in factors}
            known |= {data: way["by"] for data, way in record.get("divided", {}).items() if data in with_folds}
        for one in divided:
            if (before := known.setdefault(one.data, one.by)) != one.by:
                raise MedxferError(
                    f"data '{one.data}': this study has {before}, and {one.by} would be another division of the same "
                    "patients, which one answer cannot join; give the same data.split settings, or another study.name"
                )

    def changing(self) -> AbstractContextManager[None]:
        """Held while study.json or a split is read and written."""
        return alone(self.folder, "study", "study.json", "splits/*")

    def reporting(self) -> AbstractContextManager[None]:
        """Held while the report is made, so that of several processes the one that knows most writes last."""
        return alone(self.folder, "report", "results.csv", "verdict.json", "report.html", "table.*")


def withdrawals(record: Json) -> list[Json]:
    """What was withdrawn of the plan in study.json and not planned again: what, reason, time, done, cells."""
    entries = []
    for entry in record.get("withdrawn", []):
        left = [name for name in entry["cells"] if name not in entry.get("planned_again", [])]
        if left:
            entries.append({key: entry[key] for key in ("what", "reason", "time", "done")} | {"cells": left})
    return entries


def withdrawn_cells(record: Json) -> set[str]:
    """Their names. A cell that ended with a result all the same counts, whatever stands here."""
    return {name for entry in withdrawals(record) for name in entry["cells"]}


def planned_cells(record: Json) -> dict[str, Json]:
    """The plan in study.json without what was withdrawn, name -> factors."""
    withdrawn = withdrawn_cells(record)
    return {name: factors for name, factors in record["planned"].items() if name not in withdrawn}


def needless_cells(record: Json) -> set[str]:
    """The names of planned cells that no look needs any more (those that are done among them)."""
    return not_needed(record, planned_cells(record)) if declared_looks(record) else set()


def open_study(config: DictConfig, fingerprint: str, pending: dict[Path, Json] | None = None) -> Study:
    """The study that a cell with this `config`, on data with this `fingerprint`, belongs to; made if need be.

    The same settings give the same study. Where the data behind a name has changed, or is in the study under another
    name, a study with a made-up name gets a successor (-2, -3 …). With `pending` nothing is written:
    it holds, by folder, what the records of this command's studies would be, and gets this one's.

    Raises:
        MedxferError: the user named a study whose settings or data are others, or the folder cannot be written.
    """
    settings, declared = shared_settings(config), declaration(config)
    root = Path(config.study.root).expanduser().resolve()
    named = config.study.name is not None
    base = safe_name(str(config.study.name)) if named else study_name(settings, declared)
    for successor in count(1):
        study = Study(root / (base if successor == 1 else f"{base}-{successor}"))
        if pending is None:
            make_folder(study.folder)
        with study.changing() if pending is None else nullcontext():
            difference = _join(study, settings, declared, config.data, fingerprint, pending)
        if difference is None:
            return study
        if named:
            raise MedxferError(
                f"study.name={config.study.name}: {study.folder} has other settings ({difference}); "
                "give another study.name, or the settings that it has"
            )
    raise AssertionError("count() ends")


def make_folder(folder: Path) -> None:
    """Make `folder`. Raises MedxferError where that cannot be, or where nothing can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise MedxferError(
            f"{folder}: cannot be written ({error.strerror}); give a writable folder by study.root="
        ) from error


def _join(
    study: Study, settings: Json, declared: Json, config: DictConfig, fingerprint: str, pending: dict[Path, Json] | None
) -> str | None:
    """Enter the data set that `config` names into the study's record, or say why this is another study."""
    path, data, score = study.folder / "study.json", config.name, score_of(config)
    asked = {"settings": settings, "declared": declared}
    if pending is not None and study.folder in pending:
        record = pending[study.folder]
    elif not path.is_file():
        record = {"name": study.name, "id": token_hex(4), **asked, "data": {}, "command": "", "planned": {}}
    else:
        record = study.record
    for part, values in asked.items():
        if record[part] != values:
            return _difference(record[part], values)
    if record["data"].get(data, fingerprint) != fingerprint:
        return f"the files behind data '{data}' are others than before; data.name= gives another set another name"
    if data in record["data"] and (before := record.get("scored", {}).get(data, IMAGE)) != score:
        return f"data.score of data '{data}' was {before}, is {score}"
    same = [name for name, known in record["data"].items() if known == fingerprint and name != data]
    if same:
        return (
            f"its data '{same[0]}' are the same files and labels as data '{data}', and an answer would take each "
            "patient for two; for other divisions of one data set use data.split.resample=true"
        )
    if data not in record["data"]:
        record["data"][data] = fingerprint
        if score != IMAGE:
            record.setdefault("scored", {})[data] = score
        if pending is None:
            write_json(path, record)
    if pending is not None:
        pending[study.folder] = record
    return None


def _difference(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> str:
    parts = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            parts.append(_difference(old, new, f"{prefix}{key}."))
        else:
            parts.append(f"{prefix}{key} was {hydra_value(old)}, is {hydra_value(new)}")
    return ", ".join(parts)
