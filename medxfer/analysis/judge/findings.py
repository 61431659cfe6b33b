"""Contrasts → findings: each with estimate, interval, adjusted p and a conclusion in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from medxfer.analysis.judge.conclusion import Conclusion, conclude, disagreement, needed, sentence, statement
from medxfer.analysis.judge.contrasts import Contrast, Question, declare
from medxfer.analysis.judge.evidence import Beside, Evidence, Figures, weigh
from medxfer.analysis.judge.phrases import ALWAYS_SHOWN
from medxfer.analysis.judge.results import Block, CellRecord, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.analysis.stats.decisions import equivalence_p, holm, simultaneous_level
from medxfer.analysis.stats.forecasts import forecast
from medxfer.analysis.stats.mrmc import Comparison
from medxfer.base.errors import MedxferError
from medxfer.base.words import count

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
        """One finding for each (contrast, blocks), adjusted together: Holm's p, simultaneous intervals.

        Those that could not be weighed count in the adjustment too, so that a failed cell makes no p smaller.
        """
        declared = self.study.declared
        level = simultaneous_level(declared.level, len(asked))
        weighed = [self._weigh(contrast, blocks, level=level) for contrast, blocks in asked]
        known = [item[0] if isinstance(item, tuple) else None for item in weighed]
        p = holm([c.p if c else 1.0 for c in known])
        equivalent = holm([equivalence_p(c, declared.margin) if c else 1.0 for c in known])
        return [
            self._finding(contrast, blocks, item, p[i], equivalent[i])
            for i, ((contrast, blocks), item) in enumerate(zip(asked, weighed, strict=True))
        ]

    def comparison(self, contrast: Contrast) -> Comparison | None:
        """The contrast over all blocks, as far as trainings are finished; None where it cannot be weighed yet."""
        item = self._weigh(contrast, self.blocks)
        return item[0] if isinstance(item, tuple) else None

    def _weigh(self, contrast: Contrast, blocks: Blocks, **changed: Any) -> Evidence | MedxferError | None:
        """The contrast by what the study declares, except for what is `changed`."""
        try:
            return weigh(blocks.values(), contrast.weights, replace(self.study.declared, **changed))
        except MedxferError as refusal:
            return refusal

    def _finding(
        self, contrast: Contrast, blocks: Blocks, item: Evidence | MedxferError | None, p: float, equivalent: float
    ) -> Finding:
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
        if item is None:
            return finding
        if isinstance(item, MedxferError):
            return replace(finding, conclusion="refused", sentence=f"{contrast.name}: not answered, because {item}.")
        comparison, figures = item
        beside = self._beside(contrast, blocks)
        figures = replace(figures, p_adjusted=p, p_equivalent=equivalent, beside=beside)
        said = statement(contrast, declared, figures)
        if unfinished:
            lacking = f"{count(len(unfinished), 'cell')} of this comparison failed or "
            lacking += f"{'is' if len(unfinished) == 1 else 'are'} missing."
            return replace(finding, figures=figures, sentence=sentence(said, "incomplete", lacking))
        if figures.trainings == 1:
            return replace(finding, figures=figures, conclusion="one training", sentence=sentence(said, "one training"))
        conclusion, more = conclude(said), ""
        if conclusion == "cannot tell":
            ahead = forecast(comparison, declared.margin)
            more = needed(ahead, figures.trainings, figures.patients)
            figures = replace(figures, more_seeds=ahead.more_trainings, more_patients=ahead.more_patients)
        return replace(
            finding,
            figures=figures,
            conclusion=conclusion,
            sentence=sentence(said, conclusion, more),
            notes=tuple(filter(None, [disagreement(said)])),
        )

    def _beside(self, contrast: Contrast, blocks: Blocks) -> tuple[Beside, ...]:
        found = []
        for metric in ALWAYS_SHOWN:
            if metric != self.study.declared.metric:
                item = self._weigh(contrast, blocks, metric=metric)
                if isinstance(item, tuple):  # else undefined on this test set; the declared metric says why
                    c = item[0]
                    found.append(Beside(metric, c.estimate, c.low, c.high, c.p))
        return tuple(found)
