"""Which images of an external set are of patients, or are pictures, that the training's data set also has.

Patients are matched by what the sources call them, which lies in the folders of stores alone; pictures by the hash of
their pixels as they were decoded.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.gray_store import VERSION, GrayStore


@dataclass(frozen=True)
class Known:
    """The patients and pictures of a training's data set."""

    patients: frozenset[str]  # as their source calls them; empty where it has no ids
    pictures: frozenset[str]


@dataclass(frozen=True, eq=False)
class Overlap:
    """What is left out of an external set, in counts; `among` (N,) marks its images."""

    among: NDArray[np.bool_]
    patients: int  # whose id also stands in the training's data set
    pictures: int  # that also stand there, pixel by pixel

    def counts(self) -> dict[str, int]:
        return {"images": int(self.among.sum()), "patients": self.patients, "pictures": self.pictures}


def find_overlap(store: GrayStore, dataset: DatasetInfo, has_ids: bool, known: Known) -> Overlap:
    """All images of a patient count, if one of them is a picture that the training's data set has."""
    names = dataset.index.images["patient"].iloc[store.rows].astype(str).to_numpy()
    same_id = np.isin(names, list(known.patients)) if has_ids else np.zeros(len(store), bool)
    same_picture = store.images["pixels"].isin(known.pictures).to_numpy()
    people = store.images["patient"].to_numpy()
    among = same_id | np.isin(people, people[same_picture])
    pictures = store.images["pixels"][same_picture].nunique()
    return Overlap(among, len(np.unique(people[same_id])), int(pictures))


@lru_cache(maxsize=8)
def known_of(root: Path, fingerprint: str, kept_as: str, has_ids: bool) -> Known:
    """What the stores under `root` know of the data set with this `fingerprint`; `kept_as` as `kept_as_of` names it.

    Raises MedxferError if its decoded images are not there any more.
    """
    kind = kept_as.rpartition("-")[2]
    found = [path.parent for path in root.glob(f"*-{fingerprint}/v{VERSION}-*-{kind}/store.json")]
    if not found:
        raise MedxferError(
            "the decoded images of the training's data set are not under store.root any more, and patients that are in "
            "both sets cannot be found without them: run the study's command again with data@external=…, or give the "
            "folder by store.root="
        )
    folder = next((path for path in found if path.name == kept_as), found[0])
    files = pd.read_csv(folder / "files.csv", dtype=str, keep_default_na=False)
    pictures = pd.read_parquet(folder / "images.parquet", columns=["pixels"])["pixels"]
    return Known(frozenset(files["patient"]) if has_ids else frozenset(), frozenset(pictures))


def kept_as_of(image_size: int, hounsfield: bool) -> str:
    """The name of a store's folder."""
    return f"v{VERSION}-{image_size}px-{'hu' if hounsfield else 'gray'}"
