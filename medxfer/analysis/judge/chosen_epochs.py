"""Which epoch each training was tested at, and how far that is from the end of its budget."""

from collections.abc import Sequence

from medxfer.analysis.judge.phrases import span
from medxfer.analysis.judge.results import StudyRecord
from medxfer.base.words import count
from medxfer.study.last_epochs import Chosen, by_arm, chosen

Pairs = tuple[tuple[str, str], ...]


def of_arms(study: StudyRecord) -> dict[str, list[Chosen]]:
    """What the finished cells of each arm chose, for each budget and each block."""
    done = (cell for cell in study.rows if cell.status == "done")
    return by_arm(((cell.factors, chosen(cell.record)) for cell in done), study.varied)


def chosen_epochs(study: StudyRecord) -> Pairs:
    """(arm, '20–30 of 30, the last in 2 of 3 trainings')."""
    return tuple((arm, _said(found)) for arm, found in of_arms(study).items())


def chosen_among(study: StudyRecord) -> str:
    """'epoch 5–8 of 8' over all trainings; empty where it is not recorded."""
    by_budget: dict[int, list[int]] = {}
    for found in of_arms(study).values():
        for epoch, budget in found:
            by_budget.setdefault(budget, []).append(epoch)
    return ", ".join(f"epoch {span(epochs)} of {budget}" for budget, epochs in sorted(by_budget.items()))


def _said(found: Sequence[Chosen]) -> str:
    epochs, budgets = zip(*found, strict=True)
    last = sum(one.is_last for one in found)
    return f"{span(epochs)} of {span(budgets)}" + (
        f", the last in {last} of {count(len(found), 'cell')}" if last else ""
    )
