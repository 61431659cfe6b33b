"""A division that is given: a table of parts or folds, a study's own, or nnU-Net's splits_final.json."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import PrivateError
from medxfer.data.split.settings import PARTS
from medxfer.data.split.together import UNUSED
from medxfer.data.store.build import GrayStore
from medxfer.data.store.dataset import DatasetInfo

KEYS = ("image", "path", "patient_id")  # what a table may name images by


@dataclass(frozen=True)
class Given:
    """What a file says of each image of a store."""

    values: NDArray[np.str_]  # (N,) a part, or a fold's name; "" for what the file does not name
    folds: bool  # whether `values` are folds
    content: str  # eight hex digits of what it says


def read_given(file: str, dataset: DatasetInfo, store: GrayStore) -> Given:
    """What the table `file` gives to each image of the store.

    A CSV, or a parquet file as in a study's folder, with the column part (train, val, test, unused) or fold, and one of
    image (pseudonym), path (as the data set's table names the file) and patient_id; or nnU-Net's splits_final.json,
    whose cases are patients, or files without their suffix. Raises PrivateError if it is no such table, if it names an
    image or a patient that the data set does not have, or gives folds to a part of the images only.
    """
    path = Path(file).expanduser()
    table = _nnunet(path, dataset) if path.suffix == ".json" else _table(path)
    key = next((key for key in KEYS if key in table.columns), None)
    column = next((column for column in ("fold", "part") if column in table.columns), None)
    if key is None or column is None:
        raise PrivateError(f"data.split.file={file}: needs the column part or fold, and one of {', '.join(KEYS)}")
    if column == "part":
        odd = table["part"][~table["part"].isin((*PARTS, UNUSED))]
        if len(odd):
            parts = ", ".join((*PARTS, UNUSED))
            raise PrivateError(f"data.split.file={file}: '{odd.iloc[0]}' is no part; parts are {parts}")
    table = table.drop_duplicates([key, column])
    if table[key].duplicated().any():
        raise PrivateError(f"data.split.file={file}: gives one {key} two {column}s")
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
    values = names.map(table.set_index(key)[column]).fillna("").to_numpy(dtype=str)
    if column == "fold" and (values == "").any():
        raise PrivateError(
            f"data.split.file={file}: {(values == '').sum()} of {len(values)} images have no fold; give one to each"
        )
    content = "\n".join(sorted(store.images["image"] + values))
    return Given(values, column == "fold", hashlib.sha256(content.encode()).hexdigest()[:8])


def _table(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path).astype(str)
            # A study's own table: what it leaves out stays out. In a CSV nothing is said of such an image.
            return table.assign(part=table["part"].replace("", UNUSED)) if "part" in table else table
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, "give a CSV, or a parquet file of a study's folder splits") from error


def _nnunet(path: Path, dataset: DatasetInfo) -> pd.DataFrame:
    """The folds of splits_final.json by patient, or by path if its cases are files' names: its "val" is what is tested.

    Raises PrivateError if it is no such file, or if a case is tested twice, or never.
    """
    wanted = "give nnU-Net's splits_final.json, a list of train and val"
    try:
        splits: list[Mapping[str, Any]] = json.loads(path.read_text())
        rows = [(str(case), str(fold)) for fold, split in enumerate(splits) for case in split["val"]]
        trained = {str(case) for split in splits for case in split["train"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _unreadable(path, error, wanted) from error
    table = pd.DataFrame(rows, columns=["case", "fold"])
    if table["case"].duplicated().any() or not trained <= set(table["case"]):
        raise PrivateError(f"data.split.file={path}: each case must be in the val of exactly one fold; {wanted}")
    images = dataset.index.images
    if table["case"].isin(images["patient"]).all():
        return table.rename(columns={"case": "patient_id"})
    stems = images["file"].map(lambda file: PurePosixPath(file).name.partition(".")[0])
    channel = stems.str.removesuffix("_0000")  # nnU-Net's number of the first channel
    of_case = table.set_index("case")["fold"]
    folds = stems.map(of_case).fillna(channel.map(of_case)).fillna(images["patient"].map(of_case))
    return pd.DataFrame({"path": images["file"], "fold": folds}).dropna()


def _unreadable(path: Path, error: Exception, way_out: str) -> PrivateError:
    return PrivateError(f"data.split.file={path}: cannot be read ({type(error).__name__}); {way_out}")
