"""Studies of real images in which no arm is better: whole patients drawn from a data set, divided into folds.

Either the two arms' colormaps are swapped patient by patient, at random ("colours"), so that the arms are exchangeable
whatever the patients; or patients get each other's labels ("labels"), so that there is nothing to learn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from fold_figures import Ints, Studies, judged, means, measured
from folded import divide
from gaussian import Figures, Floats
from numpy.typing import NDArray
from real_images import images

METRICS = {"auroc": "", "balanced_accuracy": " balanced accuracy"}


@dataclass(frozen=True)
class Drawn:
    """Studies of as many patients; those with fewer images than others are filled up, after `count` images."""

    image: Ints  # (n, images), in the data set
    labels: Ints  # (n, images)
    case: Ints  # (n, images), the number of the patient in the study
    count: Ints  # (n,)
    fold: Ints  # (n, seeds, images); −1 where filled up
    view: Ints  # (n, 2 arms, images)


Scores = Callable[[np.random.Generator, Drawn], Floats]  # → (n, 2, seeds, images), above 0 means positive


def draw(
    rng: np.random.Generator, n: int, data: str, null: str, patients: int, positive: int, folds: int, seeds: int
) -> Drawn:
    """Of `patients`, `positive` have a positive image; with 0, as many as there happen to be."""
    of = images(data)
    of_patient = [np.flatnonzero(of.case == number) for number in range(of.case.max() + 1)]
    ill = np.array([of.labels[where].any() for where in of_patient])
    rows = []
    for _ in range(n):
        if positive:
            groups = (
                rng.permutation(np.flatnonzero(ill == k))[:m] for k, m in ((1, positive), (0, patients - positive))
            )
            picked = np.concatenate(list(groups))
        else:
            picked = rng.permutation(len(ill))[:patients]
        mine = [of_patient[number] for number in picked]
        labels = [of.labels[one] for one in mine]
        if null == "labels":
            given = (labels[number] for number in rng.permutation(patients))
            labels = [np.resize(other, len(one)) for other, one in zip(given, mine, strict=True)]
        fold = divide(rng, (seeds,), np.array([one.max() for one in labels]), folds)
        rows.append((mine, labels, fold))
    count = np.array([sum(map(len, mine)) for mine, _, _ in rows])
    image, labelled, case = (np.zeros((n, count.max()), np.int64) for _ in range(3))
    folded = np.full((n, seeds, count.max()), -1)
    for i, (mine, labels, fold) in enumerate(rows):
        m = count[i]
        case[i, :m] = np.repeat(np.arange(patients), [len(one) for one in mine])
        image[i, :m], labelled[i, :m] = np.concatenate(mine), np.concatenate(labels)
        folded[i, :, :m] = fold[:, case[i, :m]]
    swapped = rng.integers(0, 2, (n, patients)) if null == "colours" else np.zeros((n, patients), np.int64)
    first = np.take_along_axis(swapped, case, 1)
    return Drawn(image, labelled, case, count, folded, np.stack([first, 1 - first], 1))


def training_weights(rng: np.random.Generator, drawn: Drawn, folds: int, noise: float) -> NDArray[np.float32]:
    """(n, 2, images, seeds · folds): what an image weighs in a network's training; both classes weigh a half.

    A network does not see its fold, nor an eighth of the other patients, its validation part, the same in both arms.
    Each network weighs its images at random, with this deviation, as order and chance do in a training.
    """
    n, seeds, count = drawn.fold.shape
    patients = int(drawn.case.max()) + 1
    validation = rng.random((n, seeds, folds, patients)) < 1 / 8
    hidden = np.stack([validation[i][..., drawn.case[i]] for i in range(n)])
    seen = (drawn.fold[:, :, None] != np.arange(folds)[:, None]) & (drawn.fold[:, :, None] >= 0) & ~hidden
    seen = np.moveaxis(seen.reshape(n, seeds * folds, count), 1, 2)[:, None]
    weight = rng.gamma(noise**-2, noise**2, (n, 2, *seen.shape[2:])) * seen
    for k in (0, 1):
        of = (drawn.labels == k)[:, None, :, None]
        weight /= np.where(of, 2 * np.maximum((weight * of).sum(2, keepdims=True), 1e-9), 1)
    return weight.astype(np.float32)


def by_own_network(scores: Floats, drawn: Drawn, folds: int) -> Floats:
    """(n, 2, images, seeds · folds) → (n, 2, seeds, images): the score by the network that did not see the image."""
    n, seeds, count = drawn.fold.shape
    every = np.moveaxis(scores.reshape(n, 2, count, seeds, folds), 2, 3)
    where = np.maximum(drawn.fold, 0)[:, None, :, :, None]
    return np.asarray(np.take_along_axis(every, where, -1)[..., 0], np.float64)


def errors(
    rng: np.random.Generator, n: int, chunk: int, seeds: tuple[int, ...], scores: Scores, **design: int | str
) -> Figures:
    """False positives of one contrast at each of `seeds`, in two metrics; `design` as for `draw`."""
    rows: list[Studies] = []
    for _ in range(max(n // chunk, 1)):
        drawn = draw(rng, chunk, seeds=max(seeds), **design)
        made, row = scores(rng, drawn), {}
        for metric, name in METRICS.items():
            parts = []
            for i, m in enumerate(drawn.count):
                of = (made[i, ..., :m], drawn.labels[i, :m], drawn.case[i, :m], drawn.fold[i, :, :m])
                parts.append(measured(*of, metric))
            theta, influence = (np.stack(of) for of in zip(*parts, strict=True))
            figures = judged(theta, influence, seeds)
            row |= {f"{key}{name}": values for key, values in figures.items() if not name or key.endswith("error")}
            if not name:
                row["AUROC"] = theta.mean((1, 2))
        rows.append(row)
    return means(rows, seeds)
