"""An effect made from its components of variance."""

import numpy as np

from medxfer.analysis.stats.effects import Effect, Part
from medxfer.analysis.stats.variance import LARGE_DF, Term


def effect(
    estimate: float,
    trainings: int = 5,
    variance: float = 4e-4,
    patient_part: float = 2e-4,
    covariance: float = 2e-5,
    patients: int = 500,
) -> Effect:
    """`variance` and `patient_part` are one training's."""
    term = Term(np.array(variance / trainings), np.array(trainings - 1.0)) if trainings > 1 else None
    shared = Term(np.array(covariance), np.array(LARGE_DF))
    part = Part("", estimate, term, shared, patient_part / trainings, np.ones(patients), trainings, None, None)
    return Effect((part,))
