"""The store of several data sets as one: copied from theirs, so that nothing is decoded twice."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.decode import deepened
from medxfer.data.store.gray_file import GrayFile
from medxfer.data.store.gray_store import GrayStore, write_tables

COPIED = 1024  # images at once


def join_stores(
    dataset: DatasetInfo, sets: Mapping[str, DatasetInfo], stores: Sequence[GrayStore], folder: Path
) -> None:
    """Write into `folder` the images of the joined `dataset`, from the `stores` of its data sets `sets`, by name."""
    place = {file: row for row, file in enumerate(dataset.index.images["file"])}
    files = [f"{n}/" + one.index.images["file"].iloc[s.rows] for (n, one), s in zip(sets.items(), stores, strict=True)]
    taken = [np.flatnonzero(of_set.isin(list(place))) for of_set in files]
    dtype = np.result_type(*(store.gray.dtype for store in stores))
    gray = GrayFile(folder / "all.npy", sum(map(len, taken)), stores[0].gray.shape[1], dtype)
    rows, pictures, rejected = list[int](), list[pd.DataFrame](), dict[str, str]()
    for name, store, of_set, these in zip(sets, stores, files, taken, strict=True):
        for start in range(0, len(these), COPIED):
            gray.write(len(rows) + start, deepened(store.gray[these[start : start + COPIED]], dtype))
        rows += [place[file] for file in of_set.iloc[these]]
        pictures.append(store.images[["pixels", "odd"]].iloc[these])
        reasons = pd.read_csv(Path(str(store.gray.filename)).parent / "rejected.csv", dtype=str, keep_default_na=False)
        named = zip(f"{name}/" + reasons["file"], reasons["reason"], strict=True)
        rejected |= {file: reason for file, reason in named if file in place}
    gray.finish(folder / "gray.npy", np.ones(len(rows), bool))
    write_tables(dataset, folder, np.array(rows), pd.concat(pictures, ignore_index=True), rejected)
