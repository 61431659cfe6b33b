"""The study's answer to RQ1, RQ2 and declared comparisons, for the page and for programs (docs/verdict.md)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from medxfer.analysis.judge.arms import ArmFigures, chance_notice, seen
from medxfer.analysis.judge.better_or_faster import better_or_faster
from medxfer.analysis.judge.breakdown import ContrastFamily, breakdown, by_site, exploratory
from medxfer.analysis.judge.caveats import caveats
from medxfer.analysis.judge.contrasts import questions
from medxfer.analysis.judge.elsewhere import Elsewhere, elsewhere
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.learning_curve import Worth, worth
from medxfer.analysis.judge.look_words import look_notices
from medxfer.analysis.judge.looking import Looks, looked_at, looks_of
from medxfer.analysis.judge.other_designs import design_sentence, other_designs
from medxfer.analysis.judge.power import Designs
from medxfer.analysis.judge.provenance import not_done
from medxfer.analysis.judge.question import Answer, answer_question
from medxfer.analysis.judge.readings import readings
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.scope import scope
from medxfer.base.words import count

SCHEMA = 3
SHOWN = 3  # reasons for unfinished cells that the first screen names


@dataclass(frozen=True)
class Verdict:
    """What verdict.json holds."""

    study: str
    declared: Mapping[str, Any]
    cells: Mapping[str, int]  # planned, done, failed, missing; with declared looks, waiting
    complete: bool
    answers: tuple[Answer, ...]
    scope: str
    notices: tuple[str, ...]
    tables: tuple[ContrastFamily, ...]
    arms: tuple[ArmFigures, ...]
    worth: Worth | None
    readings: Mapping[str, Sequence[str]]
    looks: Looks
    elsewhere: tuple[Elsewhere, ...] = ()
    designs: tuple[Designs, ...] = ()  # where one cannot tell: ways to spend as many cells
    schema: int = SCHEMA

    @property
    def primary(self) -> list[Finding]:
        """The findings that answer."""
        return [finding for answer in self.answers for finding in answer.findings]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def judge(study: StudyRecord) -> Verdict:
    """Answer RQ1, RQ2 and the declared comparisons, as far as the cells of a contrast are finished.

    With declared looks, at the look that the finished seeds allow. Nothing is written: `answer` records the look.
    """
    study = looked_at(study)
    judge, arms = seen(study)
    answers = tuple(answer_question(question, judge) for question in questions(study.declared))
    if study.declared.table:  # what a table of scores does not ask, no command would add
        answers = tuple(answer for answer in answers if answer.findings)
    outside, primary = elsewhere(study), [finding for answer in answers for finding in answer.findings]
    designs = other_designs(judge, primary)
    answers = tuple(_with_more(answer, judge, outside, designs) for answer in answers)
    looks = looks_of(judge, primary)
    tables = (*by_site(judge), *exploratory(judge), *breakdown(judge)) if study.done or not study.declared.looks else ()
    statuses = [cell.status for cell in study.rows]
    shown = ("done", "failed", "missing", *(("waiting",) if study.declared.looks else ()))
    lacking = _lacking_cells(study, looks)
    return Verdict(
        study=study.name,
        declared=asdict(study.declared),
        cells={"planned": len(statuses)} | {name: statuses.count(name) for name in shown},
        complete=not lacking and (looks.next is None or looks.next.stop or bool(study.stopped)),
        answers=answers,
        scope=scope(study, primary),
        notices=tuple(
            filter(None, [chance_notice(arms, study), *look_notices(study, looks), *_notices(study, lacking)])
        ),
        tables=tables,
        arms=arms,
        worth=None if judge.blind else worth(study),
        readings=readings(judge, primary, [finding for family in tables for finding in family.findings]),
        looks=looks,
        elsewhere=outside,
        designs=designs,
    )


def _with_more(answer: Answer, judge: Judge, outside: Sequence[Elsewhere], designs: Sequence[Designs]) -> Answer:
    """The answer beside what shorter budgets, external sets and other divisions of the patients say of its question."""
    several = len({one.data for one in outside}) > 1
    return replace(
        answer,
        text=(*answer.text, *(better_or_faster(judge, answer.findings) if answer.question == "RQ2" else ())),
        closing=f"{answer.closing} {design_sentence(answer.question, designs)}".strip(),
        elsewhere=tuple(
            f"On images from elsewhere ({one.name}{f', trained on {one.data}' if several else ''}): {each.headline}"
            for one in outside
            for each in one.answers
            if each.question == answer.question
        ),
    )


def _lacking_cells(study: StudyRecord, looks: Looks) -> tuple[CellRecord, ...]:
    """The cells that failed or are missing, but for those of seeds that a study that has stopped no longer needs."""
    stopped = looks.next is not None and looks.next.stop
    return tuple(cell for cell in study.unfinished if cell.status == "failed" or not stopped)


def _notices(study: StudyRecord, lacking: Sequence[CellRecord]) -> tuple[str, ...]:
    """What a reader must know before using the answers: of cells that are `lacking`, and of the data."""
    if not lacking:
        return *study.stopped, *caveats(study)
    alike: dict[tuple[str, str], list[CellRecord]] = {}
    for cell in lacking:
        alike.setdefault((cell.status, cell.reason), []).append(cell)
    named = [not_done(cells, study.varied) for cells in alike.values()]
    more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    number = f"{len(lacking)} of {count(len(study.cells), 'training' if study.divided else 'cell')} not done"
    return f"Incomplete: {number}. {'; '.join(named[:SHOWN])}{more}.", *study.stopped, *caveats(study)
