"""RQ1 and RQ2 in words and numbers: the study's answer, for the page and for programs (docs/verdict.md)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medxfer.analysis.judge.breakdown import ContrastFamily, breakdown, exploratory
from medxfer.analysis.judge.contrasts import PRIMARY, Question, images_name
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.learning_curve import Worth, worth
from medxfer.analysis.judge.phrases import interval, margin_points, metric_name, points
from medxfer.analysis.judge.provenance import caveats, not_done
from medxfer.analysis.judge.readings import readings
from medxfer.analysis.judge.results import StudyRecord, hydra_value
from medxfer.base.words import count, listing, weights_name
from medxfer.study.declared import Rules

SCHEMA = 2
IMAGENET = "ImageNet weights"
ASKS: Mapping[Question, str] = {
    "RQ1": "Does colour improve on gray?",
    "RQ2": "Do ImageNet weights improve on a random start?",
}
ONE_TRAINING = "Other trainings may come out differently; five or more (seed=0,1,2,3,4) would tell by how much."
MANY = 3  # names that a headline still lists
SHOWN = 3  # unfinished cells that the first screen names
_SETTLED = ("equivalent", "significant but negligible", "a gain above the margin is excluded")


@dataclass(frozen=True)
class Answer:
    """One research question: `headline` in a sentence, `text` with its figures, `findings` for programs."""

    question: Question
    asks: str
    headline: str
    text: tuple[str, ...]
    beside: tuple[str, ...] = ()  # the same in the metrics that are always shown
    closing: str = ""  # what to do next, where one sentence serves all findings
    findings: tuple[Finding, ...] = ()


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
    """Answer RQ1 and RQ2 from the study's finished cells; what is unfinished makes an answer incomplete."""
    judge = Judge(study)
    answers = tuple(_answer(question, judge) for question in ASKS)
    primary = [finding for answer in answers for finding in answer.findings]
    tables = (*exploratory(judge), *breakdown(judge))
    statuses = [cell.status for cell in study.cells]
    return Verdict(
        study=study.name,
        declared=asdict(study.declared),
        cells={"planned": len(statuses)} | {name: statuses.count(name) for name in ("done", "failed", "missing")},
        complete=not study.unfinished,
        answers=answers,
        scope=_scope(study, primary),
        notices=_notices(study),
        tables=tables,
        worth=worth(study),
        readings=readings(judge, primary, [finding for family in tables for finding in family.findings]),
    )


def _answer(question: Question, judge: Judge) -> Answer:
    declared, findings = judge.study.declared, judge.family(question, PRIMARY)
    if not findings:
        return Answer(question, ASKS[question], "Not asked by this study.", _not_asked(question, declared.rules))
    return Answer(
        question,
        ASKS[question],
        headline(findings, declared.margin),
        tuple(finding.sentence for finding in findings),
        tuple(filter(None, map(_beside, findings))),
        ONE_TRAINING if any(finding.conclusion == "one training" for finding in findings) else "",
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
    data = [f"{name} ({study.modality[name]})" for name in dict.fromkeys(d for f in judged for d in f.datasets)]
    networks = list(dict.fromkeys(b for f in judged for b in f.backbones))
    trainings = sorted({f.trainings for f in judged})
    start = "These figures are so far of" if any(f.unfinished for f in findings) else "These answers hold for"
    without_ids = any(
        text.startswith("no patient ids") for cell in study.done for text in cell.record["data"]["caveats"]
    )
    text = (
        f"{start} {listing(data)} with {listing(networks)}, from "
        f"{listing([str(n) for n in trainings], 'or')} {'training' if trainings == [1] else 'trainings'} an arm "
        f"and {count(max(f.patients for f in judged), 'test image' if without_ids else 'test patient')}."
    )
    if any(cell.record["data"]["resampled"] for cell in study.done):
        return f"{text} Training images were drawn anew with each seed, so they also hold for other draws."
    return f"{text} All trainings saw the same training images, so they hold for this training set."


def _notices(study: StudyRecord) -> tuple[str, ...]:
    """What a reader must know before using the answers."""
    if not study.unfinished:
        return caveats(study)
    named = [not_done(cell) for cell in study.unfinished]
    more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    lacking = f"{len(named)} of {count(len(study.cells), 'cell')} not done"
    return f"Incomplete: {lacking}. {'; '.join(named[:SHOWN])}{more}.", *caveats(study)
