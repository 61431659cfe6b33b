"""What no division may part: the images of a patient, and the patients who share a picture."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medxfer.base.errors import MedxferError
from medxfer.base.words import count
from medxfer.data.split.settings import PARTS

UNUSED = "unused"  # the given part of an image that none may use
RANK = {"": 0, **{part: rank for rank, part in enumerate(PARTS, start=1)}}  # of two parts the later one is held out


def units_of(images: pd.DataFrame) -> NDArray[np.int64]:
    """The unit of each image, (N,): patients who share a picture (connected components of patients and pictures)."""
    patient, _ = pd.factorize(images["patient"])
    picture, _ = pd.factorize(images["pixels"])
    n = int(patient.max(initial=-1)) + 1
    nodes = n + int(picture.max(initial=-1)) + 1
    graph = coo_array((np.ones(len(patient)), (patient, n + picture)), shape=(nodes, nodes))
    units: NDArray[np.int64] = pd.factorize(connected_components(graph, directed=False)[1][patient])[0]
    return units


class KeptTogether(NamedTuple):
    """Images whose given parts divide no unit, and what it took."""

    images: pd.DataFrame
    joined: int  # patients whom a given part takes in, because they are one with its patients or share their pictures
    unused: int  # images that are left out, because the unit is also in a part that is held out more


def kept_together(images: pd.DataFrame, redrawn: bool = False) -> KeptTogether:
    """`images` with the parts in their column split (train, val, test, UNUSED, or "" for none) spread over whole units.

    What has no part goes to the part of its unit. Of a unit that is given two parts, the one that is held out more
    (test before val before train) keeps its images, and the others are UNUSED. With `redrawn`, train and val are not
    told apart, because they are drawn anew. Raises MedxferError if a patient is given two parts.
    """
    given = images["split"]
    named = given.isin(PARTS)
    parts_of = given[named].groupby(images["patient"][named]).nunique()
    if (parts_of > 1).any():
        raise MedxferError(
            f"the split that is given has {count(int((parts_of > 1).sum()), 'patient')} in two parts, "
            "which would flatter every result; give each patient one part, or leave a release's own parts out by "
            "data.split.official=false"
        )
    if not named.any():
        return KeptTogether(images, 0, 0)
    used = given != UNUSED
    rank = given[used].map(RANK)
    if redrawn:
        rank = rank.replace(RANK["val"], RANK["train"])
    highest = rank.groupby(units_of(images[used])).transform("max")
    names = pd.Series({rank: part for part, rank in RANK.items()})
    joins, loses = (rank == 0) & (highest > 0), (rank > 0) & (rank < highest)
    settled = given.astype(object).copy()
    settled[joins[joins].index] = highest[joins].map(names)
    settled[loses[loses].index] = UNUSED
    newcomers = set(images["patient"][joins[joins].index]) - set(images["patient"][named])
    return KeptTogether(images.assign(split=settled), len(newcomers), int(loses.sum()))
