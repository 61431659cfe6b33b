"""A study's folder: what its cells share, what was declared before the first of them ran, and which cells it plans."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medxfer.base.errors import MedxferError
from medxfer.base.files import alone, read_json, write_json
from medxfer.base.words import describe, varied
from medxfer.study.declared import Declared, read_declared
from medxfer.study.identity import FOLD, Json, digest
from medxfer.study.plan_record import planned_cells
from medxfer.study.stopping import add_to_stopped

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
        return planned_cells(self.record)

    @property
    def varied(self) -> tuple[str, ...]:
        """The factors with several levels in the plan: what must be named to tell its cells apart."""
        return varied(self.planned.values())

    def plan(self, cells: Mapping[str, Json], command: str, divided: Iterable["Division"] = ()) -> None:
        """Add `cells` (name -> factors) to those that the study is to have, and how their patients are divided.

        A cell takes the place of one with the same factors that has no result: the file behind its weights or colours
        was another one then.
        """
        with self.changing():
            record = self.record
            asked = {digest(factors) for factors in cells.values()}
            for name, factors in list(record["planned"].items()):
                if name not in cells and digest(factors) in asked and not self.has_result(name):
                    del record["planned"][name]
                    (self.folder / "cells" / name / "failed.json").unlink(missing_ok=True)
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
