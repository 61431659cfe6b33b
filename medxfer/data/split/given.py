"""A division that is given: a table of parts or folds, a study's own, or nnU-Net's splits_final.json."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError, PrivateError
from medxfer.base.words import count
from medxfer.data.sources.patients import looks_like_patients
from medxfer.data.sources.tables import (
    PATH,
    check_not_rounded,
    clean,
    cleaned,
    join_rows,
    key_column,
    kind_of,
    nearest,
    read_table,
    shown_names,
)
from medxfer.data.split.settings import PARTS
from medxfer.data.split.together import UNUSED
from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.gray_store import GrayStore

NAMED_BY: Final = "image, path, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, AccessionNumber, patient_id"
_IN_ANY_CASE = ("fold", "part", "image")
_PSEUDONYM, _PATIENT = "pseudonym", "patient"  # beside the KINDS of tables, what a column may name images by


@dataclass(frozen=True)
class Given:
    """What a file says of each image of a store."""

    values: NDArray[np.str_]  # (N,) a part, or a fold's name; "" for what the file does not name
    folds: bool  # whether `values` are folds
    content: str  # eight hex digits of what it says


def read_given(file: str, dataset: DatasetInfo, store: GrayStore) -> Given:
    """What the table `file` gives to each image of the store.

    A CSV, XLSX or, as in a study's folder, parquet file with the column part (train, val, test, unused) or fold, and
    one that names images: image (pseudonyms), a path, a UID or an AccessionNumber, joined as those of a label table, or
    patient_id; or nnU-Net's splits_final.json, whose cases are patients, or files without their suffix. What has a
    blank part is drawn, as what is not named. Raises PrivateError if it is no such table, if it names an image or a
    patient that the data set does not have, or gives folds to a part of the images only.
    """
    path = Path(file).expanduser()
    try:
        table = _nnunet(path, dataset) if path.suffix == ".json" else _table(path)
        key, kind, column = _columns(table, dataset, store)
        check_not_rounded(table[key], f"the column '{key}'")
        rows = pd.DataFrame({"name": table[key].str.strip(), "value": cleaned(table[column])})
        if column != "fold":
            rows["value"] = _parts(rows["value"])
        values = _joined(rows, key, kind, column, dataset, store)
        if column == "fold" and (values == "").any():
            raise MedxferError(f"{(values == '').sum()} of {len(values)} images have no fold; give one to each")
    except MedxferError as error:
        raise PrivateError(f"data.split.file={file}: {str(error).removeprefix(f'{path}: ')}") from error
    content = "\n".join(sorted(store.images["image"] + values))
    return Given(values, column == "fold", hashlib.sha256(content.encode()).hexdigest()[:8])


def _columns(table: pd.DataFrame, dataset: DatasetInfo, store: GrayStore) -> tuple[str, str, str]:
    """The column that names images, what it names them by, and the column of parts or folds."""
    column = next((name for name in ("fold", "part") if name in table.columns), None)
    if column is not None:
        if "image" in table.columns and table["image"].isin(_pseudonyms(dataset, store)).any():
            return "image", _PSEUDONYM, column
        if key := key_column(table.columns):
            return key, kind_of(key), column
        if key := next(filter(looks_like_patients, table.columns), None):
            return key, _PATIENT, column
    raise MedxferError(f"needs the column part or fold, and one of {NAMED_BY}; it has {shown_names(table.columns)}")


def _parts(values: pd.Series) -> pd.Series:
    parts = values.str.lower()
    odd = values[~parts.isin((*PARTS, UNUSED, ""))]
    if len(odd):
        raise MedxferError(f"'{odd.iloc[0]}' is no part; parts are {', '.join((*PARTS, UNUSED))}")
    return parts


def _joined(
    rows: pd.DataFrame, key: str, kind: str, column: str, dataset: DatasetInfo, store: GrayStore
) -> NDArray[np.str_]:
    """The value of each image of the store, (N,), or ""; `rows` have the columns name and value."""
    rows = rows[(rows != "").any(axis=1)]
    if blank := int((rows["name"] == "").sum()):
        raise MedxferError(f"{count(blank, 'row')} of it with a {column} and no {key}: fill the column, or remove them")
    rows = rows[rows["value"] != ""].drop_duplicates()
    if rows["name"].duplicated().any():
        raise MedxferError(f"gives one {key} two {column}s")
    used = dataset.index.images.iloc[store.rows]
    if kind == _PSEUDONYM:
        names, known = store.images["image"], {one: [one] for one in _pseudonyms(dataset, store)}
    elif kind == _PATIENT:
        names, patients = used["patient"], set(dataset.index.images["patient"])
        alike = {clean(one): one for one in patients} | {one: one for one in patients}
        known = {name: [alike[one]] for name in rows["name"] for one in (name, clean(name)) if one in alike}
    else:
        names, known = used["file"], _files_of(rows["name"], kind, dataset)
    strange = rows["name"][~rows["name"].isin(known)]
    if len(strange):
        like = nearest(strange.iloc[0], sorted(set(names))) if kind in (PATH, _PATIENT) else ""
        raise MedxferError(
            f"{len(strange)} of its {len(rows)} values of {key} are not in the data set (the first is "
            f"'{strange.iloc[0]}'{f', the data set has {like!r}' if like else ''})"
        )
    given = pd.DataFrame(
        [(one, name, value) for name, value in rows.itertuples(index=False) for one in known[name]],
        columns=["one", "name", "value"],
    )
    several = given.groupby("one").filter(lambda of_one: of_one["value"].nunique() > 1)
    if len(several):
        one, other = several.drop_duplicates("value")["name"].iloc[:2]
        raise MedxferError(f"its {key}s '{one}' and '{other}' name one image with two {column}s")
    values: pd.Series = names.map(given.drop_duplicates("one").set_index("one")["value"])
    return values.fillna("").to_numpy(dtype=str)


def _pseudonyms(dataset: DatasetInfo, store: GrayStore) -> set[str]:
    """Of all images, readable or not."""
    return {*store.images["image"], *dataset.pseudonyms("image", dataset.index.images["file"])}


def _files_of(names: Iterable[str], kind: str, dataset: DatasetInfo) -> dict[str, list[str]]:
    """The files, used or left out, of each of `names` that names some."""
    used = list(dict.fromkeys(dataset.index.images["file"]))
    others = sorted(set(chain.from_iterable(dataset.index.left_out.values())) - set(used))

    def headers() -> pd.DataFrame:
        there = [file for file in others if dataset.source.path(file).is_file()]
        return pd.concat([dataset.headers, dataset.source.survey(there)]) if there else dataset.headers

    return join_rows(list(names), kind or PATH, [*used, *others], headers)


def _table(path: Path) -> pd.DataFrame:
    table = read_table(path, (), "give a CSV, an XLSX, or a parquet file of a study's folder splits")
    table = table.rename(columns={name: name.lower() for name in map(str, table) if name.lower() in _IN_ANY_CASE})
    if len(twice := table.columns[table.columns.duplicated()]):
        raise MedxferError(f"has the column '{twice[0]}' twice, in capital and small letters; leave one")
    # A study's own table, a parquet file: what it leaves out stays out.
    own = path.suffix == ".parquet" and "part" in table
    return table.assign(part=table["part"].replace("", UNUSED)) if own else table


def _nnunet(path: Path, dataset: DatasetInfo) -> pd.DataFrame:
    """The folds of splits_final.json by patient, or by path if its cases are files' names: its "val" is what is tested.

    Raises MedxferError if it is no such file, or if a case is tested twice, or never.
    """
    wanted = "give nnU-Net's splits_final.json, a list of train and val"
    try:
        splits: list[Mapping[str, Any]] = json.loads(path.read_text())
        rows = [(str(case), str(fold)) for fold, split in enumerate(splits) for case in split["val"]]
        trained = {str(case) for split in splits for case in split["train"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise MedxferError(f"cannot be read ({type(error).__name__}); {wanted}") from error
    table = pd.DataFrame(rows, columns=["case", "fold"])
    if table["case"].duplicated().any() or not trained <= set(table["case"]):
        raise MedxferError(f"each case must be in the val of exactly one fold; {wanted}")
    images = dataset.index.images
    if table["case"].isin(images["patient"]).all():
        return table.rename(columns={"case": "patient_id"})
    stems = images["file"].map(lambda file: PurePosixPath(file).name.partition(".")[0])
    channel = stems.str.removesuffix("_0000")  # nnU-Net's number of the first channel
    of_case = table.set_index("case")["fold"]
    folds = stems.map(of_case).fillna(channel.map(of_case)).fillna(images["patient"].map(of_case))
    return pd.DataFrame({"path": images["file"], "fold": folds}).dropna()
