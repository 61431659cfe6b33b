"""Where a study with declared looks stops: which cells a look takes, and which cells no look needs any more.

A look at n seeds takes of every arm the cells of its n smallest seeds, as the analysis does; with folds, all folds of
these seeds.
All is read from what study.json holds; `planned` is its plan without what was withdrawn, name -> factors.
"""

from collections.abc import Mapping
from typing import Any

from medxfer.study.identity import FOLD, Json

Plan = Mapping[str, Mapping[str, Any]]


def declared_looks(record: Json) -> tuple[int, ...]:
    """After how many seeds the answer may be looked at; empty where it is looked at once, at the end."""
    return tuple(sorted(record.get("declared", {}).get("looks") or ()))


def places(planned: Plan) -> dict[str, int]:
    """Which seed of its arm each cell has, 0 for the first."""
    found = {}
    for seeds in _arms(planned):
        place = {seed: n for n, seed in enumerate(sorted(set(seeds.values())))}
        found.update({name: place[seed] for name, seed in seeds.items()})
    return found


def look_cells(planned: Plan, seeds: int) -> set[str]:
    """The names of the cells of each arm's `seeds` smallest seeds."""
    return {name for name, place in places(planned).items() if place < seeds}


def fewest_seeds(planned: Plan) -> int:
    """The number of seeds of the arm that has fewest."""
    return min((len(set(seeds.values())) for seeds in _arms(planned)), default=0)


def not_needed(record: Json, planned: Plan) -> set[str]:
    """The names of cells that no look needs: beyond the look at which the study stopped, or beyond the last one.

    A cell that was added to a stopped study is needed, because a person asked for it.
    """
    looks = declared_looks(record)
    if not looks:
        return set()
    stop = record.get("stopped") or {}
    return set(planned) - look_cells(planned, stop.get("seeds", looks[-1])) - set(stop.get("added", []))


def add_to_stopped(record: Json, planned: Plan, asked: Plan) -> None:
    """Enter `asked` as added into the record of a stopped study, where they have a new seed beyond the last look.

    Without such a seed they are the rest of what was declared, which the stop has made needless; the jobs of an array,
    each with its own seed, ask for it in any order.
    """
    stop = record.get("stopped")
    if not stop:
        return
    place, last = places({**planned, **asked}), declared_looks(record)[-1]
    if any(place[name] >= last for name in asked if name not in planned):
        beyond = [name for name in asked if place[name] >= stop["seeds"]]
        stop["added"] = list(dict.fromkeys([*stop.get("added", []), *beyond]))


def next_seeds(record: Json, planned: Plan, ended: set[str]) -> int | None:
    """The number of seeds of the first look that lacks a cell in `ended`, by name; None where no look is left."""
    if record.get("stopped"):
        return None
    for seeds in declared_looks(record):
        if fewest_seeds(planned) < seeds or look_cells(planned, seeds) - ended:
            return seeds
    return None


def _arms(planned: Plan) -> list[dict[str, int]]:
    """The seed of each cell, arm by arm; an arm is everything but the seed and the fold."""
    arms: dict[tuple[Any, ...], dict[str, int]] = {}
    for name, factors in planned.items():
        arm = tuple((key, str(value)) for key, value in factors.items() if key not in ("seed", FOLD))
        arms.setdefault(arm, {})[name] = factors["seed"]
    return list(arms.values())
