"""With several declared budgets: whether RQ2's weights are better, or merely faster.

He, Girshick and Dollár 2019 (arXiv 1811.08883): trained long enough, random weights may catch up. The question is
answered at the longest budget alone, so that its family of contrasts is what it is without other budgets; what is said
of shorter ones stands beside that answer, and is not adjusted for being asked as well.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from medxfer.analysis.judge.arms import seen
from medxfer.analysis.judge.conclusion import HARMS, IMPROVES, NOT_JUDGED, SETTLED
from medxfer.analysis.judge.contrasts import PRIMARY
from medxfer.analysis.judge.evidence import at_start, weigh
from medxfer.analysis.judge.figures import Figures
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.phrases import interval, p_value, percent, points
from medxfer.analysis.judge.results import Block, CellRecord, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.base.errors import MedxferError
from medxfer.base.words import FEWEST_PATIENTS, FEWEST_SEEDS, count
from medxfer.study.identity import BUDGET


def at_budget(study: StudyRecord, epochs: int) -> StudyRecord:
    """`study` as if this one of its budgets were all that it has."""
    cells = tuple(cell for cell in study.cells if cell.factors.get(BUDGET) == epochs)
    return replace(study, cells=cells, declared=replace(study.declared, budget=(epochs,)))


def better_or_faster(judge: Judge, longest: Sequence[Finding]) -> tuple[str, ...]:
    """For each shorter budget, RQ2 there and what the two together say; empty without a finding at the longest."""
    *shorter, most = judge.study.declared.budget or (0,)
    return tuple(text for epochs in shorter for one in longest for text in _beside(judge, one, epochs, most))


def _beside(judge: Judge, finding: Finding, short: int, long: int) -> Iterator[str]:
    study = at_budget(judge.study, short)
    if not study.cells:
        yield f"No cell is planned for {count(short, 'epoch')}: whether RQ2 is better or merely faster stays open."
        return
    (early,) = replace(judge, study=study, blind=seen(study)[0].blind).family("RQ2", PRIMARY) or (None,)
    if early is None:
        return
    yield f"After {count(short, 'epoch')} alone: {early.sentence}"
    f = _lost(judge, short, long)
    shrinks = f is not None and f.low > 0 and f.p < 1 - judge.study.declared.level
    said = _said(early, finding, shrinks)
    if f is not None:
        said += (
            f" The gain after {count(short, 'epoch')} less that after {long} is {points(f.estimate)} points "
            f"({percent(f.level)} interval {interval(f.low, f.high)}, {p_value(f.p)}; not adjusted)."
        )
    yield said


def _said(early: Finding, late: Finding, shrinks: bool) -> str:
    """Better, or merely faster; never from a difference that was only not found."""
    if {early.conclusion, late.conclusion} & set(NOT_JUDGED):
        return "Better or merely faster: this cannot be said before both budgets are judged."
    gains, lasts = early.conclusion in IMPROVES, late.conclusion in IMPROVES
    if gains and lasts:
        return "Better, and not merely faster: the gain is there at the short and at the long budget."
    if lasts:
        return "Better at the long budget; at the short one that is not shown."
    if not gains:
        return "Neither better nor faster is shown."
    if late.conclusion in HARMS:
        return "Merely faster, and worse in the end: the short budget shows a gain, the long one a loss."
    if late.conclusion in (*SETTLED, "a gain above the margin is excluded"):
        if shrinks or early.conclusion == "improves by at least the margin":
            return (
                "Merely faster: the gain at the short budget shrinks, and the long one excludes a gain of the margin."
            )
        return "The long budget excludes a gain of the margin; that the gain at the short one shrinks is not shown."
    if shrinks:
        return "Faster: the gain at the short budget shrinks; whether some of it lasts at the long one is not shown."
    return "Faster, and whether better too cannot be told: the long budget is undecided."


def _lost(judge: Judge, short: int, long: int) -> Figures | None:
    """The gain at the short budget less that at the long one, over the blocks that have both; None where it cannot be
    weighed, or tells nothing of other trainings."""
    rules, blocks = judge.study.declared.rules, dict[Block, list[CellRecord]]()
    for epochs in (short, long):
        for block, cells in select(at_budget(judge.study, epochs)).items():
            blocks.setdefault(block, []).extend(cell for cell in cells if cell.factors["colormap"] == rules.colormap)
    weights: dict[Hashable, float] = {
        (short, rules.treated): 1.0, (short, rules.reference): -1.0,
        (long, rules.treated): -1.0, (long, rules.reference): 1.0,
    }  # fmt: skip
    used = {block: cells for block, cells in blocks.items() if block[0] not in judge.study.repeated}
    try:
        evidence = weigh(used.values(), weights, judge.study.declared, at_start(BUDGET), measure=judge.measure)
    except MedxferError:
        return None  # the findings say why
    if evidence is None or evidence.figures.fewest_patients < FEWEST_PATIENTS:
        return None
    return evidence.figures if evidence.effect.seeds >= FEWEST_SEEDS else None
