"""The study's answer to RQ1, RQ2 and declared comparisons, for the page and for programs (docs/verdict.md)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medxfer.analysis.judge.arms import ArmFigures, arm_figures, by_chance, chance_notice
from medxfer.analysis.judge.breakdown import ContrastFamily, breakdown, exploratory
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.learning_curve import Worth, worth
from medxfer.analysis.judge.provenance import caveats, not_done
from medxfer.analysis.judge.question import Answer, answer_question, questions
from medxfer.analysis.judge.readings import readings
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.scope import scope
from medxfer.base.words import count

SCHEMA = 3
SHOWN = 3  # unfinished cells that the first screen names


@dataclass(frozen=True)
class Verdict:
    """What verdict.json holds."""

    study: str
    declared: Mapping[str, Any]
    cells: Mapping[str, int]  # planned, done, failed, missing
    complete: bool
    answers: tuple[Answer, ...]
    scope: str
    notices: tuple[str, ...]
    tables: tuple[ContrastFamily, ...]
    arms: tuple[ArmFigures, ...]
    worth: Worth | None
    readings: Mapping[str, Sequence[str]]
    schema: int = SCHEMA

    @property
    def primary(self) -> list[Finding]:
        """The findings that answer."""
        return [finding for answer in self.answers for finding in answer.findings]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def judge(study: StudyRecord) -> Verdict:
    """Answer RQ1, RQ2 and the declared comparisons, as far as the cells of a contrast are finished."""
    judge = Judge(study)
    arms = arm_figures(judge)
    chances = by_chance(arms, study.declared.metric)
    blind = bool(chances) and len(chances) == len({one.block[0] for one in arms})
    answers = tuple(answer_question(question, judge, blind) for question in questions(study.declared))
    primary = [finding for answer in answers for finding in answer.findings]
    tables = (*exploratory(judge), *breakdown(judge))
    statuses = [cell.status for cell in study.cells]
    return Verdict(
        study=study.name,
        declared=asdict(study.declared),
        cells={"planned": len(statuses)} | {name: statuses.count(name) for name in ("done", "failed", "missing")},
        complete=not study.unfinished,
        answers=answers,
        scope=scope(study, primary),
        notices=tuple(filter(None, [chance_notice(arms, study), *_notices(study)])),
        tables=tables,
        arms=arms,
        worth=None if blind else worth(study),
        readings=readings(judge, primary, [finding for family in tables for finding in family.findings]),
    )


def _notices(study: StudyRecord) -> tuple[str, ...]:
    """What a reader must know before using the answers."""
    if not study.unfinished:
        return caveats(study)
    named = list(dict.fromkeys(not_done(cell, study.varied) for cell in study.unfinished))
    more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    lacking = f"{len(study.unfinished)} of {count(len(study.cells), 'cell')} not done"
    return f"Incomplete: {lacking}. {'; '.join(named[:SHOWN])}{more}.", *caveats(study)
