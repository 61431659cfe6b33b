"""Contrasts → findings: each with estimate, interval, adjusted p and a conclusion in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from medxfer.analysis.judge.conclusion import Conclusion, Statement, conclude, disagreement, needed, sentence
from medxfer.analysis.judge.contrasts import Contrast, Question, declare
from medxfer.analysis.judge.evidence import Evidence, weigh
from medxfer.analysis.judge.results import ALWAYS_SHOWN, Cell, StudyRecord
from medxfer.analysis.judge.selection import Block, at_fraction, full_fraction
from medxfer.analysis.stats.inference import equivalence_p, forecast, holm
from medxfer.analysis.stats.mrmc import Comparison
from medxfer.base.errors import MedxferError
from medxfer.base.words import count, weights_name

Blocks = Mapping[Block, Sequence[Cell]]


@dataclass(frozen=True)
class Beside:
    """The same contrast in another metric; its p is not adjusted and decides nothing."""

    metric: str
    estimate: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Figures:
    """A contrast in numbers. Effects are fractions (0.01 is a point), signed so that more is better."""

    estimate: float
    se: float
    df: float
    low: float
    high: float
    level: float  # of low and high: 1 − α/k, so that a family's k intervals hold together
    p: float
    p_adjusted: float  # Holm, over the family
    p_equivalent: float  # two one-sided tests at the margin, Holm over the family
    wins: float | None  # P(a new training of one arm beats one of the other); None for sums of more arms
    trainings: int  # an arm
    patients: int
    images: int
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    more_seeds: int | None  # that would tell, where the conclusion is that one cannot tell
    more_patients: int | None
    beside: tuple[Beside, ...]


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
        return at_fraction(self.study, full_fraction(self.study))

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
        level = 1 - (1 - declared.level) / max(len(asked), 1)
        weighed = [self._weigh(contrast, blocks, level) for contrast, blocks in asked]
        known = [item.comparison if isinstance(item, Evidence) else None for item in weighed]
        p = holm([c.p if c else 1.0 for c in known])
        equivalent = holm([equivalence_p(c, declared.margin) if c else 1.0 for c in known])
        return [
            self._finding(contrast, blocks, item, p[i], equivalent[i])
            for i, ((contrast, blocks), item) in enumerate(zip(asked, weighed, strict=True))
        ]

    def comparison(self, contrast: Contrast) -> Comparison | None:
        """The contrast over all blocks, as far as trainings are finished; None where it cannot be weighed yet."""
        item = self._weigh(contrast, self.blocks, self.study.declared.level)
        return item.comparison if isinstance(item, Evidence) else None

    def _weigh(self, contrast: Contrast, blocks: Blocks, level: float) -> Evidence | MedxferError | None:
        declared = self.study.declared
        try:
            return weigh(blocks.values(), contrast.weights, declared.metric, level, declared.threshold)
        except MedxferError as refusal:
            return refusal

    def _finding(
        self,
        contrast: Contrast,
        blocks: Blocks,
        item: Evidence | MedxferError | None,
        p: float,
        equivalent: float,
    ) -> Finding:
        finding = Finding(
            contrast.question,
            contrast.family,
            contrast.name,
            contrast.subject,
            self.study.declared.metric,
            "incomplete",
            f"{contrast.name}: no training is finished in every arm of it.",
            unfinished=_unfinished(contrast, blocks),
        )
        if item is None:
            return finding
        if isinstance(item, MedxferError):
            return replace(finding, conclusion="refused", sentence=f"{contrast.name}: not answered, because {item}.")
        figures = self._figures(contrast, blocks, item, p, equivalent)
        said = self._statement(contrast, figures)
        if finding.unfinished:
            return replace(finding, figures=figures, sentence=sentence(said, "incomplete", _lacking(finding)))
        if figures.trainings == 1:
            return replace(finding, figures=figures, conclusion="one training", sentence=sentence(said, "one training"))
        conclusion, more = conclude(said), ""
        if conclusion == "cannot tell":
            ahead = forecast(item.comparison, self.study.declared.margin)
            more = needed(ahead, figures.trainings, figures.patients)
            figures = replace(figures, more_seeds=ahead.more_trainings, more_patients=ahead.more_patients)
        return replace(
            finding,
            figures=figures,
            conclusion=conclusion,
            sentence=sentence(said, conclusion, more),
            notes=tuple(filter(None, [disagreement(said)])),
        )

    def _figures(self, contrast: Contrast, blocks: Blocks, item: Evidence, p: float, equivalent: float) -> Figures:
        c = item.comparison
        return Figures(
            estimate=c.estimate,
            se=c.se,
            df=c.df,
            low=c.low,
            high=c.high,
            level=c.level,
            p=c.p,
            p_adjusted=p,
            p_equivalent=equivalent,
            wins=item.wins,
            trainings=c.trainings,
            patients=c.patients,
            images=item.images,
            datasets=item.datasets,
            backbones=item.backbones,
            more_seeds=None,
            more_patients=None,
            beside=self._beside(contrast, blocks),
        )

    def _beside(self, contrast: Contrast, blocks: Blocks) -> tuple[Beside, ...]:
        declared = self.study.declared
        found = []
        for metric in ALWAYS_SHOWN:
            if metric == declared.metric:
                continue
            try:
                item = weigh(blocks.values(), contrast.weights, metric, declared.level, declared.threshold)
            except MedxferError:
                continue  # undefined on this test set; the declared metric says why
            if item is not None:
                c = item.comparison
                found.append(Beside(metric, c.estimate, c.low, c.high, c.p))
        return tuple(found)

    def _statement(self, contrast: Contrast, figures: Figures) -> Statement:
        declared = self.study.declared
        better, than = sides(contrast)
        return Statement(
            better=better,
            than=than,
            metric=declared.metric,
            margin=declared.margin,
            alpha=1 - declared.level,
            estimate=figures.estimate,
            low=figures.low,
            high=figures.high,
            level=figures.level,
            p=figures.p_adjusted,
            p_equivalent=figures.p_equivalent,
            trainings=figures.trainings,
        )


def sides(contrast: Contrast) -> tuple[str, str]:
    """What may be better, and than what, as the sentences call them."""
    if contrast.question == "RQ1":
        return contrast.subject, "gray"
    (other,) = {start for (_, start), weight in contrast.weights.items() if weight < 0}
    better = "ImageNet weights" if contrast.subject == "pretrained" else contrast.subject
    return better, f"{'ImageNet' if other is True else weights_name(other)} weights"


def _unfinished(contrast: Contrast, blocks: Blocks) -> tuple[str, ...]:
    cells = [cell for block in blocks.values() for cell in block if cell.status != "done"]
    return tuple(cell.name for cell in cells if cell.arm in contrast.weights)


def _lacking(finding: Finding) -> str:
    cells = len(finding.unfinished)
    return f"{count(cells, 'cell')} of this comparison failed or {'is' if cells == 1 else 'are'} missing."
