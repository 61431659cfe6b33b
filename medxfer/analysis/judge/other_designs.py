"""Where one cannot tell yet: what other divisions of the same patients would tell at equal cost."""

from collections.abc import Sequence

from medxfer.analysis.judge.contrasts import Question
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.flow import Flow, flows
from medxfer.analysis.judge.phrases import points
from medxfer.analysis.judge.power import Designs, Planned, compare_designs
from medxfer.base.words import FOLDS, FOLDS_BELOW, count

NUMBERS = (FOLDS, 10)  # of folds


def other_designs(judge: Judge, primary: Sequence[Finding]) -> tuple[Designs, ...]:
    """For RQ1 and RQ2, if a contrast of theirs is at "cannot tell": one split and folds with as many cells.

    Empty where patients cannot be divided otherwise (a test part is given, or folds are sites), where neither is
    advised (many patients and no folds), with declared looks, whose intervals are others, and in studies of earlier
    versions, which did not record how they would divide.
    """
    study = judge.study
    open_ = dict.fromkeys(f.question for f in primary if f.conclusion == "cannot tell" and f.figures)
    found = flows(study)
    if not open_ or study.declared.looks or not all(_can_change(flow) for flow in found):
        return ()
    folds = {flow.folds or 1 for flow in found}
    if len(folds) > 1 or not any(flow.folds or _advised(flow) for flow in found):
        return ()
    numbers = [number for number in NUMBERS if number <= min(map(_most_folds, found))]
    if not numbers:
        return ()
    everyone = {flow.data: _everyone(flow) for flow in found}
    one_split = {flow.data: _tested_by_one_split(flow) for flow in found}
    cells = [cell for of_block in judge.blocks.values() for cell in of_block]
    arms = list(dict.fromkeys(cell.arm for cell in cells))
    seeds = min(len({cell.factors["seed"] for cell in cells if cell.arm == arm}) for arm in arms)
    blocks = max(len(judge.blocks) // len(found), 1)
    planned = Planned(arms, seeds, one_split, blocks, folds=folds.pop(), metric=study.declared.metric)
    rules, level = study.declared.rules, study.declared.level
    ahead = compare_designs(planned, rules, level, study, one_split, everyone, numbers)
    return tuple(one for one in ahead if one.measured and one.question in open_)


def design_sentence(question: Question, designs: Sequence[Designs]) -> str:
    """What one split and folds would tell with as many networks of each arm; empty if not known for the question."""
    ways = [way for one in designs if one.question == question for way in one.designs if way.half_width is not None]
    one_split, divided = ([way for way in ways if (way.folds > 1) is several] for several in (False, True))
    if not one_split or not divided:
        return ""
    split, folds = one_split[0], divided[0]
    widths = [points(way.half_width or 0.0, signed=False) for way in (split, folds)]
    return f"With {split.cells} networks an arm: one split ±{widths[0]}, {division(folds.folds)} ±{widths[1]}."


def division(folds: int) -> str:
    """What a division is called: 'one split', '5 folds'."""
    return "one split" if folds == 1 else count(folds, "fold")


def _can_change(flow: Flow) -> bool:
    """Whether the records say that nothing keeps these patients from being divided otherwise."""
    return not flow.sites and flow.given_test is False and flow.test_share is not None and flow.used is not None


def _advised(flow: Flow) -> bool:
    return _everyone(flow) < FOLDS_BELOW and _most_folds(flow) >= FOLDS


def _everyone(flow: Flow) -> int:
    return flow.used[1] if flow.used else 0


def _tested_by_one_split(flow: Flow) -> int:
    tested = flow.parts["test"].patients
    return tested if not flow.folds else max(round((flow.test_share or 0.0) * tested), 1)


def _most_folds(flow: Flow) -> int:
    """In each of which every class can have a patient."""
    parts = [flow.parts["test"]] if flow.folds else list(flow.parts.values())
    return min((sum(of) for of in zip(*(part.patients_by_class for part in parts), strict=True)), default=0)
