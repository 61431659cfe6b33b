"""One research question: what it asks, its answer in words, and the findings that give it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medxfer.analysis.judge.conclusion import weights_in_words
from medxfer.analysis.judge.contrasts import PRIMARY, Contrast, Question, images_name
from medxfer.analysis.judge.findings import Finding, Judge, not_looked
from medxfer.analysis.judge.headline import headline
from medxfer.analysis.judge.level import level_note
from medxfer.analysis.judge.outlook_words import outlook
from medxfer.analysis.judge.phrases import interval, metric_name, percent, points
from medxfer.analysis.judge.results import StudyRecord
from medxfer.base.words import NO_START, count, hydra_value, level_name, listing, weights_name
from medxfer.study.comparison import Comparison
from medxfer.study.declared import Declared, Rules

ONE_TRAINING = "Other trainings may come out differently; five or more (seed=0,1,2,3,4) would tell by how much."


@dataclass(frozen=True)
class Answer:
    """One research question: `headline` in a sentence, `text` with its figures, `findings` for programs."""

    question: Question  # RQ1, RQ2, or the name of a comparison of study.contrasts
    asks: str
    headline: str
    text: tuple[str, ...]
    beside: tuple[str, ...] = ()  # the same in the metrics that are always shown
    closing: str = ""  # what is open and what to do next, where it is said once for all findings
    notes: tuple[str, ...] = ()  # where interval and test of a finding disagree
    findings: tuple[Finding, ...] = ()
    elsewhere: tuple[str, ...] = ()  # the headline on each external set


def answer_question(question: Question, judge: Judge) -> Answer:
    declared, findings = judge.study.declared, judge.family(question, PRIMARY)
    early = _first_look(findings, declared.looks)
    compared = next((one for one in declared.comparisons if one.name == question), None)
    asks = _asks(question, judge.study) if compared is None else _asks_about(compared, declared)
    if not findings:
        takes, grid = _not_asked(question, declared.rules) if compared is None else _not_compared(compared)
        run = f"Run the study's command again {grid} seed=0,1,2,3,4; cells that are finished are kept."
        return Answer(question, asks, "Not asked by this study.", (takes, run))
    ahead = [f.figures for f in findings if f.figures and f.outlook]
    together = len(ahead) > 1  # then said once, for all of them
    single = any(finding.conclusion == "one training" for finding in findings) and not judge.blind
    return Answer(
        question,
        asks,
        early or headline(findings, declared.margin, {f.subject: _lacking(f, judge) for f in findings}, judge.blind),
        () if early else tuple(f.sentence if together else f"{f.sentence} {f.outlook}".strip() for f in findings),
        tuple(filter(None, map(_beside, findings))),
        " ".join(filter(None, [outlook(ahead, judge.study) if together else "", ONE_TRAINING if single else ""])),
        (*_together(findings), *filter(None, [level_note([f.simulated for f in findings])])),
        tuple(findings),
    )


def _together(findings: Sequence[Finding]) -> list[str]:
    """The notes of findings; what is said of several contrasts in the same words is said once."""
    subjects: dict[str, list[str]] = {}
    for finding in findings:
        for note in finding.notes:
            start = f"{finding.contrast}: "
            own = note.startswith(start)
            subjects.setdefault(note.removeprefix(start) if own else note, []).extend([finding.contrast] if own else [])
    return [f"{listing(of)}: {note}" if of else note for note, of in subjects.items()]


def _first_look(findings: Sequence[Finding], looks: Sequence[int]) -> str:
    """The headline of a question that no look has reached; else empty."""
    if any(finding.conclusion != "before the first look" for finding in findings):
        return ""
    return not_looked(looks).capitalize() if findings else ""


def _asks(question: Question, study: StudyRecord) -> str:
    metric, rules = metric_name(study.declared.metric), study.declared.rules
    if question == "RQ1":
        return f"Does colour improve {metric} over gray?"
    treated, reference = (
        weights_in_words(start, study.trained_on) if isinstance(start, bool) else f"the weights {start}"
        for start in (rules.treated, rules.reference)
    )
    return f"Do {treated} improve {metric} over {'a random start' if rules.reference is False else reference}?"


def _asks_about(compared: Comparison, declared: Declared) -> str:
    factor, metric = compared.factor, metric_name(declared.metric)
    reference = level_name(factor, compared.reference, bare=True)
    other = "Do other weights" if factor == "pretrained" else f"Does another {factor.replace('_', ' ')}"
    where = f" ({compared.where})" if compared.where else ""
    return f"{other} than {reference} improve {metric}{where}?"


def _lacking(finding: Finding, judge: Judge) -> str:
    """What keeps a contrast from being answered: 'inferno: 1 of 5 trainings failed'; empty where all is done."""
    names = set(finding.unfinished)
    contrast = judge.contrast_of(finding)
    cells = [cell for block in judge.blocks_of(contrast).values() for cell in block]
    said = []
    for arm in dict.fromkeys(contrast.key(cell) for cell in cells if cell.name in names):
        of_arm = [cell for cell in cells if contrast.key(cell) == arm]
        states = [cell.status for cell in of_arm if cell.name in names]
        counts = [f"{states.count(state)} {state}" for state in ("failed", "missing") if state in states]
        name = _arm_of(arm, contrast)
        if len(counts) == 1:
            number, state = counts[0].split()
            said.append(f"{name}: {number} of {count(len(of_arm), 'training')} {state}")
        else:
            said.append(f"{name}: {listing(counts)} of {count(len(of_arm), 'training')}")
    return "; ".join(said)


def _arm_of(arm: Any, contrast: Contrast) -> str:
    """What an arm, or a level, is called in its own question."""
    if contrast.compared is not None:
        return level_name(contrast.compared.factor, arm)
    if contrast.question == "RQ2":
        return f"{weights_name(arm[1])} weights"
    return "gray" if arm[0] == "none" and arm[1] != NO_START else str(arm[0])


def _beside(finding: Finding) -> str:
    if finding.figures is None or not finding.figures.beside:
        return ""
    others = [
        f"{metric_name(b.metric)} {points(b.estimate)} ({interval(b.low, b.high)})" for b in finding.figures.beside
    ]
    kind = f"{percent(finding.figures.beside[0].level)} intervals, not adjusted"
    return f"{finding.contrast.partition(', ')[0]}, in points: {', '.join(others)}; {kind}"


def _not_asked(question: Question, rules: Rules) -> tuple[str, str]:
    """What a grid must have for the question, and the options that give it."""
    if question == "RQ1":
        start = weights_name(rules.weights)
        takes = f"It takes gray images (colormap none) and at least one colormap, both with {start} weights."
        grid = f"with, for example, colormap=none,viridis,inferno pretrained={hydra_value(rules.weights)}"
    else:
        starts = (rules.treated, rules.reference)
        takes = f"It takes {' and '.join(map(weights_name, starts))} weights, both on {images_name(rules.colormap)}."
        grid = f"with colormap={rules.colormap} pretrained={','.join(str(hydra_value(start)) for start in starts)}"
    return takes, grid


def _not_compared(compared: Comparison) -> tuple[str, str]:
    """The same for a comparison of study.contrasts."""
    factor, reference = compared.factor, compared.reference
    where = f" ({compared.where})" if compared.where else ""
    takes = f"It takes {level_name(factor, reference)} and at least one other {factor.replace('_', ' ')}{where}."
    held = "".join(f" {key}={hydra_value(level)}" for key, level in compared.within.items())
    return takes, f"with {factor}={hydra_value(reference)},…{held}"
