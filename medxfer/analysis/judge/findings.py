"""Contrasts → findings: each with estimate, interval, adjusted p and a conclusion in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from medxfer.analysis.judge.conclusion import Conclusion, conclude, disagreement, sentence, statement
from medxfer.analysis.judge.contrasts import PRIMARY, Contrast, Question, declare
from medxfer.analysis.judge.evidence import (
    FEWEST_PATIENTS,
    FEWEST_SEEDS,
    Beside,
    Evidence,
    Figures,
    clip,
    weigh,
)
from medxfer.analysis.judge.level import Simulated, simulated
from medxfer.analysis.judge.phrases import ALWAYS_SHOWN, points
from medxfer.analysis.judge.results import Block, CellRecord, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.analysis.stats.decisions import equivalence_p, holm
from medxfer.analysis.stats.effects import Effect, Family
from medxfer.analysis.stats.forecasts import outlook
from medxfer.analysis.stats.variance import Floats
from medxfer.base.errors import MedxferError
from medxfer.base.words import count, listing

Blocks = Mapping[Block, Sequence[CellRecord]]


@dataclass(frozen=True)
class Finding:
    """One contrast's answer; `figures` is None where it was refused or no training has every arm."""

    question: Question
    family: str
    contrast: str
    subject: str
    metric: str
    conclusion: Conclusion
    sentence: str
    figures: Figures | None = None
    unfinished: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    simulated: Simulated | None = None  # of primary contrasts: how often such families erred in simulations


@dataclass(frozen=True)
class Judge:
    """Weighs the contrasts of one study, at its largest training fraction and with tuned settings picked."""

    study: StudyRecord

    @cached_property
    def blocks(self) -> Blocks:
        return select(self.study)

    @cached_property
    def contrasts(self) -> list[Contrast]:
        arms = [cell.arm for cells in self.blocks.values() for cell in cells]
        return declare(arms, self.study.declared.rules)

    def family(self, question: Question, family: str) -> list[Finding]:
        """The findings of one predeclared family, over all blocks."""
        contrasts = [c for c in self.contrasts if (c.question, c.family) == (question, family)]
        return self.findings([(contrast, self.blocks) for contrast in contrasts])

    def findings(self, asked: Sequence[tuple[Contrast, Blocks]]) -> list[Finding]:
        """One finding for each (contrast, blocks), adjusted together: Dunnett's step-down p, simultaneous intervals.

        Those that could not be weighed count in the adjustment too, so that a failed cell makes no p smaller.
        """
        if not asked:
            return []
        declared = self.study.declared
        alpha = 1 - declared.level
        weighed = [self._weigh(contrast, blocks) for contrast, blocks in asked]
        known = [item.effect if isinstance(item, Evidence) else None for item in weighed]
        family = Family(known, _matrix([contrast for contrast, _ in asked]))
        p = family.adjusted_p()
        equivalent = holm([equivalence_p(effect, declared.margin) if effect else 1.0 for effect in known])
        level = 1 - family.alone(alpha)
        found = []
        for i, ((contrast, blocks), item) in enumerate(zip(asked, weighed, strict=True)):
            if isinstance(item, Evidence):
                half = item.effect.half_width(alpha, family.largest)
                low, high, clipped = clip(item.effect.estimate, half, contrast.weights, declared.metric)
                figures = replace(
                    item.figures, low=low, high=high, clipped=clipped, level=level, contrasts=len(asked),
                    p_adjusted=p[i], p_equivalent=equivalent[i], beside=self._beside(contrast, blocks),
                    expected=outlook(item.effect, alpha, family.largest),
                )  # fmt: skip
                found.append(self._finding(contrast, blocks, figures))
            else:
                found.append(self._finding(contrast, blocks, item))
        return found

    def effect(self, contrast: Contrast, blocks: Blocks | None = None) -> Effect | None:
        """The contrast, as far as trainings are finished; None where it cannot be weighed."""
        item = self._weigh(contrast, self.blocks if blocks is None else blocks)
        return item.effect if isinstance(item, Evidence) else None

    def _weigh(self, contrast: Contrast, blocks: Blocks, **changed: Any) -> Evidence | MedxferError | None:
        """The contrast by what the study declares, except for what is `changed`."""
        try:
            return weigh(blocks.values(), contrast.weights, replace(self.study.declared, **changed))
        except MedxferError as refusal:
            return refusal

    def _finding(self, contrast: Contrast, blocks: Blocks, known: Figures | MedxferError | None) -> Finding:
        declared = self.study.declared
        cells = [cell for block in blocks.values() for cell in block if cell.status != "done"]
        unfinished = tuple(cell.name for cell in cells if cell.arm in contrast.weights)
        finding = Finding(
            contrast.question,
            contrast.family,
            contrast.name,
            contrast.subject,
            declared.metric,
            "incomplete",
            f"{contrast.name}: no training is finished in every arm of it.",
            unfinished=unfinished,
        )
        if known is None:
            return finding
        if isinstance(known, MedxferError):
            return replace(finding, conclusion="refused", sentence=f"{contrast.name}: not answered, because {known}.")
        said = statement(contrast, declared, known)
        notes = tuple(_notes(contrast, blocks, known))
        finding = replace(finding, figures=known, notes=notes)
        if unfinished:
            lacking = f"{count(len(unfinished), 'cell')} of this comparison failed or "
            lacking += f"{'is' if len(unfinished) == 1 else 'are'} missing."
            return replace(finding, sentence=sentence(said, "incomplete", lacking))
        if known.trainings < FEWEST_SEEDS:
            return replace(finding, conclusion="one training", sentence=sentence(said, "one training"))
        if known.fewest_patients < FEWEST_PATIENTS:
            return replace(finding, conclusion="too few patients", sentence=sentence(said, "too few patients"))
        conclusion = conclude(said)
        more = [*(outlook_sentence(known) if conclusion == "cannot tell" else ()), *_elsewhere(contrast, blocks, known)]
        return replace(
            finding,
            conclusion=conclusion,
            sentence=sentence(said, conclusion, " ".join(more)),
            notes=tuple(filter(None, [disagreement(said), *notes])),
            simulated=simulated(contrast.question, known, declared.level) if contrast.family == PRIMARY else None,
        )

    def _beside(self, contrast: Contrast, blocks: Blocks) -> tuple[Beside, ...]:
        found = []
        for metric in ALWAYS_SHOWN:
            if metric != self.study.declared.metric:
                item = self._weigh(contrast, blocks, metric=metric)
                if isinstance(item, Evidence):  # else undefined on this test set; the declared metric says why
                    f = item.figures
                    found.append(Beside(metric, f.estimate, f.low, f.high, f.p, f.level))
        return tuple(found)


def _matrix(contrasts: Sequence[Contrast]) -> Floats:
    """(contrasts, arms): their weights."""
    arms = list(dict.fromkeys(arm for contrast in contrasts for arm in contrast.weights))
    return np.array([[contrast.weights.get(arm, 0.0) for arm in arms] for contrast in contrasts])


def outlook_sentence(figures: Figures) -> list[str]:
    """Where the uncertainty comes from, and what other numbers of seeds or patients would do to it."""
    if figures.from_trainings is None or not figures.expected:
        return []
    share = round(100 * figures.from_trainings)
    ways = [
        f"±{points(e.half_width, signed=False)} with "
        + (f"{e.seeds} seeds" if e.seeds > figures.trainings else f"{e.patients:g} times the test patients")
        for e in figures.expected
    ]
    now = points((figures.high - figures.low) / 2, signed=False)
    return [f"Of the variance, {share} % is from seeds and {100 - share} % from patients.",
            f"The interval is ±{now} points; expect {listing(ways)}."]  # fmt: skip


def _elsewhere(contrast: Contrast, blocks: Blocks, figures: Figures) -> list[str]:
    """Says where the contrast holds if the arms are not planned on all data sets."""
    asked = list(dict.fromkeys(str(cells[0].factors["data"]) for cells in blocks.values()))
    lacking = [data for data in asked if data not in figures.datasets]
    if not lacking:
        return []
    return [f"This is of {listing(figures.datasets)} alone: {listing(lacking)} does not have these arms."]


def _notes(contrast: Contrast, blocks: Blocks, figures: Figures) -> list[str]:
    """What the figures leave out or cut off."""
    notes = []
    if figures.unused:
        notes.append(
            f"{contrast.name}: {count(figures.unused, 'finished training')} without a partner of the same seed "
            f"{'is' if figures.unused == 1 else 'are'} not used."
        )
    if figures.clipped:
        notes.append(f"{contrast.name}: the interval is cut off at the largest difference that the metric allows.")
    if figures.fewest_patients < FEWEST_PATIENTS:
        notes.append(
            f"{contrast.name}: {count(figures.fewest_patients, 'test patient')} with {figures.rarest}; it takes "
            f"{FEWEST_PATIENTS} of each class to judge."
        )
    return notes
