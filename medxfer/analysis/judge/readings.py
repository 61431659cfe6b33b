"""Sentences that say how to read the answers: controls, other studies beside this one, data sets in general, tuning."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medxfer.analysis.judge.breakdown import split
from medxfer.analysis.judge.conclusion import IMPROVES, PROVISIONAL, SETTLED
from medxfer.analysis.judge.contrasts import CONTROL, PRIMARY, Contrast, Question, controlled
from medxfer.analysis.judge.figures import clip
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.phrases import interval, p_value, points
from medxfer.analysis.judge.results import Block, CellRecord, StudyRecord
from medxfer.analysis.judge.selection import choices
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.stats.critical import ONE, half_width, largest
from medxfer.analysis.stats.critical import p_value as p_value_of
from medxfer.analysis.stats.variance import Term, own_terms, trainings_terms
from medxfer.base.errors import MedxferError

TITLES = {
    "general": "Beyond these data sets",
    "controls": "What the controls say",
    "normalisation": "Colour or a shifted mean?",
    "budget": "Fixed budget and to convergence",
    "tuned": "Tuned on validation",
}
ENOUGH_DATA_SETS = 6  # the fewest with which a test over data sets can reject at 5 % by ranks (Demšar 2006)
BUDGET, NORMALIZE = "trainer.max_epochs", "normalize"
_OPEN = (*PROVISIONAL, "refused")


def readings(judge: Judge, primary: Sequence[Finding], exploratory: Sequence[Finding]) -> dict[str, list[str]]:
    """Sentences by subject, a key of TITLES; subjects without any are left out."""
    found = {
        "general": in_general(judge, primary),
        "controls": read_controls(
            [finding for finding in primary if finding.question == "RQ1"],
            [finding for finding in exploratory if finding.family == CONTROL],
        ),
        "normalisation": other_normalisations(judge.study),
        "budget": longer_budgets(judge.study),
        "tuned": [choice.sentence for choice in choices(judge.study)],
    }
    return {subject: texts for subject, texts in found.items() if texts}


def in_general(judge: Judge, primary: Sequence[Finding]) -> list[str]:
    """Whether the primary contrasts may be said of data sets in general, a question's contrasts together.

    Data sets take the place of seeds: what an effect varies by over them holds patients, trainings and true
    differences. Critical values are Dunnett's. Nothing is said in general that the primary finding does not say too.
    Only with six or more data sets; with fewer the answers hold for those named.
    """
    level, said = judge.study.declared.level, []
    blocks = {block: cells for block, cells in judge.blocks.items() if block[0] not in judge.study.repeated}
    parts = split(blocks, lambda block: str(block[0]))
    if len(parts) < ENOUGH_DATA_SETS:
        return []
    answered = {(finding.question, finding.contrast): finding for finding in primary}
    arms_alone = {c.question for c in judge.contrasts if c.compared is None}
    for question in dict.fromkeys(finding.question for finding in primary if finding.question in arms_alone):
        contrasts = [c for c in judge.contrasts if (c.question, c.family) == (question, PRIMARY)]
        general = over_data_sets(judge, contrasts, list(parts.values()))
        for contrast, figures in zip(contrasts, general, strict=True):
            finding = answered.get((question, contrast.name))
            if figures is None or finding is None or finding.figures is None or finding.unfinished:
                continue
            agrees = finding.figures.p_adjusted < 1 - level and finding.figures.estimate * figures.estimate > 0
            may = figures.p < 1 - level and agrees
            kind = "simultaneous interval " if len(contrasts) > 1 else ""
            why = "" if agrees or figures.p >= 1 - level else ", because the answer above does not say it"
            said.append(
                f"{contrast.name}: over {len(parts)} data sets as a sample of such data sets, the effect is "
                f"{points(figures.estimate)} points ({kind}{interval(figures.low, figures.high)}, "
                f"{p_value(figures.p, 'adjusted p' if kind else 'p')}): "
                f"it {'may' if may else 'cannot'} be said in general{why}."
            )
    return said


@dataclass(frozen=True)
class General:
    """A contrast's mean over data sets; low, high and p are simultaneous over a question's contrasts."""

    estimate: float
    low: float
    high: float
    p: float


def over_data_sets(
    judge: Judge, contrasts: Sequence[Contrast], parts: Sequence[Mapping[Block, Sequence[CellRecord]]]
) -> list[General | None]:
    """By how effects differ between data sets; None where a data set does not give the contrast."""
    effects = [[judge.effect(contrast, blocks) for blocks in parts] for contrast in contrasts]
    whole = [[e.estimate for e in row if e is not None] for row in effects]
    usable = [k for k, row in enumerate(whole) if len(row) == len(parts)]
    out: list[General | None] = [None] * len(contrasts)
    if not usable:
        return out
    values = np.array([whole[k] for k in usable])
    gained = np.vstack([np.zeros(len(parts)), values])  # the effects against what they are compared with
    ones = np.hstack([-np.ones((len(usable), 1)), np.eye(len(usable))])
    if len(usable) > 1:
        term = trainings_terms(gained, ones, np.zeros(len(gained), np.int64), level=1.0)
    else:
        term = own_terms(gained, ones)
    family = largest((np.eye(len(contrasts)) + 1) / 2) if len(contrasts) > 1 else ONE
    alpha = 1 - judge.study.declared.level
    for i, k in enumerate(usable):
        terms, estimate = [Term(term.variance[i], term.df[i])], float(values[i].mean())
        half, _ = half_width(terms, family, alpha)
        low, high, _ = clip(estimate, half, contrasts[k].weights, judge.study.declared.metric)
        out[k] = General(estimate, low, high, p_value_of(terms, family, estimate))
    return out


def read_controls(primary: Sequence[Finding], controls: Sequence[Finding]) -> list[str]:
    """What each control says about why a colormap helps: its order, its lightness, or any change of colour at all.

    Args:
        primary: the findings of RQ1's primary family (colormap − none).
        controls: the findings of the family of controls: control − none and colormap − its control.
    """
    gains = {finding.subject: finding for finding in primary}
    by_name = {finding.contrast.partition(", ")[0]: finding for finding in controls}  # all within the same weights
    said = []
    for name, finding in by_name.items():
        control = finding.subject
        if name != f"{control} − none":
            continue
        base = controlled(control)
        if base is None:
            said.append(_alone(finding))
        elif base not in gains:
            said.append(f"{control}: {base} itself is not in the study, so that the control has nothing to explain.")
        else:
            said.append(_against(gains[base], finding, by_name[f"{base} − {control}"]))
    return said


def _alone(finding: Finding) -> str:
    what = "One gray channel" if finding.subject == "single" else f"Colours without meaning ({finding.subject})"
    if finding.conclusion in _OPEN:
        return f"{what}: nothing can be said yet."
    if finding.conclusion in IMPROVES:
        return f"{what} improves on gray as well: a gain of a colormap need not come from its colours."
    return f"{what} is not shown to improve on gray."


def _against(gain: Finding, control: Finding, difference: Finding) -> str:
    """`gain`: colormap − none; `control`: control − none; `difference`: colormap − control."""
    base, name = gain.subject, control.subject
    why = "the order of colours" if name.startswith("shuffled:") else "hue"
    if {gain.conclusion, difference.conclusion} & set(_OPEN):
        return f"{name}: nothing can be said yet of why {base} helps or does not."
    if gain.conclusion not in IMPROVES:
        return f"{name}: {base} is not shown to improve on gray, so that there is no gain to explain."
    if difference.conclusion in IMPROVES:
        return f"{base} improves on {name} too: {why} is part of why it helps."
    if difference.conclusion in SETTLED:
        return f"{name} helps as much as {base}: {why} is not why it helps."
    if control.conclusion in IMPROVES:
        return f"{name} improves on gray as {base} does, and the two cannot be told apart: {why} need not be why."
    return f"{name}: whether {why} is why {base} helps cannot be told yet."


def longer_budgets(study: StudyRecord) -> list[str]:
    """RQ2 under the declared budget, and under others where they were run: pretraining may only be faster.

    He, Girshick and Dollár 2019 (arXiv 1811.08883): trained long enough, random weights may catch up.
    """
    epochs = flat(study.settings).get(BUDGET)  # of studies that declare several, none is shared: see budgets.py
    asked = {(contrast.question, contrast.family) for contrast in Judge(study).contrasts}
    if epochs is None or ("RQ2", PRIMARY) not in asked:
        return []
    others = list(_beside(study, BUDGET, "RQ2"))
    if study.declared.rules.reference is not False:
        return others
    if others:
        return [f"This study trains for {epochs} epochs.", *others]
    return [
        f"RQ2 is answered for {epochs} epochs. Random weights may catch up when trained longer; that was not run "
        f"(the study's command with {BUDGET}={4 * epochs} would)."
    ]


def other_normalisations(study: StudyRecord) -> list[str]:
    """RQ1 with each arm standardised by its own statistics, which tells colour from a shifted mean."""
    texts = list(_beside(study, NORMALIZE, "RQ1"))
    if texts:
        texts.append(
            "With normalize=arm a gain cannot come from shifted channel means. Compare the sizes and intervals of the "
            "two studies: that one gain is significant and the other is not does not show that they differ."
        )
    return texts


def _beside(study: StudyRecord, key: str, question: Question) -> Iterator[str]:
    """A question's findings in the studies beside this one that differ from it in the setting `key` alone."""
    for path in sorted(study.folder.resolve().parent.glob("*/study.json")):
        if path.parent == study.folder.resolve():
            continue
        try:
            other = read_study(path.parent)
        except MedxferError:
            continue  # not a study that can be read; it says so when it is reported itself
        if other.declared == study.declared and difference(study.settings, other.settings) == [key]:
            value = flat(other.settings).get(key)
            for finding in Judge(other).family(question, PRIMARY):
                yield f"With {key}={value} (study {other.name}): {finding.sentence}"


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The dotted keys in which two configurations differ."""
    a, b = flat(one), flat(other)
    return [key for key in {**a, **b} if a.get(key) != b.get(key)]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration with dotted keys: {'trainer': {'max_epochs': 8}} → {'trainer.max_epochs': 8}."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{prefix}{key}.")
        else:
            values[f"{prefix}{key}"] = value
    return values
