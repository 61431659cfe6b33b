"""Planned cells that a person takes back, such as of an arm that is a mistake: recorded with the reason, never deleted.

What has a result cannot be withdrawn, and an arm only whole: to drop an arm that has results is to choose results that
were seen, and the failed training of an arm may be the one that would have been worst. As long as no cell of the study
has a result, a seed can be withdrawn too, in all arms.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.files import write_json
from medxfer.base.words import count, describe, hydra_value, varied
from medxfer.study.folder import Study
from medxfer.study.state import State, read_states


def withdraw(folder: Path, asked: str, reason: str) -> int:
    """Withdraw the planned cells of the study in `folder` that `asked` names; how many they are.

    The command that trains them plans them again.

    Args:
        folder: the study's.
        asked: factors as on a command line, `colormap=inferno` or `colormap=inferno,pretrained=true`; a cell is meant
            where all of them agree.
        reason: why, as the page shows it.

    Raises:
        MedxferError: there is no study; no cell is meant, or one that is being trained; or a result would be lost.
    """
    states = read_states(folder)
    meant = _meant(asked, states)
    _check(asked, meant, states)
    if not reason.strip():
        raise MedxferError(f"withdraw={asked}: say why, for the page to show it: reason=…")
    study = Study(folder)
    with study.changing():
        record = study.record
        entry = {
            "what": asked,
            "reason": " ".join(reason.split()),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "done": sum(state.status == "done" for state in states),  # cells that had a result then
            "cells": [state.name for state in meant],
        }
        record["withdrawn"] = [*record.get("withdrawn", []), entry]
        write_json(folder / "study.json", record)
    return len(meant)


def _meant(asked: str, states: Sequence[State]) -> list[State]:
    """The cells that have all the factors of `asked`."""
    keys = list(dict.fromkeys(key for state in states for key in state.factors))
    meant = list(states)
    for part in asked.split(","):
        key, _, text = part.partition("=")
        if key not in keys:
            raise unknown("factor", key, keys, f"withdraw= takes factors of this study, {', '.join(keys)}.")
        values = list(dict.fromkeys(str(hydra_value(state.factors.get(key))) for state in states))
        meant = [state for state in meant if _same(state.factors.get(key), text)]
        if not any(_same(state.factors.get(key), text) for state in states):
            raise unknown(key, text, values, f"this study has {', '.join(values)}.")
    if not meant:
        raise MedxferError(
            f"withdraw={asked}: no planned cell has all of these; python -m medxfer.status lists the cells"
        )
    return meant


def _check(asked: str, meant: Sequence[State], states: Sequence[State]) -> None:
    """Raise MedxferError where the cells of `meant` cannot be withdrawn."""
    arms, seeds = {state.arm for state in meant}, {state.factors["seed"] for state in meant}
    of_arms = [state for state in states if state.arm in arms]
    shown = varied(state.factors for state in states)
    if running := [state for state in meant if state.status == "running"]:
        raise MedxferError(
            f"withdraw={asked}: {describe(running[0].factors, shown)} is being trained; stop its command first"
        )
    if done := [state for state in of_arms if state.status == "done"]:
        raise MedxferError(
            f"withdraw={asked}: {count(len(done), 'cell')} of these arms ended with a result "
            f"({describe(done[0].factors, shown)}), and a result is not taken out of an answer; for another question "
            "start another study, with study.name="
        )
    whole_seeds = len(meant) == sum(state.factors["seed"] in seeds for state in states)
    unseen = all(state.status != "done" for state in states)
    if len(meant) < len(of_arms) and not (whole_seeds and unseen):
        raise MedxferError(
            f"withdraw={asked}: an arm is withdrawn with all of its seeds and folds (a seed alone only in all arms, "
            "and before the first result); leave seed= and fold= out"
        )


def _same(value: Any, text: str) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    return str(hydra_value(value)) == text
