"""Studies with folds: ridge regressions on exchangeable features, random weights of patients in the place of a seed.

An image has `features` measurements: class · signal + a severity common to all + noise of its own. One arm sees the
first half of them and the other the second, so that the recipes are equal whatever the patients. Every seed divides the
patients anew, in folds of about as many patients of each class; every network weighs its training images at random.
"""

import numpy as np
from designs import WITHIN
from fold_figures import SEEDS, Ints, Studies, judged, means, measured
from gaussian import Figures, Floats

CHUNK = 50
SHARED, RIDGE, NOISE = 0.3, 5.0, 1.0  # severity, penalty, deviation of the images' random weights
SIGNAL = 0.45  # of a feature
MOST, FEWEST = 4, 1  # images of a patient
ONE_SPLIT = 5  # it tests a fifth


def divide(rng: np.random.Generator, shape: tuple[int, ...], labels: Ints, folds: int) -> Ints:
    """(*shape, patients): a division for each."""
    out, start = np.empty((*shape, len(labels)), np.int64), 0
    for k in np.unique(labels):
        where = np.flatnonzero(labels == k)
        out[..., where] = (rng.random((*shape, len(where))).argsort(-1) + start) % folds
        start += len(where)
    return out


def images_of(
    rng: np.random.Generator, n: int, labels: Ints, case: Ints, features: int, signal: float, gain: float
) -> Floats:
    """(n, 2 arms, images, features of an arm, and 1); the second arm's classes are `gain` further apart."""
    each, patients = features // 2, int(case.max()) + 1

    def noise(arms: int, width: int) -> Floats:
        of_patient = rng.standard_normal((n, arms, patients, width))
        if len(case) == patients:
            return of_patient
        alone = rng.standard_normal((n, arms, len(case), width))
        return np.asarray(np.sqrt(WITHIN) * of_patient[:, :, case] + np.sqrt(1 - WITHIN) * alone)

    apart = signal + np.array([0.0, gain])[:, None, None]
    x = noise(2, each) + apart * (labels - 0.5)[:, None] + SHARED * noise(1, 1)
    return np.concatenate([x, np.ones((n, 2, len(case), 1))], -1)


def scored(rng: np.random.Generator, x: Floats, labels: Ints, tested: Ints) -> Floats:
    """(n, 2, seeds, images) by networks that did not see the image; `tested` (n, seeds, images): by which one, −1 for
    none."""
    n, _, images, width = x.shape
    penalty, target = np.diag(np.r_[np.full(width - 1, RIDGE), 1e-3]), np.where(labels == 1, 1.0, -1.0)[:, None]
    scores = np.zeros((n, 2, tested.shape[1], images))
    for r in range(tested.shape[1]):
        for k in range(int(tested.max()) + 1):
            here = (tested[:, r] == k)[:, None]
            weight = rng.gamma(NOISE**-2, NOISE**2, (n, 2, images)) * ~here
            weighed = np.swapaxes(x * weight[..., None], -1, -2)
            made = (x @ np.linalg.solve(weighed @ x + penalty, weighed @ target))[..., 0]
            scores[:, :, r] = np.where(here, made, scores[:, :, r])
    return scores


def truth(rng: np.random.Generator, patients: int, positive: int, several: bool) -> tuple[Ints, Ints]:
    """Labels and the patient of each image; the first patients are positive."""
    count = rng.integers(FEWEST, MOST + 1, patients) if several else np.ones(patients, np.int64)
    case = np.repeat(np.arange(patients), count)
    return (case < positive).astype(np.int64), case


def level(
    rng: np.random.Generator, n: int, patients: int, positive: int, folds: int, features: int, images: str
) -> Figures:
    """False positives of one contrast in AUROC at each of SEEDS, with the share that folds add and with others."""
    rows: list[Studies] = []
    for _ in range(max(n // CHUNK, 1)):
        labels, case = truth(rng, patients, positive, images == "several")
        of_patient = (np.arange(patients) < positive).astype(np.int64)
        fold = divide(rng, (CHUNK, max(SEEDS)), of_patient, folds)[..., case]
        scores = scored(rng, images_of(rng, CHUNK, labels, case, features, SIGNAL, 0.0), labels, fold)
        rows.append(judged(*measured(scores, labels, case, fold, "auroc"), SEEDS))
    return means(rows, SEEDS)


def power(
    rng: np.random.Generator, n: int, patients: int, positive: int, folds: int, seeds: int, features: int,
    signal: float, gain: float,
) -> Figures:  # fmt: skip
    """How often a difference is found by `folds` · `seeds` trainings an arm; 1 fold is one split, which tests a fifth
    of the patients, the same ones with every seed."""
    labels, case = truth(rng, patients, positive, False)
    rows: list[Studies] = []
    for _ in range(max(n // CHUNK, 1)):
        x = images_of(rng, CHUNK, labels, case, features, signal, gain)
        if folds > 1:
            fold = divide(rng, (CHUNK, seeds), labels, folds)
            found = measured(scored(rng, x, labels, fold), labels, None, fold, "auroc")
            rows.append(judged(*found, [seeds]))
            continue
        tested = np.concatenate([(of := np.flatnonzero(labels == k))[: round(len(of) / ONE_SPLIT)] for k in (0, 1)])
        split = np.where(np.isin(case, tested), 0, -1) * np.ones((CHUNK, seeds, 1), np.int64)
        scores = scored(rng, x, labels, split)[..., tested]
        rows.append(judged(*measured(scores, labels[tested], None, None, "auroc"), [seeds], 0.0))
    figures = means(rows, [seeds])
    kept = {"error": "found", "half-width": "half-width", "estimate": "difference"}
    return {name: figures[f"R{seeds} {figure}"] for figure, name in kept.items()}
