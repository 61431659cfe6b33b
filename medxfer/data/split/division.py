"""A data set's images in parts: for one training, or for each fold of it."""

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.words import count, listing, site_noun
from medxfer.data.sources.joined import COLUMN, HOW
from medxfer.data.split.draw import LEFT_OUT, check_sites, draw_folds, parts_of_fold, split_images
from medxfer.data.split.given import Given, read_given
from medxfer.data.split.settings import PARTS, SplitSettings
from medxfer.data.split.together import kept_together
from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.gray_store import SAME_PICTURE, GrayStore


@dataclass(frozen=True, eq=False)
class Split:
    """How a configuration divides a store's images, in the training of one seed."""

    settings: SplitSettings
    store: GrayStore
    images: pd.DataFrame  # the store's, with the parts that are given in the column split
    training_seed: int
    given: str | None  # the content of data.split.file, as eight hex digits
    sites: tuple[str, ...] = ()  # the names of folds that are given, or of the values of groups
    fixed: NDArray[np.int64] | None = None  # (N,) the fold of each image, the same for all seeds
    joined: int = 0  # patients and
    unused: int = 0  # images, as `KeptTogether` has them

    @property
    def folds(self) -> int | None:
        """In how many folds the patients are divided; None for one split."""
        return len(self.sites) or self.settings.folds

    @property
    def name(self) -> str:
        """Tells two ways to divide the same images apart."""
        ways = [f"split{self.settings.seed}"]
        if self.settings.groups:
            ways.append(f"groups-{self.settings.groups}")
        elif self.folds:
            ways.append(f"folds{self.folds}")
        if self.settings.resample or self.folds:
            ways.append(f"seed{self.training_seed}")
        if not self.settings.official:
            ways.append("unofficial")
        return "-".join([*ways, *([f"given-{self.given}"] if self.given else [])])

    @property
    def way(self) -> str:
        """How the patients are divided, in words; the same for all seeds."""
        if self.folds is None:
            return "one split"
        number = count(self.folds, "fold")
        by = f" by {self.settings.groups}" if self.settings.groups else f" of file {self.given}" if self.given else ""
        return f"{number}{by}" + ("" if self.settings.official else " with data.split.official=false")

    @property
    def identity(self) -> dict[str, Any]:
        """What identifies it in a cell: the settings, with the content of the file in place of its path."""
        asked = {**asdict(self.settings), "file": self.given}
        unused = {"folds": None, "groups": None, "official": True}
        asked = {key: value for key, value in asked.items() if key not in unused or value != unused[key]}
        if self.settings.groups and self.fixed is not None:  # the data set's identity does not have its other columns
            asked["sites"] = hashlib.sha256(f"{self.sites}{self.fixed.tolist()}".encode()).hexdigest()[:8]
        return asked

    @property
    def caveats(self) -> tuple[str, ...]:
        """What became of patients and pictures that given parts would divide."""
        said = []
        if self.joined:
            patients = count(self.joined, "patient")
            said.append(f"{SAME_PICTURE} or patient as in a given part, so that they belong to it: {patients}")
        if self.unused:
            images = count(self.unused, "image")
            said.append(f"{SAME_PICTURE} in two given parts, so that the one held out more keeps it: {images} left out")
        return tuple(said)

    def fold_name(self, fold: int) -> str:
        """'hospital B' of one by groups, 'fold 1' of others."""
        return f"{site_noun(self.settings.groups)} {self.sites[fold]}" if self.settings.groups else f"fold {fold}"

    def parts(self) -> NDArray[np.str_]:
        """The part of every image, (N,): of a training with one split; with folds, "test" for all that a fold tests.

        Raises MedxferError if there is no such division.
        """
        if self.folds is None:
            return self.table()["part"].to_numpy(dtype=str)
        tested = self.images["split"] != "test" if self.fixed is None else self.fixed != LEFT_OUT
        return np.where(tested, "test", "")

    def table(self) -> pd.DataFrame:
        """What a study keeps: image, patient, and part; with folds: fold, and part_<k> in the training of fold k.

        Raises MedxferError if there is no such division.
        """
        store, names = self.store, self.images[["image", "patient"]]
        described = (self.images, store.labels, store.classes)
        if self.folds is None:
            return names.assign(part=split_images(*described, self.settings, self.training_seed))
        seed = (self.settings.seed, self.training_seed)
        fold = draw_folds(*described, self.folds, (*seed, 4)) if self.fixed is None else self.fixed
        parts = {
            f"part_{k}": parts_of_fold(*described, fold, k, self.settings.val_of_rest, (*seed, 5))
            for k in range(self.folds)
        }
        return names.assign(fold=fold, **parts)


def split_of(config: DictConfig, dataset: DatasetInfo, store: GrayStore) -> Split:
    """The split that `config` asks for, not drawn yet. Raises MedxferError if its settings are impossible."""
    settings = SplitSettings(**config.data.split)
    images = store.images if settings.official else store.images.assign(split="")
    if settings.groups:
        return _by_groups(Split(settings, store, images, config.seed, None), dataset)
    if not settings.file:
        return _by_part(Split(settings, store, images, config.seed, None))
    given = read_given(settings.file, dataset, store)
    if given.folds:
        return _by_given(Split(settings, store, images.assign(split=""), config.seed, given.content), given)
    if settings.folds:
        raise MedxferError(
            f"data.split.file={settings.file} gives parts, and data.split.folds={settings.folds} divides all patients: "
            "give a table with the column fold, or leave data.split.folds out"
        )
    return _by_part(Split(settings, store, images.assign(split=given.values), config.seed, given.content))


def part_sizes(parts: NDArray[np.str_], patients: NDArray[Any]) -> dict[str, dict[str, int]]:
    """The number of images and of patients in each part."""
    return {
        "images": {name: int((parts == name).sum()) for name in PARTS},
        "patients": {name: len(set(patients[parts == name])) for name in PARTS},
    }


def _by_groups(split: Split, dataset: DatasetInfo) -> Split:
    """`split` with a fold for each value of the column of the data set's table that data.split.groups names."""
    column, table = split.settings.groups, dataset.index.table
    if table is not None and column in table:
        return _by_site(split, table[column])
    if column == COLUMN:
        raise MedxferError(f"data.split.groups={COLUMN} trains on all data sets but one, and this is one: {HOW}")
    fit = [] if table is None else [str(name) for name in table if _divides(split, table[name])]
    way_out = f"choose {listing(fit, 'or')}" if fit else "none of its columns has every class in each group, so add one"
    raise MedxferError(f"data.split.groups={column}: the table of this data set has no such column; {way_out}")


def _divides(split: Split, values: pd.Series) -> bool:
    try:
        _by_site(split, values)
    except MedxferError:
        return False
    return True


def _by_site(split: Split, values: pd.Series) -> Split:
    """`split` with a fold for each of the `values`, one an image of the data set's index, in the order of their names.

    Raises MedxferError if one is blank, or if the folds are not such that each can be tested.
    """
    settings, store, free = split.settings, split.store, (split.images["split"] != "test").to_numpy()
    values = values.iloc[store.rows].str.strip().reset_index(drop=True)
    if blank := int((values == "").sum()):
        raise MedxferError(
            f"data.split.groups={settings.groups}: {blank} of {len(values)} images have no value there; fill the "
            "column, or leave their rows out"
        )
    fold, sites = pd.factorize(values, sort=True)
    if len(sites) < 2:
        raise MedxferError(f"data.split.groups={settings.groups}: all images have the value '{sites[0]}': it takes two")
    fold = np.where(free, fold, LEFT_OUT)
    check_sites(store.images["patient"], store.labels, store.classes, fold, tuple(sites))
    return replace(split, sites=tuple(map(str, sites)), fixed=fold)


def _by_part(split: Split) -> Split:
    """`split` with its given parts spread over whole patients and shared pictures."""
    if split.settings.folds:
        return split
    kept = kept_together(split.images, split.settings.resample)
    return replace(split, images=kept.images, joined=kept.joined, unused=kept.unused)


def _by_given(split: Split, given: Given) -> Split:
    """`split` by the folds that a file gives."""
    names = sorted(set(given.values) - {str(LEFT_OUT)}, key=lambda name: (len(name), name))
    asked = split.settings.folds
    if len(names) < 2 or (asked and asked != len(names)):
        way_out = f"leave data.split.folds={asked} out" if asked else "it takes two or more"
        raise MedxferError(f"data.split.file={split.settings.file} has {count(len(names), 'fold')}: {way_out}")
    number = {name: place for place, name in enumerate(names)}
    fold = np.array([number.get(value, LEFT_OUT) for value in given.values])
    patients = split.images.assign(fold=fold)[fold != LEFT_OUT].groupby("patient")["fold"].nunique()
    if (patients > 1).any():
        raise MedxferError(
            f"data.split.file={split.settings.file} has {count(int((patients > 1).sum()), 'patient')} in two folds, "
            "which would flatter every result; give each patient one fold"
        )
    store = split.store
    check_sites(store.images["patient"], store.labels, store.classes, fold, names)
    return replace(split, sites=tuple(names), fixed=fold)
