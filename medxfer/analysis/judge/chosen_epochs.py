"""Which epoch each training was tested at, and how far that is from the end of its budget."""

from medxfer.analysis.judge.phrases import span
from medxfer.analysis.judge.results import StudyRecord
from medxfer.base.words import count, describe, listing
from medxfer.study.identity import FOLD

Pairs = tuple[tuple[str, str], ...]


def chosen_epochs(study: StudyRecord) -> Pairs:
    """(arm, '20–30 of 30, the last in 2 of 3 trainings'), for each budget and each block; of finished cells."""
    return tuple((arm, _said(found)) for arm, found in _by_arm(study).items())


def often_the_last(study: StudyRecord) -> tuple[str, ...]:
    """A sentence where the best epoch of most trainings of an arm is the last one: they may not have ended."""
    late = [arm for arm, found in _by_arm(study).items() if 2 * _last(found) > len(found)]
    if not late:
        return ()
    return (
        f"In most trainings of {listing(late)} the best epoch is the last of the budget, so that more epochs "
        "(trainer.max_epochs) may help.",
    )


def chosen_among(study: StudyRecord) -> str:
    """'epoch 5–8 of 8' over all trainings; empty where it is not recorded."""
    by_budget: dict[int, list[int]] = {}
    for found in _by_arm(study).values():
        for epoch, budget in found:
            by_budget.setdefault(budget, []).append(epoch)
    return ", ".join(f"epoch {span(epochs)} of {budget}" for budget, epochs in sorted(by_budget.items()))


def _by_arm(study: StudyRecord) -> dict[str, list[tuple[int, int]]]:
    """The (epoch from 1, budget) of each cell. Cells of older versions recorded no budget, tables no epoch."""
    shown = [name for name in study.varied if name not in ("seed", FOLD)]
    found: dict[str, list[tuple[int, int]]] = {}
    for cell in study.rows:
        if cell.status == "done" and "budget_epochs" in cell.record:
            factors = {key: value for key, value in cell.factors.items() if key != FOLD}
            arm = describe(factors, shown).replace(f", seed {factors['seed']}", "")
            chosen = cell.record["best_epoch"] + 1
            found.setdefault(arm, []).append((chosen, cell.record["budget_epochs"]))
    return found


def _said(found: list[tuple[int, int]]) -> str:
    epochs, budgets = zip(*found, strict=True)
    last = _last(found)
    return f"{span(epochs)} of {span(budgets)}" + (
        f", the last in {last} of {count(len(found), 'cell')}" if last else ""
    )


def _last(found: list[tuple[int, int]]) -> int:
    return sum(epoch == budget for epoch, budget in found)
