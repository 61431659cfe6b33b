"""Studies as scores: images' scores of networks whose truth is known, many studies at once, without training any.

A network's score of an image is

    separation · truth  +  patient  +  arm × patient  +  training × patient and image

The separation differs between trainings (`noise`): that is what another seed does to the metric. Standard deviations
of the other parts are 0.6, 0.5 and 0.64, classes are 1.5 apart, and an image is a patient. There are three colormaps
with two weights, of the same separation, so that their true difference is 0 exactly.
"""

import numpy as np
from gaussian import Figures, Floats, halves
from numpy.typing import NDArray
from scipy import special, stats

from medxfer.analysis.stats.effects import mean_interval
from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out, per_patient
from medxfer.analysis.stats.variance import Term, difference_terms, patients_terms, trainings_terms

CHUNK = 100
PATIENT, ARM_PATIENT, TRAINING = 0.6, 0.5, 0.41**0.5
COLOURS = np.array([[-1.0, 1, 0, 0, 0, 0], [-1, 0, 1, 0, 0, 0]])
WEIGHTS = np.array([[1.0, 0, 0, -1, 0, 0]])
STARTS = np.array([0, 0, 0, 1, 1, 1])
PAIRS = np.hstack([np.eye(3), -np.eye(3)])
FIRST = np.array([[1.0, 0, 0]])


def draw(
    rng: np.random.Generator, n: int, arms: int, seeds: int, patients: int, positive: int, noise: float, apart: float
) -> tuple[Floats, NDArray[np.int64]]:
    """(n, arms, seeds, patients) and their labels."""
    labels = np.r_[np.ones(positive, np.int64), np.zeros(patients - positive, np.int64)]
    separation = apart + noise * rng.standard_normal((n, arms, seeds))
    scores = separation[..., None] * (labels - 0.5) + PATIENT * rng.standard_normal((n, 1, 1, patients))
    scores += ARM_PATIENT * rng.standard_normal((n, arms, 1, patients))
    scores += TRAINING * rng.standard_normal(scores.shape)
    return scores, labels


def measured(scores: Floats, labels: NDArray[np.int64], metric: str) -> tuple[Floats, Floats]:
    """The metric of every cell, and every patient's influence."""
    full, without = leave_one_patient_out(check_cases(scores.reshape(-1, len(labels)), labels), metric, 0.0)
    return full.reshape(scores.shape[:3]), per_patient(without).reshape(scores.shape)


def contrast(influence: Floats, weights: Floats) -> Term:
    """The patients' terms of contrasts, (n, K)."""
    return patients_terms(np.einsum("ka,nasp->nksp", weights, influence))[0]


def level(
    rng: np.random.Generator, n: int, metric: str, patients: int, positive: int, seeds: int, noise: float
) -> Figures:
    """False positives of RQ1 (two colormaps), of RQ2, and of tests in common use (the first colormap against gray)."""
    rows = []
    for _ in range(max(n // CHUNK, 1)):
        scores, labels = draw(rng, CHUNK, 6, seeds, patients, positive, noise, 1.5)
        theta, influence = measured(scores, labels, metric)
        colours, shared = trainings_terms(theta, COLOURS, STARTS), contrast(influence, COLOURS)
        half = halves([colours, shared], 2)
        estimate = np.abs(theta.mean(2) @ COLOURS.T)
        between = difference_terms(np.einsum("pa,nas->nps", PAIRS, theta), FIRST)
        half2 = halves([between, contrast(influence, WEIGHTS)], 1)
        paired = stats.ttest_rel(theta[:, 1], theta[:, 0], axis=1).pvalue
        welch = stats.ttest_ind(theta[:, 1], theta[:, 0], axis=1, equal_var=False).pvalue
        one = ((influence[:, 1, 0] - influence[:, 0, 0]) ** 2).sum(1)
        delong = np.abs(theta[:, 1, 0] - theta[:, 0, 0]) > -special.ndtri(0.025) * np.sqrt(one)
        rows.append(
            {
                "RQ1": (estimate > half).any(1).mean(),
                "RQ2": (np.abs(theta.mean(2) @ WEIGHTS.T) > half2).any(1).mean(),
                "half-width": 100 * half.mean(),
                "from trainings": (colours.variance / (colours.variance + shared.variance + 1e-12)).mean(),
                "df of patients": np.median(shared.df),
                "paired t": (paired < 0.05).mean(),
                "Welch": (welch < 0.05).mean(),
                "DeLong, one run": delong.mean(),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def arm_mean(rng: np.random.Generator, n: int, patients: int, positive: int, seeds: int, apart: float) -> Figures:
    """Whether one arm's interval misses its true AUROC, plain or within [0, 1]; with three arms of the same weights."""
    noise = 0.3
    truth = stats.norm.cdf(apart / np.sqrt(2 * (PATIENT**2 + ARM_PATIENT**2 + TRAINING**2) + noise**2))
    rows = []
    for _ in range(max(n // CHUNK, 1)):
        theta, influence = measured(*draw(rng, CHUNK, 3, seeds, patients, positive, noise, apart), "auroc")
        terms = [trainings_terms(theta, FIRST, np.zeros(3, np.int64)), contrast(influence, FIRST)]
        estimate, half = theta[:, 0].mean(1), halves(terms, 1)[:, 0]
        variance = (terms[0].variance + terms[1].variance)[:, 0]
        quantile = np.where(variance > 0, half / np.sqrt(np.maximum(variance, 1e-300)), 1.96)
        ends = [mean_interval(*row, patients) for row in zip(estimate, variance, quantile, strict=True)]
        missed = [not low <= truth <= high for low, high in ends]
        rows.append((np.mean(missed), (np.abs(estimate - truth) > half).mean(), (variance <= 0).mean()))
    missed, plain, none = np.mean(rows, axis=0)
    return {"AUROC": float(truth), "misses": float(missed), "plain misses": float(plain), "no variance": float(none)}
