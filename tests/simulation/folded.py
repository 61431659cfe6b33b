"""Studies with folds: ridge regressions on exchangeable features, random weights of patients in the place of a seed.

A patient has `features` measurements: class · signal + a severity common to all + noise of its own. One arm sees the
first half of them and the other the second, so that the recipes are equal whatever the patients. Every seed divides the
patients anew, in folds of about as many patients of each class; every network weighs its training patients at random.
"""

import numpy as np
from gaussian import Figures, Floats, halves
from numpy.typing import NDArray

from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out, per_patient
from medxfer.analysis.stats.shared_training import DRAWN
from medxfer.analysis.stats.variance import patients_terms, trainings_terms

CHUNK = 50
SHARED, RIDGE, NOISE = 0.3, 5.0, 1.0  # severity, penalty, deviation of the patients' random weights
CONTRAST = np.array([[-1.0, 1.0]])

Ints = NDArray[np.int64]


def divide(rng: np.random.Generator, shape: tuple[int, ...], labels: Ints, folds: int) -> Ints:
    """(*shape, patients): a division for each."""
    out, start = np.empty((*shape, len(labels)), np.int64), 0
    for k in np.unique(labels):
        where = np.flatnonzero(labels == k)
        out[..., where] = (rng.random((*shape, len(where))).argsort(-1) + start) % folds
        start += len(where)
    return out


def draw(
    rng: np.random.Generator, n: int, labels: Ints, folds: int, seeds: int, features: int, signal: float
) -> tuple[Floats, Ints]:
    """Scores (n, 2, seeds, patients) by the networks that did not see the patient, and folds (n, seeds, patients)."""
    patients, each = len(labels), features // 2
    x = rng.standard_normal((n, 2, patients, each)) + signal * (labels - 0.5)[:, None]
    x += SHARED * rng.standard_normal((n, 1, patients, 1))
    x = np.concatenate([x, np.ones((n, 2, patients, 1))], -1)
    penalty, target = np.diag(np.r_[np.full(each, RIDGE), 1e-3]), np.where(labels == 1, 1.0, -1.0)[:, None]
    fold, scores = divide(rng, (n, seeds), labels, folds), np.empty((n, 2, seeds, patients))
    for r in range(seeds):
        for k in range(folds):
            tested = (fold[:, r] == k)[:, None]
            weight = rng.gamma(NOISE**-2, NOISE**2, (n, 2, patients)) * ~tested
            weighed = np.swapaxes(x * weight[..., None], -1, -2)
            made = (x @ np.linalg.solve(weighed @ x + penalty, weighed @ target))[..., 0]
            scores[:, :, r] = np.where(tested, made, scores[:, :, r])
    return scores, fold


def level(
    rng: np.random.Generator, n: int, patients: int, positive: int, folds: int, seeds: int, features: int, signal: float
) -> Figures:
    """False positives of one contrast in AUROC, with the share that folds add and without it."""
    labels = (np.arange(patients) < positive).astype(np.int64)
    rows = []
    for _ in range(max(n // CHUNK, 1)):
        scores, fold = draw(rng, CHUNK, labels, folds, seeds, features, signal)
        divided = np.broadcast_to(fold[:, None], scores.shape).reshape(-1, patients)
        full, without = leave_one_patient_out(check_cases(scores.reshape(-1, patients), labels, folds=divided), "auroc")
        theta, influence = full.reshape(scores.shape[:3]), per_patient(without).reshape(scores.shape)
        trainings = trainings_terms(theta, CONTRAST, np.zeros(2, np.int64))
        d = (influence[:, 1] - influence[:, 0])[:, None]
        with_it, alone = (halves([trainings, patients_terms(d, owed)[0]], 1)[:, 0] for owed in (DRAWN, 0.0))
        estimate = np.abs(theta[:, 1].mean(1) - theta[:, 0].mean(1))
        rows.append(
            {
                "error": (estimate > with_it).mean(),
                "error without": (estimate > alone).mean(),
                "half-width": 100 * with_it.mean(),
                "half-width without": 100 * alone.mean(),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
