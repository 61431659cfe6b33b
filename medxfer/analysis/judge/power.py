"""Before a study runs: the smallest difference that it could find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medxfer.analysis.judge.contrasts import PRIMARY, Question, declare
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.results import Arm, StudyRecord
from medxfer.analysis.stats.decisions import simultaneous_level
from medxfer.analysis.stats.forecasts import fewest, smallest_difference, with_trainings
from medxfer.analysis.stats.uncertainty import Patients, Trainings, Uncertainty
from medxfer.study.declared import Rules

# Assumed where no cell is finished. A difference between two arms over n patients has the variance
# DISAGREEMENT / n, half of it whatever the seeds; seeds alone move it by SEEDS (standard deviation).
DISAGREEMENT = 0.1
SEEDS = 0.015


@dataclass(frozen=True)
class Planned:
    """What the smallest difference depends on."""

    arms: Sequence[Arm]
    trainings: int  # of the arm that has the fewest
    patients: Mapping[str, int]  # data set -> test patients
    combinations: int  # of backbone, window, image size, on each data set


@dataclass(frozen=True)
class Detectable:
    """For one question: `difference` is a fraction (0.01 is a point), None with one training an arm."""

    question: Question
    contrasts: int
    measured: bool  # by finished cells; else by the stated assumptions
    difference: float | None = None
    more_trainings: int | None = None  # of each arm, until the margin would be found; None where they alone cannot
    more_patients: int | None = None


def detectable(
    planned: Planned, rules: Rules, margin: float, level: float, done: StudyRecord | None
) -> list[Detectable]:
    """The smallest true difference that each question's contrasts would show with probability `POWER`.

    Contrasts of one question share the level (Bonferroni), as their intervals do. `done` is the study as far as it is
    finished; its components of variance take the place of the assumed ones.
    """
    primary = [contrast.question for contrast in declare(planned.arms, rules) if contrast.family == PRIMARY]
    return [
        _detectable(
            question, primary.count(question), planned, margin, simultaneous_level(level, primary.count(question)), done
        )
        for question in dict.fromkeys(primary)
    ]


def _detectable(
    question: Question, contrasts: int, planned: Planned, margin: float, level: float, done: StudyRecord | None
) -> Detectable:
    measured = _measured(question, done)
    if planned.trainings < 2:
        return Detectable(question, contrasts, measured is not None)
    chance = assumed(planned)
    if measured is not None:
        chance = with_trainings(measured, planned.trainings - min(t.trainings for t in measured.trainings))

    def enough(changed: Uncertainty) -> bool:
        return smallest_difference(changed, level) <= margin

    ahead = fewest(chance, sum(planned.patients.values()), enough)
    size = smallest_difference(chance, level)
    return Detectable(question, contrasts, measured is not None, size, ahead.more_trainings, ahead.more_patients)


def assumed(planned: Planned) -> Uncertainty:
    """The chance of a difference between two arms, by `DISAGREEMENT` and `SEEDS`, with at least two trainings."""
    sets = len(planned.patients)
    weight = 1 / (sets * planned.combinations)
    trainings, shared = [], []
    for patients in planned.patients.values():
        part = DISAGREEMENT / 2 / patients
        trainings += [Trainings(SEEDS**2 + part, part, max(planned.trainings, 2), weight)] * planned.combinations
        shared.append(Patients(part / sets**2, patients))
    return Uncertainty(tuple(trainings), tuple(shared))


def _measured(question: Question, done: StudyRecord | None) -> Uncertainty | None:
    """The largest chance of a question's contrasts, by the trainings that are finished; None before two of each arm."""
    if done is None:
        return None
    judge = Judge(done)
    asked = [contrast for contrast in judge.contrasts if (contrast.question, contrast.family) == (question, PRIMARY)]
    found = [comparison.uncertainty for contrast in asked if (comparison := judge.comparison(contrast)) is not None]
    several = [uncertainty for uncertainty in found if uncertainty.trainings]
    return max(several, key=lambda uncertainty: uncertainty.variance, default=None)
