"""A comparison made from its components of variance."""

import numpy as np

from medxfer.analysis import Comparison
from medxfer.analysis.stats.uncertainty import Patients, Trainings, Uncertainty


def comparison(
    estimate: float,
    trainings: int = 5,
    variance: float = 4e-4,
    patient_part: float = 2e-4,
    covariance: float = 2e-5,
    patients: int = 500,
) -> Comparison:
    parts = Uncertainty((Trainings(variance, patient_part, trainings, 1.0),), (Patients(covariance, patients),))
    half = parts.half_width(0.95)
    se, df, p = float(np.sqrt(parts.variance)), parts.df(0.95), parts.p(estimate)
    return Comparison(estimate, se, df, estimate - half, estimate + half, p, 0.95, trainings, parts)
