"""Train, validation and test: whole patients, stratified by label, seeded apart from training."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medxfer.errors import MedxferError

ATTEMPTS = 100  # draws that are tried until every class is in every part


@dataclass(frozen=True)
class SplitSettings:
    """How images are divided; the rest, after `val` and `test`, is for training."""

    seed: int = 0
    val: float = 0.2  # share of the images
    test: float = 0.2
    resample: bool = False  # train and val are drawn again with each training's seed; test never is


def split_images(
    images: pd.DataFrame,
    labels: NDArray,
    classes: tuple[str, ...],
    settings: SplitSettings,
    training_seed: int,
) -> NDArray[np.str_]:
    """The part ("train", "val" or "test") of every image, (N,).

    `images` has the columns patient, split (the release's own part, or "") and pixels (equal for equal pictures);
    `labels` is (N,) class indices or (N, C) multi-label. Patients are never divided, and patients who share a picture
    stay together. A release's own parts are kept; where it has no validation part, that is drawn from what is not test.
    Raises MedxferError where a class has fewer than three patients, or no draw puts every class into every part.
    """
    onehot = _onehot(labels, classes)
    check_classes(images["patient"], labels, classes)
    official = (images["split"] != "").any()
    units, _ = pd.factorize(images["patient"] if official else _inseparable(images["patient"], images["pixels"]))
    counts = np.zeros((units.max() + 1, len(classes)))  # images of each class, by unit
    np.add.at(counts, units, onehot)
    own = pd.Series(images["split"].to_numpy()).groupby(units).agg(["nunique", "first"])
    if (own["nunique"] > 1).any():
        raise MedxferError("the release's own split has a patient in two parts, which would flatter every result")
    part = own["first"].to_numpy(dtype=object)
    if not (part == "test").any():
        part[_draw(counts, settings.test, (settings.seed, 1), keep=2)] = "test"
    rest = np.flatnonzero(part != "test")
    if settings.resample or not (part == "val").any():
        seed = training_seed if settings.resample else settings.seed
        part[rest] = "train"
        part[rest[_draw(counts[rest], settings.val / (1 - settings.test), (seed, 2), keep=1)]] = "val"
    return part[units].astype(str)


def training_subset(images: pd.DataFrame, labels: NDArray, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which of the training `images` a learning curve's `fraction` takes, (N,): whole patients, some of every class,
    nested (10 % is part of 30 %)."""
    units, _ = pd.factorize(images["patient"])
    label_sets, _ = pd.factorize(pd.Series([label.tobytes() for label in labels]))
    stratum = pd.Series(label_sets).groupby(units).min().to_numpy()  # a patient with several counts for the first
    order = pd.Series(np.random.default_rng([seed, 3]).permutation(len(stratum)))
    rank = order.groupby(stratum).rank(method="first").to_numpy() - 1  # 0, 1, 2 … within the stratum
    size = np.bincount(stratum)[stratum]
    return (rank < np.ceil(np.round(fraction * size, 9)))[units]


def check_classes(patients: pd.Series, labels: NDArray, classes: tuple[str, ...]) -> None:
    """Raise MedxferError where a class has fewer patients than there are parts."""
    onehot = _onehot(labels, classes)
    patients_of = {name: patients[column > 0].nunique() for name, column in zip(classes, onehot.T, strict=True)}
    few = [f"'{name}' has {n}" for name, n in patients_of.items() if n < 3]
    if few:
        raise MedxferError(
            f"too few patients in a class: {', '.join(few)}; training, validation and test need one each, so give "
            "every class at least three, or choose another column of labels (data.label=)"
        )


def _onehot(labels: NDArray, classes: tuple[str, ...]) -> NDArray[np.float64]:
    return np.eye(len(classes))[labels] if labels.ndim == 1 else labels.astype(float)


def _inseparable(patients: pd.Series, pixels: pd.Series) -> NDArray[np.int64]:
    """Patients who share a picture, as one group (connected components of patients and pictures)."""
    patient, _ = pd.factorize(patients)
    picture, _ = pd.factorize(pixels)
    n = int(patient.max()) + 1
    nodes = n + int(picture.max()) + 1
    graph = coo_array((np.ones(len(patient)), (patient, n + picture)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1][patient]


def _draw(counts: NDArray, share: float, seed: tuple[int, int], keep: int) -> NDArray[np.bool_]:
    """Which units to take so that they hold `share` of the images of every class, at least one unit of each, and leave
    at least `keep` units of each: iterative stratification (Sechidis et al., ECML PKDD 2011), rarest class first."""
    for attempt in range(ATTEMPTS):
        taken = _stratify(counts, share, np.random.default_rng([*seed, attempt]), keep)
        has = counts > 0
        if (has[taken].sum(0) >= 1).all() and (has[~taken].sum(0) >= keep).all():
            return taken
    raise MedxferError(
        "no split by patient puts every class into training, validation and test: too many have several labels; "
        "merge rare classes, or choose another column of labels (data.label=)"
    )


def _stratify(counts: NDArray, share: float, rng: np.random.Generator, keep: int) -> NDArray[np.bool_]:
    has = counts > 0
    need = np.stack([share * counts.sum(0), (1 - share) * counts.sum(0)])  # images that the two sides still want
    least = (1, keep)
    side = np.full(len(counts), -1)  # 0 taken, 1 left
    for cls in np.argsort(has.sum(0), kind="stable"):
        waiting = rng.permutation(np.flatnonzero(has[:, cls] & (side < 0)))
        have = [int((has[:, cls] & (side == s)).sum()) for s in (0, 1)]
        for position, unit in enumerate(waiting):
            lacking = [max(0, least[s] - have[s]) for s in (0, 1)]
            if len(waiting) - position <= sum(lacking):
                chosen = 0 if lacking[0] else 1
            else:
                chosen = int(need[1, cls] > need[0, cls])
            side[unit] = chosen
            have[chosen] += 1
            need[chosen] -= counts[unit]
    side[side < 0] = 1  # units without any label (multi-label) stay where most images are
    return side == 0
