"""A split that is given: a study's own, or a table with the parts of some images or patients."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import PrivateError
from medxfer.data.store.build import GrayStore
from medxfer.data.store.dataset import DatasetInfo

PARTS = ("train", "val", "test")
KEYS = ("image", "path", "patient_id")


def given_parts(file: str, dataset: DatasetInfo, store: GrayStore) -> NDArray[np.str_]:
    """The part that the table `file` gives to each image of the store, or "", (N,).

    A CSV, or a parquet file as in a study's folder, with the column part (train, val, test) and one of image
    (pseudonym), path (as the data set's table names the file) and patient_id. Raises PrivateError if it is no such
    table, or names an image or a patient that the data set does not have.
    """
    table = _read(Path(file).expanduser())
    key = next((key for key in KEYS if key in table.columns), None)
    if key is None or "part" not in table.columns:
        raise PrivateError(f"data.split.file={file}: needs the column part and one of {', '.join(KEYS)}")
    odd = table["part"][~table["part"].isin(PARTS)]
    if len(odd):
        raise PrivateError(f"data.split.file={file}: '{odd.iloc[0]}' is no part; parts are {', '.join(PARTS)}")
    table = table.drop_duplicates([key, "part"])
    if table[key].duplicated().any():
        raise PrivateError(f"data.split.file={file}: gives one {key} two parts")
    part = pd.Series(table["part"].to_numpy(), index=pd.Index(table[key]))
    index = dataset.index.images.iloc[store.rows]
    names = {"image": store.images["image"], "path": index["file"], "patient_id": index["patient"]}[key]
    _check_names(file, key, table[key], dataset, store)
    return names.map(part).fillna("").to_numpy(dtype=str)


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path).astype(str)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise PrivateError(
            f"data.split.file={path}: cannot be read ({type(error).__name__}); "
            "give a CSV, or a parquet file of a study's folder splits"
        ) from error


def _check_names(file: str, key: str, names: pd.Series, dataset: DatasetInfo, store: GrayStore) -> None:
    """Raise PrivateError if one of `names` is not in the data set, readable or not."""
    table, left_out = dataset.index.images, dataset.index.left_out
    if key == "image":
        known = {*store.images["image"], *dataset.pseudonyms("image", table["file"])}
    elif key == "path":
        known = {*table["file"], *(name for names in left_out.values() for name in names)}
    else:
        known = set(table["patient"])
    unknown = names[~names.isin(known)]
    if len(unknown):
        raise PrivateError(
            f"data.split.file={file}: {len(unknown)} of its {len(names)} values of {key} are not in the data set "
            f"(the first is '{unknown.iloc[0]}')"
        )
