"""Before a study runs: the smallest difference that it could find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import norm

from medxfer.analysis.judge.contrasts import PRIMARY, Arm, Question, declare
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.stats.inference import MOST_PATIENTS, MOST_TRAININGS, smallest, with_patients, with_trainings
from medxfer.analysis.stats.uncertainty import Patients, Trainings, Uncertainty
from medxfer.study.declared import Rules

POWER = 0.8
# What is taken for granted where no cell is finished. A difference between two arms over n patients has the variance
# DISAGREEMENT / n, half of it whatever the seeds; seeds alone move it by SEEDS (standard deviation).
DISAGREEMENT = 0.1
SEEDS = 0.015


@dataclass(frozen=True)
class Planned:
    """A grid as far as its chance goes."""

    arms: Sequence[Arm]
    trainings: int  # of the arm that has the fewest
    patients: Mapping[str, int]  # data set -> test patients
    combinations: int  # of backbone, window, image size, on each data set


@dataclass(frozen=True)
class Detectable:
    """For one question: `difference` is a fraction (0.01 is a point), None with one training an arm."""

    question: Question
    contrasts: int
    difference: float | None
    more_trainings: int | None  # of each arm, until the margin would be found; None where they alone cannot
    more_patients: int | None
    measured: bool  # by finished cells; else by the stated assumptions


def detectable(
    planned: Planned, rules: Rules, margin: float, level: float, done: StudyRecord | None
) -> list[Detectable]:
    """The smallest true difference that each question's contrasts would show with probability `POWER`.

    Contrasts of one question share the level (Bonferroni), as their intervals do. `done` is the study as far as it is
    finished; its components of variance take the place of the assumed ones.
    """
    contrasts = [contrast for contrast in declare(planned.arms, rules) if contrast.family == PRIMARY]
    questions: tuple[Question, ...] = ("RQ1", "RQ2")
    numbers = {question: sum(contrast.question == question for contrast in contrasts) for question in questions}
    return [
        _detectable(question, number, planned, margin, 1 - (1 - level) / number, _measured(question, done))
        for question, number in numbers.items()
        if number
    ]


def _detectable(
    question: Question, contrasts: int, planned: Planned, margin: float, level: float, measured: Uncertainty | None
) -> Detectable:
    if planned.trainings < 2:
        return Detectable(question, contrasts, None, None, None, measured is not None)
    chance = assumed(planned)
    if measured is not None:
        chance = with_trainings(measured, planned.trainings - min(t.trainings for t in measured.trainings))
    total = sum(planned.patients.values())

    def enough(changed: Uncertainty) -> bool:
        return smallest_difference(changed, level) <= margin

    return Detectable(
        question,
        contrasts,
        smallest_difference(chance, level),
        smallest(lambda more: enough(with_trainings(chance, more)), MOST_TRAININGS),
        smallest(lambda more: enough(with_patients(chance, 1 + more / total)), MOST_PATIENTS),
        measured is not None,
    )


def smallest_difference(uncertainty: Uncertainty, level: float) -> float:
    """The true difference whose interval of this `level` excludes 0 with probability `POWER`."""
    return uncertainty.half_width(level) + float(norm.ppf(POWER)) * uncertainty.variance**0.5


def assumed(planned: Planned) -> Uncertainty:
    """The chance of a difference between two arms, by `DISAGREEMENT` and `SEEDS`, with at least two trainings."""
    sets = len(planned.patients)
    weight = 1 / (sets * planned.combinations)
    trainings = tuple(
        Trainings(
            SEEDS**2 + DISAGREEMENT / 2 / patients, DISAGREEMENT / 2 / patients, max(planned.trainings, 2), weight
        )
        for patients in planned.patients.values()
        for _ in range(planned.combinations)
    )
    shared = tuple(Patients(DISAGREEMENT / 2 / patients / sets**2, patients) for patients in planned.patients.values())
    return Uncertainty(trainings, shared)


def _measured(question: Question, done: StudyRecord | None) -> Uncertainty | None:
    """The largest chance of a question's contrasts, by the trainings that are finished; None before two of each arm."""
    if done is None:
        return None
    judge = Judge(done)
    found = []
    for contrast in judge.contrasts:
        if (contrast.question, contrast.family) == (question, PRIMARY):
            comparison = judge.comparison(contrast)
            if comparison is not None and comparison.uncertainty.trainings:
                found.append(comparison.uncertainty)
    return max(found, key=lambda uncertainty: uncertainty.variance, default=None)
