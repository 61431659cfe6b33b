"""Null studies of more than one binary image a patient: several images, several classes, several labels.

Scores are made as in `scored.py`, for each class or label apart, and the parts of patients are correlated over a
patient's images:

    separation · truth  +  patient  +  arm × patient  +  training × patient

Each of the last three is √WITHIN · (what the patient's images share) + √(1 − WITHIN) · (what an image has alone). The
separation differs between trainings and is the same for all classes of a training. Three colormaps with two weights
have the same separation, so that their true difference is 0 exactly. Scores become influences, influences contrasts,
and contrasts a family with its own correlation, as in a finding.
"""

from collections.abc import Callable

import numpy as np
from gaussian import Figures, Floats, halves_of
from numpy.typing import NDArray
from scored import ARM_PATIENT, CHUNK, COLOURS, FIRST, PAIRS, PATIENT, STARTS, TRAINING, WEIGHTS, contrast

from medxfer.analysis.stats.critical import ONE, Largest, largest
from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out, per_patient
from medxfer.analysis.stats.variance import Term, difference_terms, trainings_terms

Integers = NDArray[np.int64]
Truth = tuple[Integers, Integers]  # labels (images,) or (images, labels), and the patient of each image
METRICS = {"auroc": "AUROC", "balanced_accuracy": "balanced accuracy"}
WITHIN = 0.6  # of the variance of a patient's parts, what its images share
APART, NOISE = 1.5, 0.3
MOST, FEWEST = 10, 2  # images of a patient
RAREST = 5  # patients of a class: with fewer, a finding is not judged
CORRELATIONS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)  # at which critical values are tabulated


def several_images(rng: np.random.Generator, n: int, patients: int, positive: int, seeds: int, label: str) -> Figures:
    """2 to 10 images a patient; the label is the patient's, or a part of the positive patients' images has it."""

    def truth() -> Truth:
        case = np.repeat(np.arange(patients), rng.integers(FEWEST, MOST + 1, patients))
        labels = (case < positive).astype(np.int64)
        if label == "image":
            first = np.r_[True, np.diff(case) > 0]  # one image of each positive patient has the label
            labels *= (first | (rng.random(len(case)) < 0.5)).astype(np.int64)
        return labels, case

    return errors(rng, n, seeds, truth)


def several_classes(rng: np.random.Generator, n: int, patients: int, classes: int, seeds: int, shares: str) -> Figures:
    """One image a patient; classes are equally common, or the last one has 5 % of the patients."""

    def truth() -> Truth:
        rare = max(round(0.05 * patients), RAREST) if shares == "rare" else patients // classes
        others = np.arange(patients - rare) % (classes - 1)
        return np.r_[others, np.full(rare, classes - 1)].astype(np.int64), np.arange(patients)

    return errors(rng, n, seeds, truth)


def several_labels(rng: np.random.Generator, n: int, patients: int, labels: int, seeds: int) -> Figures:
    """One image a patient, with labels of which half to 5 % of the patients have one; independent of one another."""
    counts = np.maximum(np.round(np.geomspace(0.5, 0.05, labels) * patients), RAREST)

    def truth() -> Truth:
        rank = np.stack([rng.permutation(patients) for _ in range(labels)], axis=1)
        return (rank < counts).astype(np.int64), np.arange(patients)

    return errors(rng, n, seeds, truth)


def draw(rng: np.random.Generator, n: int, seeds: int, labels: Integers, case: Integers) -> Floats:
    """(n, 6 arms, seeds, images) or, of several classes or labels, (n, 6 arms, seeds, images, classes)."""
    several = labels.ndim == 2 or labels.max() > 1
    hit = labels if labels.ndim == 2 else labels[:, None] == np.arange(labels.max() + 1)
    hit = hit if several else labels[:, None]
    patients, classes = int(case.max()) + 1, hit.shape[1]

    def part(size: float, arms: int, trainings: int) -> Floats:
        shared = rng.standard_normal((n, arms, trainings, patients, classes))
        if len(case) == patients:
            return np.asarray(size * shared)
        alone = rng.standard_normal((n, arms, trainings, len(case), classes))
        return np.asarray(size * (np.sqrt(WITHIN) * shared[..., case, :] + np.sqrt(1 - WITHIN) * alone))

    separation = APART + NOISE * rng.standard_normal((n, 6, seeds))
    scores = separation[..., None, None] * (hit - 0.5) + part(TRAINING, 6, seeds)
    scores += part(PATIENT, 1, 1)
    scores += part(ARM_PATIENT, 6, 1)
    return scores if several else scores[..., 0]


def errors(rng: np.random.Generator, n: int, seeds: int, truth: Callable[[], Truth]) -> Figures:
    """False positives of RQ1 (two colormaps, family-wise) and RQ2; the test set is drawn anew every CHUNK studies."""
    rows = []
    for _ in range(max(n // CHUNK, 1)):
        labels, case = truth()
        scores = draw(rng, CHUNK, seeds, labels, case)
        cases = check_cases(scores.reshape(-1, *scores.shape[3:]), labels, case)
        row = {}
        for metric, name in METRICS.items():
            full, without = leave_one_patient_out(cases, metric, 0.0)
            theta, influence = full.reshape(scores.shape[:3]), per_patient(without).reshape(*scores.shape[:3], -1)
            half, between = judged(theta, influence)
            row[f"RQ1 {name}"] = (np.abs(theta.mean(2) @ COLOURS.T) > half).any(1).mean()
            row[f"RQ2 {name}"] = (np.abs(theta.mean(2) @ WEIGHTS.T) > between).mean()
            row[f"half-width {name}"] = 100 * half.mean()
        rows.append(row)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def judged(theta: Floats, influence: Floats) -> tuple[Floats, Floats]:
    """Half-widths of RQ1's intervals (n, 2), simultaneous, and of RQ2's (n, 1)."""
    colours = [trainings_terms(theta, COLOURS, STARTS), contrast(influence, COLOURS)]
    start = [difference_terms(np.einsum("pa,nas->nps", PAIRS, theta), FIRST), contrast(influence, WEIGHTS)]
    correlation = correlations(*colours, influence)
    tabulated = np.stack([halves_of(colours, pair(r)) for r in CORRELATIONS])  # (correlations, n, 2)
    by_study = zip(correlation, np.moveaxis(tabulated, 1, 0), strict=True)
    half = np.array([[np.interp(r, CORRELATIONS, of) for of in rows.T] for r, rows in by_study])
    return half, halves_of(start, ONE)


def pair(correlation: float) -> Largest:
    """The family of two contrasts that correlate by this much."""
    return largest(np.array([[1.0, correlation], [correlation, 1.0]]))


def correlations(trainings: Term, patients: Term, influence: Floats) -> Floats:
    """(n,): of RQ1's two estimates, as `Family.correlation` has it for one study."""
    a, b = np.einsum("ka,nasp->knp", COLOURS, influence) / influence.shape[2]
    lengths = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    cosine = np.divide((a * b).sum(1), lengths, out=np.zeros(len(a)), where=lengths > 0)
    design = float(COLOURS[0] @ COLOURS[1] / (np.linalg.norm(COLOURS[0]) * np.linalg.norm(COLOURS[1])))
    total = trainings.variance + patients.variance
    shared = cosine * np.sqrt(patients.variance.prod(1)) + design * np.sqrt(trainings.variance.prod(1))
    return np.clip(np.abs(shared / np.sqrt(np.maximum(total.prod(1), 1e-300))), 0, 1)
