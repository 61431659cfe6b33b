"""Whether a test part has enough patients of each class for a verdict; said before the training."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from medxfer.base.words import FEWEST_PATIENTS, count, listing
from medxfer.data.inspect.shortcuts import class_counts
from medxfer.data.split import Split


def few_patients(split: Split, parts: NDArray[np.str_]) -> str:
    """One sentence with what to change, or "" where each class has FEWEST_PATIENTS or more in the test part.

    Patients are counted as the analysis counts them: in every class of which they have an image; in a multi-label task
    also those with an image without the label. `parts` is (N,), as `Split.draw` gives it.
    """
    tested = _patients(split, parts == "test")
    few = {name: n for name, n in tested.items() if n < FEWEST_PATIENTS}
    if not few:
        return ""
    found = listing([f"{count(n, 'test patient')} with {name}" for name, n in few.items()])
    everyone = _patients(split, np.ones(len(parts), bool))
    if (split.images["split"] == "test").any():
        change = "the test part is given, so add patients to it, or give another one by data.split.file="
    elif all(everyone[name] >= 2 * FEWEST_PATIENTS for name in few):
        change = f"add patients, or raise data.split.test= ({split.settings.test:g} now)"
    else:
        change = "add patients of it" if len(few) == 1 else "add patients of them"
    return (
        f"{found}: the report will describe and not judge, because it takes {FEWEST_PATIENTS} test patients of each "
        f"class; {change}"
    )


def _patients(split: Split, among: NDArray[np.bool_]) -> Mapping[str, int]:
    """The number of patients by class, and of each label of a multi-label task also of those without it."""
    store = split.store
    patients = store.images["patient"]
    found = {name: n for name, _, n in class_counts(store.labels, patients, store.classes, among)[:-1]}
    if store.labels.ndim == 2:
        without = class_counts(1 - store.labels, patients, [f"no {name}" for name in store.classes], among)[:-1]
        found |= {name: n for name, _, n in without}
    return found
