"""Draws of whole patients: parts, folds and training fractions, stratified by label."""

from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.words import count
from medxfer.data.sources.positive_class import spellings
from medxfer.data.sources.source import Source
from medxfer.data.split.settings import SplitSettings
from medxfer.data.split.together import UNUSED, kept_together, units_of

ATTEMPTS = 100  # draws that are tried until every class is in every part
VALIDATED = 2  # patients of a class from whom an epoch is chosen, where there are enough
LEFT_OUT = -1  # the fold of an image that no fold tests


def split_images(
    images: pd.DataFrame,
    labels: NDArray[Any],
    classes: tuple[str, ...],
    settings: SplitSettings,
    training_seed: int,
) -> NDArray[np.str_]:
    """The part ("train", "val" or "test") of every image, (N,).

    `images` has the columns patient, split (the part that is given, or "") and pixels (equal for equal pictures);
    `labels` is (N,) class indices or (N, C) multi-label. Patients are never divided, and patients who share a picture
    stay together. Parts that are given are kept as `kept_together` says ("" is then the part of what none may use), and
    a val or test that is missing is drawn from the rest. Raises MedxferError if a class has fewer than three patients,
    if a patient has two given parts, or if no draw puts every class into every part.
    """
    images = kept_together(images, settings.resample).images
    used = (images["split"] != UNUSED).to_numpy()
    parts = np.full(len(images), "", dtype="U5")
    parts[used] = _drawn_parts(images[used], labels[used], classes, settings, training_seed)
    return parts


def _drawn_parts(
    images: pd.DataFrame,
    labels: NDArray[Any],
    classes: tuple[str, ...],
    settings: SplitSettings,
    training_seed: int,
) -> NDArray[np.str_]:
    check_classes(images["patient"], labels, classes)
    units = units_of(images)
    part = images["split"].groupby(units).max().to_numpy(dtype=object)  # with `resample` a unit has train and val alike
    counts = _by_unit(units, labels, classes)
    if not (part == "test").any():
        free = np.flatnonzero(part != "val")
        keep = 2 if len(free) == len(part) else 1  # for training, and for validation if that is drawn next
        part[free[_draw(counts[free], settings.test, (settings.seed, 1), keep)]] = "test"
    rest = np.flatnonzero(part != "test")
    if settings.resample or not (part == "val").any():
        seed = training_seed if settings.resample else settings.seed
        part[rest] = "train"
        part[rest[_draw(counts[rest], settings.val / (1 - settings.test), (seed, 2), keep=1)]] = "val"
    part[part == ""] = "train"
    return part[units].astype(str)


def draw_folds(
    images: pd.DataFrame, labels: NDArray[Any], classes: tuple[str, ...], folds: int, seed: tuple[int, ...]
) -> NDArray[np.int64]:
    """The fold of every image, (N,), from 0 to `folds` − 1; LEFT_OUT for images of a given test part.

    `images` and `labels` are as in `split_images`. Each fold has about as many images of every class. Patients who
    share a picture are in one fold. Raises MedxferError if a class has fewer patients than there are folds, or if no
    draw puts every class into every fold.
    """
    free = (images["split"] != "test").to_numpy()
    used = images[free]  # validation is drawn from the folds that train, given or not
    units = units_of(used)
    _check_for_folds(units, _onehot(labels[free], classes), classes, folds)
    counts = _by_unit(units, labels[free], classes)
    fold = np.full(len(counts), folds - 1)
    least = 2 if folds == 2 else 1  # of each class in a fold, so that the others can train and validate
    rest = np.arange(len(counts))
    for k in range(folds - 1):
        taken = _draw(counts[rest], 1 / (folds - k), (*seed, k), max(least, folds - 1 - k), least)
        fold[rest[taken]] = k
        rest = rest[~taken]
    out = np.full(len(images), LEFT_OUT)
    out[free] = fold[units]
    return out


def parts_of_fold(
    images: pd.DataFrame,
    labels: NDArray[Any],
    classes: tuple[str, ...],
    folds: NDArray[np.int64],
    fold: int,
    val: float,
    seed: tuple[int, ...],
) -> NDArray[np.str_]:
    """The part of every image, (N,), in the training that `fold` tests: "test", "train", "val", or "" for unused ones.

    `folds` is (N,) as `draw_folds` gives it, or the sites' numbers. Not used are images of no fold, and images of other
    folds whose patients, or whose pictures' patients, are also in this one. `val` is validation's share of the images
    that are not tested. Raises MedxferError if no draw puts every class into training and validation.
    """
    units = units_of(images)
    part = np.where(folds == fold, "test", "").astype(object)
    tested = np.isin(units, units[folds == fold])
    rest = (folds != LEFT_OUT) & ~tested
    place = np.unique(units[rest], return_inverse=True)[1]
    counts = _by_unit(place, labels[rest], classes)
    part[rest] = np.where(_draw_validation(counts, val, (*seed, fold))[place], "val", "train")
    return part.astype(str)


def _draw_validation(counts: NDArray[Any], share: float, seed: tuple[int, ...]) -> NDArray[np.bool_]:
    """As `_draw`; where classes have VALIDATED patients for each side, none of one patient's images alone."""
    if ((counts[:, :-1] > 0).sum(0) >= 2 * VALIDATED).all():
        try:
            return _draw(counts, share, seed, keep=VALIDATED, take=VALIDATED)
        except MedxferError:  # of too many with several labels: one patient of a class has to do
            pass
    return _draw(counts, share, seed, keep=1)


def check_sites(
    patients: pd.Series, labels: NDArray[Any], classes: tuple[str, ...], folds: NDArray[np.int64], sites: Sequence[str]
) -> None:
    """Raise MedxferError if a site has a class of fewer than two patients, or if too few patients are elsewhere."""
    onehot = _onehot(labels, classes)

    def places() -> Iterator[tuple[str, NDArray[Any], str, NDArray[Any]]]:  # one by one: an id makes a site of an image
        for number, site in enumerate(sites):
            for name, column in zip(classes, onehot.T, strict=True):
                yield site, folds == number, name, column > 0

    for site, here, name, has in places():
        if (few := patients[has & here].nunique()) < 2:
            raise MedxferError(
                f"fold '{site}' has {count(few, 'patient')} with '{name}', and a fold is judged from two of each class "
                "on: join it with another in the table, or leave its rows out"
            )
    for site, here, name, has in places():
        if patients[has & ~patients.isin(patients[here]).to_numpy()].nunique() < 2:
            raise MedxferError(
                f"outside of fold '{site}' there are too few patients with '{name}' to train on: join folds in the "
                "table, or leave this class out"
            )


def _check_for_folds(units: NDArray[Any], onehot: NDArray[Any], classes: tuple[str, ...], folds: int) -> None:
    for name, column in zip(classes, onehot.T, strict=True):
        if (few := len(set(units[column > 0]))) < max(folds, 4 if folds == 2 else 3):
            raise MedxferError(
                f"data.split.folds={folds}: '{name}' has {count(few, 'patient')}, and each fold tests some of them "
                "while others train and validate: give fewer folds, or merge rare classes"
            )


def training_subset(images: pd.DataFrame, labels: NDArray[Any], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which of the training `images` a learning curve's `fraction` takes, (N,): whole patients, some of every class,
    nested (10 % is part of 30 %), stratified by the rarest class that a patient has."""
    units, _ = pd.factorize(images["patient"])
    onehot = _onehot(labels, range(labels.max() + 1)) if labels.ndim == 1 else labels
    has = np.zeros((units.max() + 1, onehot.shape[1]), bool)
    np.logical_or.at(has, units, onehot > 0)
    order = np.random.default_rng([seed, 3]).permutation(len(has))
    stratum = np.where(has.any(1), np.where(has, has.sum(0), np.inf).argmin(1), has.shape[1])
    rank = pd.Series(order).groupby(stratum).rank(method="first").to_numpy() - 1  # 0, 1, 2 … within the stratum
    size = np.bincount(stratum)[stratum]
    taken = rank < np.ceil(np.round(fraction * size, 9))
    for column in has.T[has.any(0)]:  # a class may be no patient's rarest
        holders = np.flatnonzero(column)
        taken[holders[order[holders].argmin()]] = True
    return np.take(taken, units)


def check_classes(
    patients: pd.Series, labels: NDArray[Any], classes: tuple[str, ...], remedy: str = Source.remedy
) -> None:
    """Raise MedxferError if a class has fewer patients than there are parts; `remedy` is the data set's."""
    onehot = _onehot(labels, classes)
    patients_of = {name: patients[column > 0].nunique() for name, column in zip(classes, onehot.T, strict=True)}
    few = [f"'{name}' has {n}" for name, n in patients_of.items() if n < 3]
    if few:
        raise MedxferError(
            f"too few patients in a class: {', '.join(few)}; training, validation and test need one each, so give "
            f"every class at least three, or {remedy}{spellings(classes)}"
        )


def _onehot(labels: NDArray[Any], classes: Sized) -> NDArray[np.float64]:
    return np.eye(len(classes))[labels] if labels.ndim == 1 else labels.astype(float)


def _by_unit(units: NDArray[Any], labels: NDArray[Any], classes: Sized) -> NDArray[np.float64]:
    """Images of each class, by unit, (units, C + 1); the last column has all images of a unit without any label, as
    there are in multi-label tasks."""
    counts = np.zeros((int(units.max()) + 1, len(classes)))
    np.add.at(counts, units, _onehot(labels, classes))
    return np.column_stack([counts, np.where(counts.any(1), 0, np.bincount(units))])


def _draw(counts: NDArray[Any], share: float, seed: tuple[int, ...], keep: int, take: int = 1) -> NDArray[np.bool_]:
    """Which units to take so that they hold `share` of the images of every class, at least `take` units of each, and
    leave at least `keep` of each: iterative stratification (Sechidis et al., ECML PKDD 2011), rarest class first, and
    units without any label last. `counts` is as `_by_unit` gives it."""
    for attempt in range(ATTEMPTS):
        taken = _stratify(counts, share, np.random.default_rng([*seed, attempt]), keep, take)
        has = counts[:, :-1] > 0
        if (has[taken].sum(0) >= take).all() and (has[~taken].sum(0) >= keep).all():
            return taken
    raise MedxferError(
        "no split by patient puts every class into training, validation and test: too many have several labels or "
        "share pictures; merge rare classes, or add patients who have them"
    )


def _stratify(counts: NDArray[Any], share: float, rng: np.random.Generator, keep: int, take: int) -> NDArray[np.bool_]:
    has = counts > 0
    need = np.stack([share * counts.sum(0), (1 - share) * counts.sum(0)])  # images that the two sides still want
    side = np.full(len(counts), -1)  # 0 taken, 1 left
    without = counts.shape[1] - 1
    for cls in (*np.argsort(has[:, :without].sum(0), kind="stable"), without):
        least = (take, keep) if cls != without else (0, 0)
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
    return np.asarray(side == 0)
