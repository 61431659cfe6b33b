"""RQ1 and RQ2 in words and numbers: the study's answer, for the page and for programs (docs/verdict.md)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from medxfer.analysis.judge.arms import ArmFigures, arm_figures, by_chance, chance_notice
from medxfer.analysis.judge.breakdown import ContrastFamily, breakdown, exploratory
from medxfer.analysis.judge.conclusion import sentence, statement
from medxfer.analysis.judge.contrasts import PRIMARY, Question, images_name
from medxfer.analysis.judge.findings import Finding, Judge, not_looked
from medxfer.analysis.judge.learning_curve import Worth, worth
from medxfer.analysis.judge.look_words import look_notices
from medxfer.analysis.judge.looking import Looks, looks_of
from medxfer.analysis.judge.phrases import interval, margin_points, metric_name, percent, points, size
from medxfer.analysis.judge.provenance import caveats, not_done
from medxfer.analysis.judge.reached import looked_at
from medxfer.analysis.judge.readings import readings
from medxfer.analysis.judge.results import CellRecord, StudyRecord, hydra_value
from medxfer.analysis.judge.scope import scope_of
from medxfer.base.words import count, listing, weights_name
from medxfer.study.declared import Rules

SCHEMA = 3
ASKS: Mapping[Question, str] = {
    "RQ1": "Does colour improve {metric} over gray?",
    "RQ2": "Do ImageNet weights improve {metric} over a random start?",
}
BY_CHANCE = "Cannot tell: no arm beats chance."
ONE_TRAINING = "Other trainings may come out differently; five or more (seed=0,1,2,3,4) would tell by how much."
MANY = 3  # names that a headline still lists
SHOWN = 3  # unfinished cells that the first screen names
_PARTS = (  # of a headline: what is said of the findings with these conclusions
    ("yes", ("improves by at least the margin", "improves")),
    ("no", ("harms by at least the margin", "harms")),
    ("no difference that matters", ("equivalent", "significant but negligible")),
    ("no gain of {margin} or more", ("a gain above the margin is excluded",)),
    ("cannot tell yet", ("cannot tell",)),
)


@dataclass(frozen=True)
class Answer:
    """One research question: `headline` in a sentence, `text` with its figures, `findings` for programs."""

    question: Question
    asks: str
    headline: str
    text: tuple[str, ...]
    beside: tuple[str, ...] = ()  # the same in the metrics that are always shown
    closing: str = ""  # what to do next, where one sentence serves all findings
    notes: tuple[str, ...] = ()  # where interval and test of a finding disagree
    findings: tuple[Finding, ...] = ()


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
    schema: int = SCHEMA

    @property
    def primary(self) -> list[Finding]:
        """The findings that answer."""
        return [finding for answer in self.answers for finding in answer.findings]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def judge(study: StudyRecord) -> Verdict:
    """Answer RQ1 and RQ2 from the study's finished cells, as far as the cells of a contrast are finished.

    With declared looks, at the look that the finished seeds allow. Nothing is written: `answer` records the look.
    """
    study = looked_at(study)
    judge = Judge(study)
    arms = arm_figures(judge)
    chances = by_chance(arms, study.declared.metric)
    blind = bool(chances) and len(chances) == len({one.block[0] for one in arms})
    answers = tuple(_answer(question, judge, blind) for question in ASKS)
    primary = [finding for answer in answers for finding in answer.findings]
    looks = looks_of(judge, primary)
    tables = (*exploratory(judge), *breakdown(judge)) if study.done or not study.declared.looks else ()
    statuses = [cell.status for cell in study.cells]
    shown = ("done", "failed", "missing", *(("waiting",) if study.declared.looks else ()))
    lacking = _lacking_cells(study, looks)
    return Verdict(
        study=study.name,
        declared=asdict(study.declared),
        cells={"planned": len(statuses)} | {name: statuses.count(name) for name in shown},
        complete=not lacking and (looks.next is None or looks.next.stop or bool(study.stopped)),
        answers=answers,
        scope=scope_of(study, primary),
        notices=tuple(
            filter(None, [chance_notice(arms, study), *look_notices(study, looks), *_notices(study, lacking)])
        ),
        tables=tables,
        arms=arms,
        worth=None if blind else worth(study),
        readings=readings(judge, primary, [finding for family in tables for finding in family.findings]),
        looks=looks,
    )


def _lacking_cells(study: StudyRecord, looks: Looks) -> tuple[CellRecord, ...]:
    """The cells that failed or are missing, but for those of seeds that a study that has stopped no longer needs."""
    stopped = looks.next is not None and looks.next.stop
    return tuple(cell for cell in study.unfinished if cell.status == "failed" or not stopped)


def _answer(question: Question, judge: Judge, blind: bool) -> Answer:
    """`blind`: no arm beats chance, so that more trainings or patients are no advice."""
    declared, findings = judge.study.declared, judge.family(question, PRIMARY)
    early = _first_look(findings, declared.looks)
    asks = ASKS[question].format(metric=metric_name(declared.metric))
    if not findings:
        return Answer(question, asks, "Not asked by this study.", _not_asked(question, declared.rules))
    if blind:
        findings = [_without_advice(finding, judge) for finding in findings]
    several = any(finding.conclusion == "one training" for finding in findings) and not blind
    return Answer(
        question,
        asks,
        early or headline(findings, declared.margin, {f.subject: _lacking(f, judge) for f in findings}, blind),
        () if early else tuple(finding.sentence for finding in findings),
        tuple(filter(None, (_beside(finding, declared.level) for finding in findings))),
        ONE_TRAINING if several else "",
        tuple(note for finding in findings for note in finding.notes),
        tuple(findings),
    )


def _first_look(findings: Sequence[Finding], looks: Sequence[int]) -> str:
    """The headline of a question that no look has reached; else empty."""
    if not findings or any(finding.conclusion != "before the first look" for finding in findings):
        return ""
    return not_looked(looks).capitalize()


def _without_advice(finding: Finding, judge: Judge) -> Finding:
    if finding.conclusion != "cannot tell" or finding.figures is None:
        return finding
    (contrast,) = (c for c in judge.contrasts if (c.question, c.name) == (finding.question, finding.contrast))
    figures = replace(finding.figures, expected=())
    said = sentence(statement(contrast, judge.study.declared, figures), "cannot tell")
    return replace(finding, figures=figures, sentence=said)


def _lacking(finding: Finding, judge: Judge) -> str:
    """What keeps a contrast from being answered: 'inferno: 1 of 5 trainings failed'; empty where all is done."""
    names = set(finding.unfinished)
    cells = [cell for block in judge.blocks.values() for cell in block]
    said = []
    for arm in dict.fromkeys(cell.arm for cell in cells if cell.name in names):
        of_arm = [cell for cell in cells if cell.arm == arm]
        states = [cell.status for cell in of_arm if cell.name in names]
        counts = [f"{states.count(state)} {state}" for state in ("failed", "missing") if state in states]
        name = (
            f"{weights_name(arm[1])} weights" if finding.question == "RQ2" else "gray" if arm[0] == "none" else arm[0]
        )
        if len(counts) == 1:
            number, state = counts[0].split()
            said.append(f"{name}: {number} of {count(len(of_arm), 'training')} {state}")
        else:
            said.append(f"{name}: {listing(counts)} of {count(len(of_arm), 'training')}")
    return "; ".join(said)


def _beside(finding: Finding, level: float) -> str:
    if finding.figures is None or not finding.figures.beside:
        return ""
    others = [
        f"{metric_name(b.metric)} {points(b.estimate)} ({interval(b.low, b.high)})" for b in finding.figures.beside
    ]
    level = getattr(finding.figures.beside[0], "level", level)
    kind = f"{percent(level)} intervals, not adjusted"
    return f"{finding.contrast.partition(', ')[0]}, in points: {', '.join(others)}; {kind}"


def _not_asked(question: Question, rules: Rules) -> tuple[str, ...]:
    """What a grid must have for the question, and how to get it."""
    if question == "RQ1":
        start = weights_name(rules.weights)
        takes = f"It takes gray images (colormap none) and at least one colormap, both with {start} weights."
        grid = f"with, for example, colormap=none,viridis,inferno pretrained={hydra_value(rules.weights)}"
    else:
        takes = f"It takes pretrained and random weights, both on {images_name(rules.colormap)}."
        grid = f"with colormap={rules.colormap} pretrained=true,false"
    return takes, f"Run the study's command again {grid} seed=0,1,2,3,4; cells that are finished are kept."


def headline(
    findings: Sequence[Finding], margin: float, lacking: Mapping[str, str] | None = None, blind: bool = False
) -> str:
    """The family's answer in one short sentence, with sizes and intervals.

    `lacking` says for a finding's subject what keeps it from being answered; `blind`: no arm beats chance.
    """
    if blind:
        return BY_CHANCE
    by_conclusion: dict[str, list[Finding]] = {}
    for finding in findings:
        by_conclusion.setdefault(finding.conclusion, []).append(finding)
    if len(by_conclusion.get("refused", [])) == len(findings):
        return "These data cannot answer it."
    if len(by_conclusion.get("one training", [])) == len(findings):
        return "One training of each cannot tell."
    if len(by_conclusion.get("too few patients", [])) == len(findings):
        return "Too few test patients to judge."
    parts: list[str] = []
    for start, conclusions in _PARTS:
        if of := [finding for name in conclusions for finding in by_conclusion.get(name, [])]:
            start = "but lower" if start == "no" and parts else start
            parts.append(f"{start.format(margin=margin_points(margin))}: {_sizes(of)}")
    if single := by_conclusion.get("one training"):
        parts.append(f"one training cannot tell: {_names(single)}")
    if few := by_conclusion.get("too few patients"):
        parts.append(f"too few test patients: {_names(few)}")
    if open_ := by_conclusion.get("incomplete"):
        whys = list(dict.fromkeys((lacking or {}).get(f.subject) or f"{f.subject}: not finished" for f in open_))
        more = f"; and {len(whys) - MANY} more" if len(whys) > MANY else ""
        parts.append(("" if parts else "incomplete: ") + "; ".join(whys[:MANY]) + more)
    if early := by_conclusion.get("before the first look"):
        parts.append(f"not looked at yet: {_names(early)}")
    if refused := by_conclusion.get("refused"):
        parts.append(f"cannot be compared: {_names(refused)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _sizes(findings: Sequence[Finding]) -> str:
    """'viridis +6.0 points, 2.2 to 9.8'; of many, the range of their estimates."""
    figures = [(f.subject, f.figures) for f in findings if f.figures]
    if len(figures) > MANY:
        effects = [f.estimate for _, f in figures]
        return f"{_names(findings)}, {interval(min(effects), max(effects))} points"
    if len(figures) > 1:
        return listing([f"{name} {points(f.estimate)} points ({interval(f.low, f.high)})" for name, f in figures])
    name = "" if findings[0].question == "RQ2" else f"{figures[0][0]} "
    f = figures[0][1]
    return f"{name}{size(f.estimate, f.low, f.high)}"


def _names(findings: Sequence[Finding]) -> str:
    if len(findings) > MANY:
        return count(len(findings), "colormap")
    return listing([f"{f.subject} weights" if f.question == "RQ2" else f.subject for f in findings])


def _notices(study: StudyRecord, lacking: Sequence[CellRecord]) -> tuple[str, ...]:
    """What a reader must know before using the answers: of cells that are `lacking`, and of the data."""
    if not lacking:
        return *study.stopped, *caveats(study)
    named = list(dict.fromkeys(map(not_done, lacking)))
    more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    number = f"{len(lacking)} of {count(len(study.cells), 'cell')} not done"
    return f"Incomplete: {number}. {'; '.join(named[:SHOWN])}{more}.", *study.stopped, *caveats(study)
