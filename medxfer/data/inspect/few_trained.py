"""Whether enough patients are left to train and to validate where a fold, or a site, is tested; said beforehand."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from medxfer.base.words import count, site_noun
from medxfer.data.inspect.shortcuts import class_counts
from medxfer.data.split import Split

FEWEST_TRAINED, FEWEST_VALIDATED = 10, 3  # patients of a class below which it is said
NAMED = 3  # folds that are listed


def few_trained(split: Split, parts: Mapping[int | None, NDArray[np.str_]]) -> str:
    """What is few and what to change, or "" where each class has FEWEST_TRAINED and FEWEST_VALIDATED patients.

    `parts` has the part of each image, (N,), in the training of each fold; of None where the patients are divided once.
    """
    few = [(fold, of_fold) for fold, of_fold in parts.items() if _few(split, of_fold)]
    if not few:
        return ""
    listed = [_said(split, fold, of_fold) for fold, of_fold in few[:NAMED]]
    more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
    return (
        f"few patients train or validate: {'; '.join(listed)}{more}. A network learns little from so few, and its "
        f"epoch is chosen by chance: {_way_out(split, any(_elsewhere(split, of_fold) for _, of_fold in few))}"
    )


def _few(split: Split, parts: NDArray[np.str_]) -> bool:
    trained, validated = (_by_class(split, parts == part) for part in ("train", "val"))
    return min(trained.values()) < FEWEST_TRAINED or min(validated.values()) < FEWEST_VALIDATED


def _said(split: Split, fold: int | None, parts: NDArray[np.str_]) -> str:
    """'where view PA is tested, 12 (abnormal 9, normal 8) and 1 (abnormal 1, normal 1), because 168 …'."""
    numbers = []
    for part in ("train", "val"):
        patients = split.images["patient"][parts == part].nunique()
        numbers.append(
            f"{patients:,} ({', '.join(f'{name} {n}' for name, n in _by_class(split, parts == part).items())})"
        )
    where = "" if fold is None else f"where {split.fold_name(fold)} is tested, "
    others = _elsewhere(split, parts)
    because = (
        f", because {count(others, 'patient')} with images elsewhere {'has' if others == 1 else 'have'} some there too"
    )
    return where + " and ".join(numbers) + because * bool(others)


def _elsewhere(split: Split, parts: NDArray[np.str_]) -> int:
    """The patients that are tested and have images that are not, and so are left out of the training."""
    patients = split.images["patient"]
    return len(set(patients[parts == "test"]) & set(patients[parts == ""])) if split.sites else 0


def _way_out(split: Split, shared: bool) -> str:
    if split.settings.groups is None:
        return "add patients"
    noun = site_noun(split.settings.groups)
    change = f"take a column whose values share fewer patients than {noun}s do" if shared else f"join {noun}s"
    return f"{change}, or add patients"


def _by_class(split: Split, among: NDArray[np.bool_]) -> dict[str, int]:
    """Patients of each class."""
    store = split.store
    return {name: n for name, _, n in class_counts(store.labels, store.images["patient"], store.classes, among)}
