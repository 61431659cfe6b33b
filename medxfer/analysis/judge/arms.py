"""What each arm reached in each block: metrics with intervals, decisions at validation's threshold, calibration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.evidence import arm_mean
from medxfer.analysis.judge.figures import Mean
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.layer import Measure, measured
from medxfer.analysis.judge.phrases import ALWAYS_SHOWN, metric_name, points
from medxfer.analysis.judge.readings import flat
from medxfer.analysis.judge.results import Arm, Block, CellRecord, StudyRecord
from medxfer.analysis.judge.scores import CellScores, read_scores
from medxfer.analysis.stats.variance import Floats
from medxfer.base.errors import MedxferError
from medxfer.base.words import count, listing
from medxfer.study.declared import Declared

SHARES = ("sensitivity", "specificity", "PPV", "NPV")
NEAR = 0.25  # of the way from chance to perfect
CHANGES = ("trainer.max_epochs", "lr")  # settings whose change may let a network learn, beside the image size


@dataclass(frozen=True)
class Range:
    """What trainings had: their mean, the lowest and the highest. It is no interval."""

    mean: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class ClassFigures:
    """One class against the rest, or one label."""

    name: str
    patients: int  # with it, of those tested
    metrics: Mapping[str, Mean]  # sensitivity, specificity, auroc; without those that are not defined


@dataclass(frozen=True)
class ArmFigures:
    """One arm in one block; fractions, signed so that more is better."""

    block: Block
    arm: Arm
    trainings: int  # that are done
    planned: int
    metrics: Mapping[str, Mean]
    chance: float | None  # what guessing reaches in the declared metric; None where that is not defined
    decisions: Mapping[str, Mean | Range]  # operating.DECISIONS, binary tasks alone; a range where no interval is known
    calibration: Mapping[str, Range]  # slope and intercept, binary tasks alone
    one_class: int  # trainings in which every test image is given the same class
    classes: tuple[ClassFigures, ...] = ()  # of several classes, or of labels; empty in binary tasks


def arm_figures(judge: Judge) -> tuple[ArmFigures, ...]:
    """Every arm of every block with a finished training, block by block."""
    return tuple(_figures(block, arm, cells, judge.study) for block, arm, cells in finished_arms(judge))


def finished_arms(judge: Judge) -> Iterator[tuple[Block, Arm, list[CellRecord]]]:
    """Each arm of each block with a finished training, and all its trainings there."""
    for block, cells in judge.blocks.items():
        for arm in dict.fromkeys(cell.arm for cell in cells):
            of_arm = [cell for cell in cells if cell.arm == arm]
            if any(cell.status == "done" for cell in of_arm):
                yield block, arm, of_arm


def _figures(block: Block, arm: Arm, cells: Sequence[CellRecord], study: StudyRecord) -> ArmFigures:
    done, declared = [cell for cell in cells if cell.status == "done"], study.declared
    runs = [read_scores(cell) for cell in done]
    binary = done[0].record["task"] == "binary"

    def of_class(k: int, names: Sequence[str]) -> dict[str, Mean]:
        """Of class or label `k`, those that are defined in every training, and without any one patient."""
        among = [operating.patients_among(run, run.threshold, k) for run in runs]
        metrics = {f"{name}:{k}": np.mean([of[name] for of in among if name in of] or [0]) for name in names}
        found = means(cells, arm, metrics, declared)
        return {metric.partition(":")[0]: mean for metric, mean in found.items()}

    decided = [operating.decide(run, run.threshold) for run in runs] if binary else []
    lines = [line for run in runs if (line := operating.calibration_line(run)) is not None] if binary else []
    classes = [] if binary else zip(done[0].record["classes"], runs[0].has_class, strict=True)
    return ArmFigures(
        block,
        arm,
        len(done),
        len(cells),
        means(cells, arm, shown(declared), declared),
        chance(declared.metric, runs[0]),
        {**ranges(decided), **(of_class(1, SHARES) if binary else {})},
        ranges(lines),
        sum(_one_class(run, run.threshold if binary else None) for run in runs),
        tuple(
            ClassFigures(str(name), runs[0].patients_among(has), of_class(k, ("sensitivity", "specificity", "auroc")))
            for k, (name, has) in enumerate(classes)
        ),
    )


def shown(declared: Declared) -> dict[str, None]:
    """The metrics that every arm has, as `means` takes them: of all patients."""
    return dict.fromkeys((declared.metric, *ALWAYS_SHOWN))


def means(
    cells: Sequence[CellRecord],
    arm: Arm,
    metrics: Mapping[str, Any],
    declared: Declared,
    measure: Measure = measured,
) -> dict[str, Mean]:
    """An arm's means in one block, without those that are undefined. `metrics`: of how many patients each is taken, if
    not of all."""
    found = {}
    for metric, patients in metrics.items():
        with suppress(MedxferError):  # undefined on this test set; the findings say why
            found[metric] = arm_mean(cells, arm, replace(declared, metric=metric), patients=patients, measure=measure)
    return {metric: mean for metric, mean in found.items() if mean is not None}


def chance(metric: str, run: CellScores) -> float | None:
    """What a network reaches that knows nothing of the images: for accuracy, the share of the most common class."""
    if metric == "auroc":
        return 0.5
    classes = run.scores.shape[1]
    if metric == "balanced_accuracy":
        return 0.5 if run.labels.ndim == 2 else 1 / classes
    if metric == "accuracy":
        if run.labels.ndim == 2:
            share = run.labels.mean(axis=0)
            return float(np.maximum(share, 1 - share).mean())
        return float(np.bincount(run.labels).max() / len(run.labels))
    return None


def _one_class(run: CellScores, threshold: Floats | None) -> bool:
    if run.labels.ndim == 2:
        return bool(((run.scores > 0.5) == (run.scores[:1] > 0.5)).all())
    chosen = run.scores.argmax(axis=1) if threshold is None else (run.scores[:, 1] > threshold)
    return bool((chosen == chosen[0]).all())


def ranges(found: Iterable[Mapping[str, float]]) -> dict[str, Range]:
    """Of each name over trainings; a training in which it is undefined is left out."""
    values: dict[str, list[float]] = {}
    for one in found:
        for name, value in one.items():
            if np.isfinite(value):
                values.setdefault(name, []).append(float(value))
    return {name: Range(float(np.mean(of)), min(of), max(of)) for name, of in values.items()}


def by_chance(arms: Sequence[ArmFigures], metric: str) -> list[str]:
    """The data sets on which no arm beats chance: no interval lies above it, and no mean is NEAR or more above it.

    The second condition is for intervals that are wide because trainings or patients are few. Where accuracy is
    declared, AUROC must be at chance too: if a class is rare, networks that learned are no more accurate than calling
    no image positive.
    """
    beaten: dict[str, bool] = {}
    for one in arms:
        found = one.metrics.get(metric)
        if found is None or one.chance is None:
            above = True  # not known to be at chance
        else:
            ranks = one.metrics.get("auroc") if metric == "accuracy" else None
            above = _above(found, one.chance) or _above(ranks, 0.5)
        beaten[str(one.block[0])] = beaten.get(str(one.block[0]), False) or above
    return [name for name, above in beaten.items() if not above]


def seen(study: StudyRecord) -> tuple[Judge, tuple[ArmFigures, ...]]:
    """A judge of the study, who knows whether no arm beats chance on any data set, and the arms."""
    judge = Judge(study)
    arms = arm_figures(judge)
    chances = by_chance(arms, study.declared.metric)
    return Judge(study, bool(chances) and len(chances) == len({one.block[0] for one in arms})), arms


def _above(found: Mean | None, level: float) -> bool:
    return found is not None and (found.low > level or found.mean >= level + NEAR * (1 - level))


def chance_notice(arms: Sequence[ArmFigures], study: StudyRecord) -> str:
    """Says on which data sets no arm beats chance, and what to change; empty where that is nowhere so."""
    metric = study.declared.metric
    names = by_chance(arms, metric)
    if not names:
        return ""
    there = [one for one in arms if one.block[0] in names]
    levels = sorted({points(one.chance, signed=False) for one in there if one.chance is not None})
    everywhere = len(names) == len({one.block[0] for one in arms})
    where = "" if everywhere else f"On {listing(names)}, "
    text = f"{where}{'N' if everywhere else 'n'}o arm beats chance ({listing(levels)} points of {metric_name(metric)})"
    text += ": there may be nothing to compare."
    if blind := sum(one.one_class for one in there):
        trained = sum(one.trainings for one in there)
        text += f" In {blind} of {count(trained, 'training')} every test image is given the same class."
    if study.declared.table:
        return text
    settings = flat(study.settings)
    now = [f"{key}= ({settings[key]:g} now)" for key in CHANGES if isinstance(settings.get(key), int | float)]
    sizes = sorted({one.block[3] for one in there})
    now.append(f"image_size= ({listing(sizes)} now)")
    return f"{text} Change the training before adding seeds: {listing(now, 'or')}."
