"""Before a study runs: the smallest difference that it could find."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medxfer.analysis.judge.contrasts import PRIMARY, Question, declare
from medxfer.analysis.judge.figures import span
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.results import Arm, StudyRecord
from medxfer.analysis.stats.critical import Largest, largest
from medxfer.analysis.stats.designs import Design, designs_at, expected, foretold
from medxfer.analysis.stats.effects import Effect, Part
from medxfer.analysis.stats.forecasts import fewest, smallest_difference, with_size
from medxfer.analysis.stats.variance import Term, moderated
from medxfer.study.declared import Rules

# Assumed where no cell is finished. A difference between two arms over n patients has the variance
# DISAGREEMENT / n, half of it whatever the seeds; seeds alone move it by SEEDS (standard deviation).
DISAGREEMENT = 0.1
SEEDS = 0.015


@dataclass(frozen=True)
class Planned:
    """What the smallest difference depends on."""

    arms: Sequence[Arm]  # or (level, True), of a comparison of study.contrasts
    trainings: int  # of the arm that has the fewest
    patients: Mapping[str, int]  # data set -> test patients
    combinations: int  # of backbone, window, image size, on each data set
    alike: bool = True  # whether arms with the same weights tell how the others' trainings vary
    folds: int = 1  # cells of each training; 1 is one split
    metric: str = "auroc"


@dataclass(frozen=True)
class Detectable:
    """For one question: `difference` is a fraction (0.01 is a point), None with one training an arm.

    It is infinite if it would exceed what the metric can be: then no difference is found with that probability.
    """

    question: Question
    contrasts: int
    measured: bool  # by finished cells; else by the stated assumptions
    difference: float | None = None
    more_trainings: int | None = None  # of each arm, until the margin would be found; None where they alone cannot
    more_patients: int | None = None


def detectable(
    planned: Planned,
    rules: Rules,
    margin: float,
    level: float,
    done: StudyRecord | None,
    compared: Mapping[Question, Planned] | None = None,
) -> list[Detectable]:
    """The smallest true difference that each question's contrasts would show with probability `POWER`.

    `compared` has the comparisons of study.contrasts, with their levels for arms.

    Contrasts of one question share the level (Dunnett), as their intervals do. `done` is the study as far as it is
    finished; its components of variance take the place of the assumed ones.
    """
    primary = [contrast.question for contrast in declare(planned.arms, rules) if contrast.family == PRIMARY]
    asked = [(question, primary.count(question), planned) for question in dict.fromkeys(primary)]
    asked += [(question, len(of.arms) - 1, of) for question, of in (compared or {}).items()]
    return [_detectable(*one, margin, 1 - level, done, span(planned.metric)) for one in asked]


def _detectable(
    question: Question,
    contrasts: int,
    planned: Planned,
    margin: float,
    alpha: float,
    done: StudyRecord | None,
    most: float,
) -> Detectable:
    measured = _measured(question, done, planned.patients)
    if planned.trainings < 2:
        return Detectable(question, contrasts, measured is not None)
    chance = assumed(planned) if measured is None else with_size(measured, planned.trainings)
    family = _family(contrasts)

    def enough(changed: Effect) -> bool:
        return smallest_difference(changed, alpha, family) <= margin

    ahead = fewest(chance, sum(planned.patients.values()), enough)
    size = smallest_difference(chance, alpha, family)
    size = size if size <= most else math.inf
    return Detectable(question, contrasts, measured is not None, size, ahead.more_trainings, ahead.more_patients)


FEWEST_CELLS = 10  # of each arm, for which designs are compared at least


@dataclass(frozen=True)
class Designs:
    """For one question, ways to spend the same number of cells."""

    question: Question
    measured: bool  # by finished cells; else by the stated assumptions
    designs: Sequence[Design]


def compare_designs(
    planned: Planned,
    rules: Rules,
    level: float,
    done: StudyRecord | None,
    one_split: Mapping[str, int],
    everyone: Mapping[str, int],
    folds: Sequence[int],
) -> list[Designs]:
    """For RQ1 and RQ2, one split and `folds` with as many cells as are planned, `FEWEST_CELLS` or more of each arm.

    `one_split` and `everyone` are the patients of each data set that one split and that folds test. Components of
    variance are those of `done`, the study as far as it is finished, or the assumed ones.
    """
    cells = -(-max(FEWEST_CELLS, planned.trainings * planned.folds) // 5) * 5
    ways = designs_at(cells, dict(one_split), dict(everyone), folds)
    primary = [contrast.question for contrast in declare(planned.arms, rules) if contrast.family == PRIMARY]
    found = []
    for question in dict.fromkeys(primary):
        measured = _measured(question, done, planned.patients)
        one = replace(planned, patients=one_split, folds=1)
        now, number = (assumed(one), 1) if measured is None else (measured, planned.folds)
        ahead = expected(now, number, ways, planned.metric, 1 - level, _family(primary.count(question)))
        found.append(Designs(question, measured is not None, ahead))
    return found


def _family(contrasts: int) -> Largest:
    return largest((np.eye(contrasts) + 1) / 2)  # each against the same arm


def assumed(planned: Planned) -> Effect:
    """The chance of a difference between two arms, by `DISAGREEMENT` and `SEEDS`, with at least two trainings.

    Degrees of freedom are those of two arms, moderated by the others of the same weights. With folds, a training is the
    mean of as many networks, and owes a share for training sets that have patients in common.
    """
    share, seeds = 1 / len(planned.patients), max(planned.trainings, 2)
    colormaps = len({colormap for colormap, _ in planned.arms}) if planned.alike else 2
    term = moderated(np.zeros(1), 2.0 * (seeds - 1), np.zeros(1), max(colormaps - 2.0, 0.0) * (seeds - 1))
    parts = []
    for data, patients in planned.patients.items():
        own = DISAGREEMENT / 2 / patients
        variance = np.array((SEEDS**2 + own) / planned.combinations / seeds)
        parts.append(
            Part(
                data=data,
                estimate=0.0,
                trainings=Term(share**2 * variance, term.df[0]),
                patients=Term(np.array(share**2 * own), np.array(patients - 1.0)),
                patient_part=share**2 * own / planned.combinations / seeds,
                influence=np.zeros(patients),
                seeds=seeds,
                together=None,
                block_covariance=None,
            )
        )
    effect = Effect(tuple(parts))
    ahead = foretold(effect, 1, Design(planned.folds, seeds, dict(planned.patients)), planned.metric)
    return effect if ahead is None else ahead


def _measured(question: Question, done: StudyRecord | None, data: Collection[str]) -> Effect | None:
    """The largest chance of a question's contrasts, by the trainings that are finished; None before two of each arm on
    each data set of `data`, and where others are finished: what varies on one data set says nothing of another."""
    if done is None:
        return None
    judge = Judge(done)
    asked = [contrast for contrast in judge.contrasts if (contrast.question, contrast.family) == (question, PRIMARY)]
    found = [effect for contrast in asked if (effect := judge.effect(contrast)) is not None]
    alike = [e for e in found if e.trainings is not None and {part.data for part in e.parts} == set(data)]
    return max(alike, key=lambda effect: effect.variance, default=None)
