"""How a study divides the patients: drawn once and kept in its folder, so that a study has one test set."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.files import write_parquet
from medxfer.data.split import Split, training_subset
from medxfer.data.store.gray_store import GrayStore
from medxfer.study.folder import Study
from medxfer.study.identity import safe_name


class StudyDivision:
    """The divisions of a study's data sets: read from its folder, or drawn and not written yet."""

    def __init__(self) -> None:
        self.drawn: dict[Path, pd.DataFrame] = {}

    def parts(self, study: Study, data: str, split: Split, train_fraction: float, fold: int | None) -> NDArray[np.str_]:
        """The part of each image of the data set `data`, (N,).

        Raises MedxferError where the study began with other images.
        """
        images, labels = split.store.images, split.store.labels
        path = study.folder / "splits" / f"{safe_name(data)}-{split.store.fingerprint}-{split.name}.parquet"
        if path.is_file():
            table = _read(path, path.stat().st_mtime_ns, split.store)
        else:
            if path not in self.drawn:
                self.drawn[path] = split.table()
            table = self.drawn[path]
        parts = table["part" if fold is None else f"part_{fold}"].to_numpy(dtype=str).copy()
        if train_fraction < 1:
            train = np.flatnonzero(parts == "train")
            taken = training_subset(images.iloc[train], labels[train], train_fraction, split.settings.seed)
            parts[train[~taken]] = ""
        return parts

    def write(self, study: Study) -> None:
        """Keep what was drawn and is not there yet."""
        for path, table in self.drawn.items():
            if path.is_file():
                continue
            path.parent.mkdir(exist_ok=True)
            with study.changing():
                if not path.is_file():  # another process may have been faster
                    write_parquet(path, table)


@lru_cache(maxsize=64)
def _read(path: Path, modified: int, store: GrayStore) -> pd.DataFrame:
    """The study's division, a row an image of the store. Raises MedxferError if it lacks some of them."""
    table = pd.read_parquet(path).set_index("image")
    if absent := int((~store.images["image"].isin(table.index)).sum()):
        raise MedxferError(
            f"{path} divides other images than these: {absent} of {len(store.images)} are not in it; give the data "
            "that the study began with, or another study.name"
        )
    return table.loc[store.images["image"]]
