"""How far a study is: python -m medxfer.status study=DIR [json=true]"""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.words import describe, duration
from medxfer.grid.matrix import matrix
from medxfer.study.state import State, count, read_states, seconds_left

SETTINGS = ("study", "json")
USAGE = "usage: python -m medxfer.status study=DIR [json=true]"


def status(study: Path) -> dict[str, Any]:
    """What `json=true` prints: counts, the cells of each status, and the seconds left (None before the first is done).

    Raises MedxferError where there is no study in the folder.
    """
    states = read_states(study)
    return {
        "study": study.resolve().name,
        "cells": len(states),
        "done": [state.name for state in states if state.status == "done"],
        "running": [
            {"cell": state.name, "epoch": state.running.epoch, "epochs": state.running.epochs}
            for state in states
            if state.running is not None
        ],
        "failed": [{"cell": state.name, "reason": state.reason} for state in states if state.status == "failed"],
        "missing": [state.name for state in states if state.status == "missing"],
        "seconds_left": seconds_left(states),
    }


def show(study: Path, console: Console) -> None:
    """The matrix of cells, what runs and what failed, and the time left."""
    states = read_states(study)
    counts = ", ".join(f"{number} {name}" for name, number in count(states).items() if number)
    left = seconds_left(states)
    console.print(f"[bold]{escape(study.resolve().name)}[/]: {len(states)} cell{'s' * (len(states) != 1)}: {counts}")
    console.print(matrix(states, rows=40, columns=max(3, (console.width - 50) // 7)))
    for state in states:
        if state.running is not None:
            where = f"epoch {state.running.epoch} of {state.running.epochs}"
            console.print(
                f"[cyan]running[/] {escape(describe(state.factors))}: {where}, on {escape(state.running.host)}"
            )
    for text, failed in _by_reason(states).items():
        console.print(f"[red]failed[/] {escape(failed)}: {escape(text)}")
    if left:
        console.print(f"about {duration(left)} left")


def _by_reason(states: list[State]) -> dict[str, str]:
    """Reason -> the cells that failed for it."""
    cells: dict[str, list[str]] = {}
    for state in states:
        if state.status == "failed":
            cells.setdefault(state.reason, []).append(describe(state.factors))
    return {
        text: names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" for text, names in cells.items()
    }


def main(arguments: list[str]) -> int:
    try:
        given = dict(argument.partition("=")[::2] for argument in arguments)
        for key in given:
            if key not in SETTINGS:
                raise unknown("setting", key, SETTINGS, USAGE)
        as_json = given.get("json", "false").lower()
        if not given.get("study") or as_json not in ("true", "false"):
            raise MedxferError(USAGE)
        study = Path(given["study"]).expanduser()
        if as_json == "true":
            print(json.dumps(status(study), indent=2))
        else:
            show(study, Console(highlight=False, soft_wrap=False))
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
