"""RQ1 and RQ2 in words and numbers: the study's answer, for the page and for programs (docs/verdict.md)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medxfer.analysis.judge.breakdown import Table, breakdown, exploratory, in_general
from medxfer.analysis.judge.contrasts import CONTROL, PRIMARY, Question, images_name
from medxfer.analysis.judge.controls import read_controls
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.learning_curve import Worth, worth
from medxfer.analysis.judge.phrases import interval, margin_points, metric_name, points
from medxfer.analysis.judge.provenance import caveats, describe
from medxfer.analysis.judge.related import longer_budgets, other_normalisations
from medxfer.analysis.judge.results import StudyRecord, hydra_value
from medxfer.analysis.judge.second_opinion import Opinion, second_opinions
from medxfer.analysis.judge.selection import choices
from medxfer.base.files import write_text
from medxfer.base.words import count, listing, weights_name
from medxfer.study.declared import Rules

SCHEMA = 1
IMAGENET = "ImageNet weights"
ASKS: Mapping[Question, str] = {
    "RQ1": "Does colour improve on gray?",
    "RQ2": "Do ImageNet weights improve on a random start?",
}


@dataclass(frozen=True)
class Answer:
    """One research question: `headline` in a sentence, `text` with its figures, `findings` for programs."""

    question: Question
    asks: str
    headline: str
    text: tuple[str, ...]
    beside: tuple[str, ...]  # the same in the metrics that are always shown
    closing: str  # what to do next, where one sentence serves all findings
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Counts:
    planned: int
    done: int
    failed: int
    missing: int


@dataclass(frozen=True)
class Verdict:
    """What verdict.json holds."""

    study: str
    declared: Mapping[str, Any]
    cells: Counts
    complete: bool
    answers: tuple[Answer, ...]
    scope: str
    notices: tuple[str, ...]
    tables: tuple[Table, ...]
    worth: Worth | None
    opinions: tuple[Opinion, ...]
    readings: Mapping[str, Sequence[str]]
    schema: int = SCHEMA

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def judge(study: StudyRecord) -> Verdict:
    """Answer RQ1 and RQ2 from the study's finished cells; what is unfinished makes an answer incomplete."""
    judge = Judge(study)
    answers = tuple(_answer(question, judge) for question in ("RQ1", "RQ2"))
    primary = [finding for answer in answers for finding in answer.findings]
    tables = [*exploratory(judge), *breakdown(judge)]
    statuses = [cell.status for cell in study.cells]
    return Verdict(
        study=study.name,
        declared=asdict(study.declared),
        cells=Counts(len(statuses), *(statuses.count(status) for status in ("done", "failed", "missing"))),
        complete=not study.unfinished,
        answers=answers,
        scope=_scope(study, primary),
        notices=_notices(study),
        tables=tuple(tables),
        worth=worth(study),
        opinions=tuple(second_opinions(judge, primary)),
        readings=_readings(judge, tables),
    )


def write_verdict(verdict: Verdict, folder: Path) -> Path:
    """Write <study>/verdict.json and return its path."""
    path = folder / "verdict.json"
    write_text(path, verdict.to_json())
    return path


def _answer(question: Question, judge: Judge) -> Answer:
    findings = judge.family(question, PRIMARY)
    if not findings:
        text = _not_asked(question, judge.study.declared.rules)
        return Answer(question, ASKS[question], "Not asked by this study.", text, (), "", ())
    return Answer(
        question,
        ASKS[question],
        headline(findings, judge.study.declared.margin),
        tuple(f.sentence for f in findings),
        tuple(filter(None, map(_beside, findings))),
        ONE_TRAINING if any(f.conclusion == "one training" for f in findings) else "",
        tuple(findings),
    )


def _beside(finding: Finding) -> str:
    if finding.figures is None or not finding.figures.beside:
        return ""
    others = [
        f"{metric_name(b.metric)} {points(b.estimate)} ({interval(b.low, b.high)})" for b in finding.figures.beside
    ]
    return f"{finding.contrast.partition(', ')[0]}: {', '.join(others)} points"


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


ONE_TRAINING = "Other trainings may come out differently; five or more (seed=0,1,2,3,4) would tell by how much."
MANY = 3  # names that a headline still lists
SHOWN = 3  # unfinished cells that the first screen names
_SETTLED = ("equivalent", "significant but negligible", "a gain above the margin is excluded")


def headline(findings: Sequence[Finding], margin: float) -> str:
    """The family's answer in one short sentence."""
    metric = metric_name(findings[0].metric)

    def named(*conclusions: str) -> list[str]:
        return [IMAGENET if f.question == "RQ2" else f.subject for f in findings if f.conclusion in conclusions]

    if named("incomplete"):
        return "Incomplete: not every cell is finished."
    if named("refused"):
        return "These data cannot answer it."
    if named("one training"):
        return "One training of each cannot tell."
    parts = []
    if better := named("improves by at least the margin", "improves"):
        parts.append(f"Yes: {_names(better)} {_verb(better, 'improve')} {metric}")
    if worse := named("harms by at least the margin", "harms"):
        parts.append(f"{'' if better else 'No: '}{_names(worse)} {_verb(worse, 'lower')} {metric}")
    if settled := named(*_SETTLED):
        start = "" if parts else "No gain that matters: "
        parts.append(f"{start}{_names(settled)} {_verb(settled, 'gain')} less than {margin_points(margin)}")
    if unknown := named("cannot tell"):
        parts.append(f"cannot tell for {_names(unknown)}" if parts else "Cannot tell yet")
    return "; ".join(parts) + "."


def _names(subjects: Sequence[str]) -> str:
    return listing(subjects) if len(subjects) <= MANY else count(len(subjects), "colormap")


def _verb(subjects: Sequence[str], verb: str) -> str:
    return verb if len(subjects) > 1 or subjects == [IMAGENET] else f"{verb}s"


def _scope(study: StudyRecord, findings: Sequence[Finding]) -> str:
    """For which data, networks and trainings the answers hold."""
    judged = [finding.figures for finding in findings if finding.figures]
    if not judged:
        return ""
    modality = {cell.factors["data"]: cell.record["data"]["modality"] for cell in study.done}
    data = [f"{name} ({modality[name]})" for name in dict.fromkeys(d for f in judged for d in f.datasets)]
    networks = list(dict.fromkeys(b for f in judged for b in f.backbones))
    trainings = sorted({f.trainings for f in judged})
    start = "These figures are so far of" if any(f.unfinished for f in findings) else "These answers hold for"
    tested = "test image" if _without_patients(study) else "test patient"
    text = (
        f"{start} {listing(data)} with {listing(networks)}, from "
        f"{listing([str(n) for n in trainings], 'or')} {'training' if trainings == [1] else 'trainings'} an arm "
        f"and {count(max(f.patients for f in judged), tested)}."
    )
    if any(cell.record["data"]["resampled"] for cell in study.done):
        return f"{text} Training images were drawn anew with each seed, so they also hold for other draws."
    return f"{text} All trainings saw the same training images, so they hold for this training set."


def _without_patients(study: StudyRecord) -> bool:
    """Whether a data set says that it has no patient ids, so that images are counted as patients."""
    return any(text.startswith("no patient ids") for cell in study.done for text in cell.record["data"]["caveats"])


def _notices(study: StudyRecord) -> tuple[str, ...]:
    """What a reader must know before using the answers."""
    notices = []
    if study.unfinished:
        named = [describe(cell) for cell in study.unfinished]
        more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
        notices.append(
            f"Incomplete: {len(named)} of {count(len(study.cells), 'cell')} not done. {'; '.join(named[:SHOWN])}{more}."
        )
    return (*notices, *caveats(study))


def _readings(judge: Judge, tables: Sequence[Table]) -> dict[str, list[str]]:
    """Sentences that say how to read the answers, by subject; subjects without any are left out."""
    controls = [finding for table in tables for finding in table.findings if finding.family == CONTROL]
    readings = {
        "controls": read_controls(judge.family("RQ1", PRIMARY), controls),
        "normalisation": other_normalisations(judge.study),
        "budget": longer_budgets(judge.study),
        "general": in_general(judge),
        "tuned": [choice.sentence for choice in choices(judge.study)],
    }
    return {subject: texts for subject, texts in readings.items() if texts}
