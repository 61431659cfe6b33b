"""Contrasts → findings: each with estimate, interval, adjusted p and a conclusion in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from medxfer.analysis.judge.conclusion import Conclusion, conclude, disagreement, sentence, statement
from medxfer.analysis.judge.contrasts import PRIMARY, Contrast, Question, declare, declare_arms, declare_levels
from medxfer.analysis.judge.evidence import Evidence, weigh
from medxfer.analysis.judge.figures import Beside, Figures, clip, largest_difference
from medxfer.analysis.judge.layer import Measure, measured
from medxfer.analysis.judge.level import Simulated, simulated
from medxfer.analysis.judge.outlook_words import outlook
from medxfer.analysis.judge.phrases import ALWAYS_SHOWN
from medxfer.analysis.judge.reached import Blocks, reached, within_look
from medxfer.analysis.judge.results import Block, CellRecord, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.stages import at_look
from medxfer.analysis.stats import forecasts
from medxfer.analysis.stats.decisions import equivalence_p, holm
from medxfer.analysis.stats.effects import Effect, Family
from medxfer.analysis.stats.mrmc import NoVariation
from medxfer.analysis.stats.variance import Floats
from medxfer.base.errors import MedxferError
from medxfer.base.words import FEWEST_PATIENTS, FEWEST_SEEDS, count, listing
from medxfer.study.comparison import Comparison

ALIKE = ("colormap", "window", "image_size")  # factors whose levels train the same network from the same weights


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
    outlook: str = ""  # of what cannot be told yet: where the uncertainty comes from, what would narrow the interval


@dataclass(frozen=True)
class Judge:
    """Weighs the contrasts of one study, at its largest training fraction and with tuned settings picked."""

    study: StudyRecord
    blind: bool = False  # no arm beats chance, so that there is nothing to compare
    measure: Measure = measured  # on which images the cells are compared

    @cached_property
    def blocks(self) -> Blocks:
        return select(self.study)

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """Those of RQ1 and RQ2, then those of study.contrasts."""
        declared, cells = self.study.declared, [cell for of_block in self.blocks.values() for cell in of_block]
        if declared.arms:
            return declare_arms(declared.comparisons[0], [cell.factors for cell in cells])
        contrasts = declare([cell.arm for cell in cells], declared.rules)
        for comparison in declared.comparisons:
            asked = [cell.factors for cell in self.cells_for(comparison)]
            contrasts += declare_levels(comparison, asked)
        return contrasts

    def contrast_of(self, finding: Finding) -> Contrast:
        (found,) = (c for c in self.contrasts if (c.question, c.name) == (finding.question, finding.contrast))
        return found

    def cells_for(self, comparison: Comparison) -> list[CellRecord]:
        """The cells that a comparison takes: of all training fractions if it compares these, else of the largest."""
        parts = [self.blocks]
        if "train_fraction" in (comparison.factor, *comparison.within):
            fractions = sorted({cell.factors["train_fraction"] for cell in self.study.cells})
            parts = [select(self.study, fraction) for fraction in fractions]
        cells = [cell for blocks in parts for of_block in blocks.values() for cell in of_block]
        return [cell for cell in cells if comparison.takes(cell.factors)]

    def blocks_of(self, contrast: Contrast) -> Blocks:
        """What repeats the contrast: blocks; of levels of a factor, every combination of the other factors.

        Of data sets that are the same files, the first that has the contrast's arms.
        """
        if (compared := contrast.compared) is None:
            return self._each_patient_once(contrast, self.blocks)
        keys = [key for key in self.study.keys if key not in ("seed", compared.factor, *self.study.declared.tuned)]
        blocks: dict[Block, list[CellRecord]] = {}
        for cell in self.cells_for(compared):
            blocks.setdefault(tuple(cell.factors.get(key) for key in keys), []).append(cell)
        return self._each_patient_once(contrast, blocks)

    def _each_patient_once(self, contrast: Contrast, blocks: Blocks) -> Blocks:
        """Without blocks of data sets whose patients another one has: names of the same files."""
        apart: set[str] = set()
        for names in self.study.same_files:
            usable = [
                str(cells[0].factors["data"])
                for cells in blocks.values()
                if set(contrast.weights) <= {contrast.key(cell) for cell in cells}
            ]
            first = next((name for name in names if name in usable), names[0])
            apart.update(name for name in names if name != first)
        return {block: cells for block, cells in blocks.items() if cells[0].factors["data"] not in apart}

    def family(self, question: Question, family: str) -> list[Finding]:
        """The findings of one predeclared family, over all blocks; of the primary ones at the declared looks."""
        contrasts = [c for c in self.contrasts if (c.question, c.family) == (question, family)]
        looks = self.study.declared.looks if family == PRIMARY else ()
        if not looks:
            return self.findings([(contrast, self.blocks_of(contrast)) for contrast in contrasts])
        planned = [(contrast, self.blocks_of(contrast)) for contrast in contrasts]
        at = [(c, within_look(blocks, c, reached(blocks, c, looks))) for c, blocks in planned]
        return self.findings(at, looks=True)

    def findings(self, asked: Sequence[tuple[Contrast, Blocks]], looks: bool = False) -> list[Finding]:
        """One finding for each (contrast, blocks), adjusted together: Dunnett's step-down p, simultaneous intervals.

        Those that could not be weighed count in the adjustment too, so that a failed cell makes no p smaller. With
        `looks`, the blocks are those of a declared look, whose levels take the place of the declared one.
        """
        if not asked:
            return []
        declared = self.study.declared
        alpha = 1 - declared.level
        asked = [(contrast, self._each_patient_once(contrast, blocks)) for contrast, blocks in asked]
        weighed = [self._weigh(contrast, blocks) for contrast, blocks in asked]
        known = [item.effect if isinstance(item, Evidence) else None for item in weighed]
        family = Family(known, _matrix(asked))
        p = family.adjusted_p()
        equivalent = holm([equivalence_p(effect, declared.margin) if effect else 1.0 for effect in known])
        level = 1 - family.alone(alpha)
        found = []
        for i, ((contrast, blocks), item) in enumerate(zip(asked, weighed, strict=True)):
            if isinstance(item, Evidence):
                half = item.effect.half_width(alpha, family.largest)
                low, high, clipped = clip(item.effect.estimate, half, contrast.weights, declared.metric)
                widest = min(half, largest_difference(contrast.weights, declared.metric))
                ahead = () if self.blind else forecasts.outlook(item.effect, alpha, family.largest)
                figures = replace(
                    item.figures, low=low, high=high, clipped=clipped, level=level, contrasts=len(asked),
                    p_adjusted=p[i], p_equivalent=equivalent[i], beside=self._beside(contrast, blocks),
                    expected=tuple(e for e in ahead if e.half_width < widest),
                )  # fmt: skip
                if looks:
                    figures = at_look(self.study, contrast, item.effect, family.largest, figures)
                found.append(self._finding(contrast, blocks, figures))
            else:
                found.append(self._finding(contrast, blocks, item))
        return found

    def effect(self, contrast: Contrast, blocks: Blocks | None = None) -> Effect | None:
        """The contrast, as far as trainings are finished; None where it cannot be weighed."""
        item = self._weigh(contrast, self.blocks_of(contrast) if blocks is None else blocks)
        return item.effect if isinstance(item, Evidence) else None

    def _weigh(self, contrast: Contrast, blocks: Blocks, **changed: Any) -> Evidence | MedxferError | None:
        """The contrast by what the study declares, except for what is `changed`."""
        try:
            declared, compared = replace(self.study.declared, **changed), contrast.compared
            if compared is None:
                return weigh(blocks.values(), contrast.weights, declared, measure=self.measure)
            alike = compared.factor in ALIKE
            return weigh(blocks.values(), contrast.weights, declared, contrast.key, alike, self.measure)
        except MedxferError as refusal:
            return refusal

    def _finding(self, contrast: Contrast, blocks: Blocks, known: Figures | MedxferError | None) -> Finding:
        declared = self.study.declared
        cells = [cell for block in blocks.values() for cell in block if cell.status in ("failed", "missing")]
        unfinished = tuple(cell.name for cell in cells if contrast.key(cell) in contrast.weights)
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
        if known is None and declared.looks and (contrast.family == PRIMARY or not self.study.done):
            said = f"{contrast.name}: {not_looked(declared.looks)}"
            return replace(finding, conclusion="before the first look", sentence=said)
        if known is None:
            return finding
        if isinstance(known, NoVariation) and unfinished:
            return replace(finding, sentence=f"{contrast.name}: so far {known}.")
        if isinstance(known, MedxferError):
            return replace(finding, conclusion="refused", sentence=f"{contrast.name}: not answered, because {known}.")
        stated = statement(contrast, declared, known, self.study.trained_on)
        notes = tuple(_notes(contrast, blocks, known))
        finding = replace(finding, figures=known, notes=notes)
        if unfinished:
            lacking = f"{count(len(unfinished), 'training')} of this comparison failed or "
            lacking += f"{'is' if len(unfinished) == 1 else 'are'} missing."
            return replace(finding, sentence=sentence(stated, "incomplete", lacking))
        if known.trainings < FEWEST_SEEDS:
            return replace(finding, conclusion="one training", sentence=sentence(stated, "one training"))
        if known.fewest_patients < FEWEST_PATIENTS:
            return replace(finding, conclusion="too few patients", sentence=sentence(stated, "too few patients"))
        conclusion: Conclusion = "no arm beats chance" if self.blind else conclude(stated)
        return replace(
            finding,
            conclusion=conclusion,
            sentence=sentence(stated, conclusion, _elsewhere(contrast, blocks, known)),
            outlook=outlook([known], self.study) if conclusion == "cannot tell" else "",
            notes=tuple(filter(None, [disagreement(stated), *notes])),
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


def not_looked(looks: Sequence[int]) -> str:
    """Said of what no declared look has reached: no test result of it is shown."""
    return f"not looked at yet: the first look is at {count(looks[0], 'seed')}."


def _matrix(asked: Sequence[tuple[Contrast, Blocks]]) -> Floats:
    """(contrasts, arms): their weights. An arm in another part of the grid is another arm: its trainings are others."""
    weights = [{(arm, frozenset(blocks)): w for arm, w in contrast.weights.items()} for contrast, blocks in asked]
    arms = list(dict.fromkeys(arm for row in weights for arm in row))
    return np.array([[row.get(arm, 0.0) for arm in arms] for row in weights])


def _elsewhere(contrast: Contrast, blocks: Blocks, figures: Figures) -> str:
    """Says where the contrast holds if the arms are not planned on all data sets."""
    asked = list(dict.fromkeys(str(cells[0].factors["data"]) for cells in blocks.values()))
    lacking = [data for data in asked if data not in figures.datasets]
    if not lacking:
        return ""
    return f"This is of {listing(figures.datasets)} alone: {listing(lacking)} does not have these arms."


def _notes(contrast: Contrast, blocks: Blocks, figures: Figures) -> list[str]:
    """What the figures leave out or cut off."""
    notes = []
    if figures.unused:
        notes.append(
            f"{contrast.name}: {count(figures.unused, 'finished training')} without a partner of the same seed "
            f"{'is' if figures.unused == 1 else 'are'} not used."
        )
    if figures.look is not None and figures.look.decided_before is not None:
        notes.append(
            f"{contrast.name}: the difference was found at the look at {count(figures.look.decided_before, 'seed')}, "
            "and the adjusted p is of that look."
        )
    if figures.clipped:
        notes.append(f"{contrast.name}: the interval is cut off at the largest difference that the metric allows.")
    if figures.fewest_patients < FEWEST_PATIENTS:
        where = f" in {figures.rarest_in}" if figures.rarest_in else ""
        apart = " on each data set; other data sets are judged alone, by data set" if where else ""
        notes.append(
            f"{contrast.name}: {count(figures.fewest_patients, 'test patient')} with {figures.rarest}{where}; it takes "
            f"{FEWEST_PATIENTS} of each class{apart or ' to judge'}."
        )
    return notes
