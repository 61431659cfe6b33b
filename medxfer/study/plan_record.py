"""The plan in study.json: what was withdrawn of it, what is left, and what no look needs any more."""

from medxfer.study.identity import Json
from medxfer.study.stopping import declared_looks, not_needed


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
    return {name: factors for name, factors in record.get("planned", {}).items() if name not in withdrawn}


def needless_cells(record: Json) -> set[str]:
    """The names of planned cells that no look needs any more (those that are done among them)."""
    return not_needed(record, planned_cells(record)) if declared_looks(record) else set()
