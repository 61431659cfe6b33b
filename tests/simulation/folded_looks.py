"""Declared looks at studies with folds, as scores: the patients' variance is estimated at each look, as in a study."""

import folded
import numpy as np
from fold_figures import CONTRAST, measured
from gaussian import Figures
from looked import ALPHA, halves_at
from scipy import special

from medxfer.analysis.stats.looks import HELD_BACK, fractions, linear, next_boundary
from medxfer.analysis.stats.shared_training import DRAWN
from medxfer.analysis.stats.variance import patients_terms, trainings_terms


def declared(
    rng: np.random.Generator, n: int, looks: tuple[int, ...], patients: int, positive: int, folds: int, features: int,
    gain: float,
) -> Figures:  # fmt: skip
    """How often a difference is found at any look, and how many of the trainings it took."""
    labels, case = folded.truth(rng, patients, positive, False)
    rows = []
    for _ in range(max(n // folded.CHUNK, 1)):
        fold = folded.divide(rng, (folded.CHUNK, looks[-1]), labels, folds)
        x = folded.images_of(rng, folded.CHUNK, labels, case, features, folded.SIGNAL, gain)
        theta, influence = measured(folded.scored(rng, x, labels, fold), labels, None, fold, "auroc")
        z, taken = np.zeros((folded.CHUNK, 0)), np.full(folded.CHUNK, looks[-1])
        found = np.zeros(folded.CHUNK, bool)
        for number, seeds in enumerate(looks):
            of = theta[:, :, :seeds]
            d = (influence[:, 1, :seeds] - influence[:, 0, :seeds])[:, None]
            terms = [trainings_terms(of, CONTRAST, np.zeros(2, np.int64)), patients_terms(d, DRAWN)[0]]
            of_terms = (term.variance[:, 0] for term in terms)
            information = fractions(*of_terms, looks, looks[: number + 1])
            z = np.hstack([z, next_boundary(information, z, linear(information[:, -1], HELD_BACK * ALPHA))[:, None]])
            half = halves_at(terms, 1, 2 * special.ndtr(-z[:, -1:]))[:, 0]
            beyond = np.abs(of[:, 1].mean(1) - of[:, 0].mean(1)) > half
            taken[beyond & ~found] = seeds
            found |= beyond
        rows.append((found.mean(), taken.mean() / looks[-1]))
    found, trainings = np.mean(rows, axis=0)
    return {"found": float(found), "trainings": float(trainings)}
