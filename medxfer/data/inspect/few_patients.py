"""Whether enough patients of each class are tested for a verdict, and whether folds would test more; said before the
training."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from medxfer.base.words import FEWEST_PATIENTS, FOLDS, FOLDS_BELOW, count, listing
from medxfer.data.inspect.shortcuts import class_counts
from medxfer.data.split import Split


def few_patients(split: Split, parts: NDArray[np.str_]) -> str:
    """One sentence with what to change, or "" where each class has FEWEST_PATIENTS or more in the test part.

    Patients are counted as the analysis counts them: in every class of which they have an image; in a multi-label task
    also those with an image without the label. `parts` is (N,), as `Split.parts` gives it: with folds, of all of them.
    """
    tested = _patients(split, parts == "test")
    few = {name: n for name, n in tested.items() if n < FEWEST_PATIENTS}
    if not few:
        return ""
    found = listing([f"{count(n, 'test patient')} with {name}" for name, n in few.items()])
    everyone = _patients(split, np.ones(len(parts), bool))
    if split.folds is None and (split.images["split"] == "test").any():
        change = "the test part is given, so add patients to it, or give another one by data.split.file="
    elif split.folds is None and all(everyone[name] >= FEWEST_PATIENTS for name in few):
        change = f"test every patient by data.split.folds={FOLDS}, or add patients"
        if all(everyone[name] >= 2 * FEWEST_PATIENTS for name in few):
            change += f", or raise data.split.test= ({split.settings.test:g} now)"
    else:
        change = "add patients of it" if len(few) == 1 else "add patients of them"
    return (
        f"{found}: the report will describe and not judge, because it takes {FEWEST_PATIENTS} test patients of each "
        f"class; {change}"
    )


def can_have_folds(split: Split) -> bool:
    """Whether `split` leaves every image to be tested by some fold: no test part is given, by a release or a file."""
    return not (split.images["split"] == "test").any()


def most_folds(split: Split) -> int:
    """The number of folds in each of which every class can have a patient."""
    return min(
        n for name, n in _patients(split, np.ones(len(split.images), bool)).items() if name in split.store.classes
    )


def advised_folds(split: Split) -> int | None:
    """The number of folds that is recommended.

    None with folds, with a given test part, with FOLDS_BELOW patients or more, and where a class has too few patients
    for a verdict anyhow.
    """
    few = split.images["patient"].nunique() < FOLDS_BELOW
    return FOLDS if split.folds is None and can_have_folds(split) and few and most_folds(split) >= FOLDS else None


def advice_of_folds(split: Split, parts: NDArray[np.str_]) -> str:
    """One sentence that recommends folds, or "" where they are not."""
    if (folds := advised_folds(split)) is None:
        return ""
    patients = split.images["patient"]
    tested, everyone = patients[parts == "test"].nunique(), patients.nunique()
    return (
        f"data.split.folds={folds} is recommended: {count(tested, 'patient')} of {everyone:,} are tested now, folds "
        f"test all of them, and {folds} folds with 2 seeds cost as much as {2 * folds} seeds of one split and "
        "tell smaller differences"
    )


def _patients(split: Split, among: NDArray[np.bool_]) -> Mapping[str, int]:
    """The number of patients by class, and of each label of a multi-label task also of those without it."""
    store = split.store
    patients = store.images["patient"]
    found = class_counts(store.labels, patients, store.classes, among)
    if store.labels.ndim == 2:
        found += class_counts(1 - store.labels, patients, [f"no {name}" for name in store.classes], among)
    return {name: n for name, _, n in found}
