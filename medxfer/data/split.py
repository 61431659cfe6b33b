"""Train, validation and test: whole patients, stratified by label, with a seed apart from the training's."""

import hashlib
from collections.abc import Sized
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import DictConfig
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medxfer.base.errors import MedxferError, PrivateError
from medxfer.data.store.build import SAME_PICTURE, GrayStore
from medxfer.data.store.dataset import DatasetInfo

PARTS = ("train", "val", "test")
KEYS = ("image", "path", "patient_id")  # what a table of parts may name images by
ATTEMPTS = 100  # draws that are tried until every class is in every part


@dataclass(frozen=True)
class SplitSettings:
    """How images are divided; the rest, after `val` and `test`, is for training."""

    seed: int = 0
    val: float = 0.2  # share of the images
    test: float = 0.2
    resample: bool = False  # train and val are drawn again with each training's seed; test never is
    file: str | None = None  # a table of parts, instead of the release's own; the other images are drawn

    def __post_init__(self) -> None:
        if not (self.val > 0 and self.test > 0 and self.val + self.test < 1):
            raise MedxferError(
                f"data.split.val={self.val} and data.split.test={self.test}: give shares above 0 that leave some "
                "images for training"
            )


@dataclass(frozen=True, eq=False)
class Split:
    """How a configuration divides a store's images."""

    settings: SplitSettings
    store: GrayStore
    images: pd.DataFrame  # the store's, with the parts that are given in the column split
    training_seed: int
    given: str | None  # the content of data.split.file, as eight hex digits

    @property
    def name(self) -> str:
        """Tells two ways to divide the same images apart."""
        redrawn = f"-seed{self.training_seed}" if self.settings.resample else ""
        return f"split{self.settings.seed}{redrawn}" + (f"-given-{self.given}" if self.given else "")

    @property
    def identity(self) -> dict[str, Any]:
        """What identifies it in a cell: the settings, with the content of the file in place of its path."""
        return {**asdict(self.settings), "file": self.given}

    @property
    def caveats(self) -> tuple[str, ...]:
        """The caveats on the parts that a file gives."""
        divided = int((self.images.groupby("pixels")["split"].nunique() > 1).sum()) if self.given else 0
        return (f"{SAME_PICTURE} in two parts of data.split.file: {divided} pictures",) if divided else ()

    def draw(self) -> NDArray[np.str_]:
        """The part of every image, (N,). Raises MedxferError if there is no such split."""
        return split_images(self.images, self.store.labels, self.store.classes, self.settings, self.training_seed)


def split_of(config: DictConfig, dataset: DatasetInfo, store: GrayStore) -> Split:
    """The split that `config` asks for, not drawn yet. Raises MedxferError if its settings are impossible."""
    settings = SplitSettings(**config.data.split)
    if not settings.file:
        return Split(settings, store, store.images, config.seed, None)
    parts = given_parts(settings.file, dataset, store)
    content = "\n".join(sorted(store.images["image"] + parts))
    given = hashlib.sha256(content.encode()).hexdigest()[:8]
    return Split(settings, store, store.images.assign(split=parts), config.seed, given)


def given_parts(file: str, dataset: DatasetInfo, store: GrayStore) -> NDArray[np.str_]:
    """The part that the table `file` gives to each image of the store, or "", (N,).

    A CSV, or a parquet file as in a study's folder, with the column part (train, val, test) and one of image
    (pseudonym), path (as the data set's table names the file) and patient_id. Raises PrivateError if it is no such
    table, or names an image or a patient that the data set does not have.
    """
    path = Path(file).expanduser()
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path).astype(str)
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise PrivateError(
            f"data.split.file={path}: cannot be read ({type(error).__name__}); "
            "give a CSV, or a parquet file of a study's folder splits"
        ) from error
    key = next((key for key in KEYS if key in table.columns), None)
    if key is None or "part" not in table.columns:
        raise PrivateError(f"data.split.file={file}: needs the column part and one of {', '.join(KEYS)}")
    odd = table["part"][~table["part"].isin(PARTS)]
    if len(odd):
        raise PrivateError(f"data.split.file={file}: '{odd.iloc[0]}' is no part; parts are {', '.join(PARTS)}")
    table = table.drop_duplicates([key, "part"])
    if table[key].duplicated().any():
        raise PrivateError(f"data.split.file={file}: gives one {key} two parts")
    index = dataset.index.images
    known = {  # of all images, readable or not
        "image": lambda: {*store.images["image"], *dataset.pseudonyms("image", index["file"])},
        "path": lambda: {*index["file"], *(name for names in dataset.index.left_out.values() for name in names)},
        "patient_id": lambda: set(index["patient"]),
    }
    strange = table[key][~table[key].isin(known[key]())]
    if len(strange):
        raise PrivateError(
            f"data.split.file={file}: {len(strange)} of its {len(table)} values of {key} are not in the data set "
            f"(the first is '{strange.iloc[0]}')"
        )
    used = index.iloc[store.rows]
    names = {"image": store.images["image"], "path": used["file"], "patient_id": used["patient"]}[key]
    return names.map(table.set_index(key)["part"]).fillna("").to_numpy(dtype=str)


def part_sizes(parts: NDArray[np.str_], patients: NDArray[Any]) -> dict[str, dict[str, int]]:
    """The number of images and of patients in each part."""
    return {
        "images": {name: int((parts == name).sum()) for name in PARTS},
        "patients": {name: len(set(patients[parts == name])) for name in PARTS},
    }


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
    stay together. Parts that are given are kept, and a val or test that is missing is drawn from the rest.
    Raises MedxferError if a class has fewer than three patients, or if no draw puts every class into every part.
    """
    onehot = _onehot(labels, classes)
    check_classes(images["patient"], labels, classes)
    if (images.groupby("patient")["split"].nunique() > 1).any():
        raise MedxferError("the split that is given has a patient in two parts, which would flatter every result")
    units, part = _units(images)
    counts = np.zeros((len(part), len(classes)))  # images of each class, by unit
    np.add.at(counts, units, onehot)
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


def check_classes(patients: pd.Series, labels: NDArray[Any], classes: tuple[str, ...]) -> None:
    """Raise MedxferError if a class has fewer patients than there are parts."""
    onehot = _onehot(labels, classes)
    patients_of = {name: patients[column > 0].nunique() for name, column in zip(classes, onehot.T, strict=True)}
    few = [f"'{name}' has {n}" for name, n in patients_of.items() if n < 3]
    if few:
        raise MedxferError(
            f"too few patients in a class: {', '.join(few)}; training, validation and test need one each, so give "
            "every class at least three, or choose another column of labels (data.label=)"
        )


def _onehot(labels: NDArray[Any], classes: Sized) -> NDArray[np.float64]:
    return np.eye(len(classes))[labels] if labels.ndim == 1 else labels.astype(float)


def _units(images: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Groups of patients that cannot be divided: each image's unit, (N,), and the part given to each unit, or "".

    A unit is patients who share a picture (connected components of patients and pictures). Pictures do not join
    patients whose given parts differ.
    """
    patient, _ = pd.factorize(images["patient"])
    picture = images.groupby(["pixels", "split"]).ngroup().to_numpy()
    n = int(patient.max()) + 1
    nodes = n + int(picture.max()) + 1
    graph = coo_array((np.ones(len(patient)), (patient, n + picture)), shape=(nodes, nodes))
    units, _ = pd.factorize(connected_components(graph, directed=False)[1][patient])
    return units, pd.Series(images["split"].to_numpy()).groupby(units).first().to_numpy(dtype=object)


def _draw(counts: NDArray[Any], share: float, seed: tuple[int, int], keep: int) -> NDArray[np.bool_]:
    """Which units to take so that they hold `share` of the images of every class, at least one unit of each, and leave
    at least `keep` units of each: iterative stratification (Sechidis et al., ECML PKDD 2011), rarest class first."""
    for attempt in range(ATTEMPTS):
        taken = _stratify(counts, share, np.random.default_rng([*seed, attempt]), keep)
        has = counts > 0
        if (has[taken].sum(0) >= 1).all() and (has[~taken].sum(0) >= keep).all():
            return taken
    raise MedxferError(
        "no split by patient puts every class into training, validation and test: too many have several labels or "
        "share pictures; merge rare classes, or choose other labels (data.label=)"
    )


def _stratify(counts: NDArray[Any], share: float, rng: np.random.Generator, keep: int) -> NDArray[np.bool_]:
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
    return np.asarray(side == 0)
