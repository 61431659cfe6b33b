"""Trainings whose best epoch is the last of their budget: they may not have ended."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from medxfer.base.words import describe, listing
from medxfer.study.identity import FOLD


class Chosen(NamedTuple):
    """The epoch at which a cell is tested."""

    epoch: int  # from 1
    budget: int

    @property
    def is_last(self) -> bool:
        return self.epoch == self.budget


def chosen(record: Mapping[str, Any]) -> Chosen | None:
    """Of a finished cell's metrics.json; older versions recorded no budget, tables of scores have no epoch."""
    return Chosen(record["best_epoch"] + 1, record["budget_epochs"]) if "budget_epochs" in record else None


def by_arm(cells: Iterable[tuple[Mapping[str, Any], Chosen | None]], varied: Sequence[str]) -> dict[str, list[Chosen]]:
    """What the cells (factors, chosen) of each arm chose, by the arm in words; `varied` factors are named."""
    shown = [name for name in varied if name not in ("seed", FOLD)]
    found: dict[str, list[Chosen]] = {}
    for factors, one in cells:
        if one is not None:
            whole = {key: value for key, value in factors.items() if key != FOLD}
            found.setdefault(describe(whole, shown).replace(f", seed {factors['seed']}", ""), []).append(one)
    return found


def often_the_last(found: Mapping[str, Sequence[Chosen]]) -> str:
    """A sentence where the best epoch of most trainings of an arm is the last one; else empty.

    Of several budgets the longest counts: the others are short on purpose.
    """
    budgets = {one.budget for cells in found.values() for one in cells}
    longest = {arm: cells for arm, cells in found.items() if cells[0].budget == max(budgets)}
    late = [arm for arm, cells in longest.items() if 2 * sum(one.is_last for one in cells) > len(cells)]
    if not late:
        return ""
    which = "every arm" if len(late) == len(longest) > 2 else listing(late)
    of, setting = ("the longest", "budget") if len(budgets) > 1 else ("the", "trainer.max_epochs")
    return (
        f"In most trainings of {which} the best epoch is the last of {of} budget, so that more epochs ({setting}) "
        "may help."
    )
