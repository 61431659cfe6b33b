"""The gray images of a data set at one size, and the tables beside them, as they lie in a store's folder."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.files import read_json, write_json
from medxfer.base.words import Task, count
from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.gray_range import odd_caveats

VERSION = 6  # raised whenever a store would hold other values or files, so that old ones are made again
SAME_PICTURE = "the same picture"  # as caveats of it begin


@dataclass(frozen=True, eq=False)
class GrayStore:
    """The readable images of a data set at one size."""

    gray: np.memmap  # (N, H, W): uint8 or uint16 display gray, or int16 Hounsfield units
    # N rows: image and patient (pseudonyms), split (the release's own), burned_in, pixels (hash), odd (range); series
    # (pseudonyms, "" for none) where the data set's images are slices
    images: pd.DataFrame
    rows: NDArray[np.int64]  # (N,) the image's row in the data set's index
    labels: NDArray[Any]  # (N,) int64 or (N, C) float32
    classes: tuple[str, ...]
    task: Task
    modality: str
    fingerprint: str  # the data set's
    rejected: dict[str, int]  # kind -> number of files left out
    caveats: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def load_store(dataset: DatasetInfo, folder: Path) -> GrayStore:
    """The store of `dataset` in `folder`, mapped into memory."""
    images = pd.read_parquet(folder / "images.parquet")
    rows = images.pop("row").to_numpy()
    index = dataset.index
    if "series" in index.images:
        of_images = index.images["series"].iloc[rows].reset_index(drop=True)
        names = [name for name in of_images.unique() if name]
        keyed = dict(zip(names, dataset.pseudonyms("series", names), strict=True)) | {"": ""}
        images["series"] = of_images.map(keyed)
    return GrayStore(
        gray=np.load(folder / "gray.npy", mmap_mode="r"),
        images=images,
        rows=rows,
        labels=index.labels[rows],
        classes=index.classes,
        task=index.task,
        modality=dataset.modality,
        fingerprint=dataset.fingerprint,
        rejected=_counted(read_json(folder / "store.json")["rejected"], index.left_out),
        caveats=(
            *index.caveats,
            *dataset.counted_caveats(index.images["file"].iloc[np.unique(rows)]),
            *_shared_pictures(images),
            *odd_caveats(list(images["odd"])),
        ),
    )


def _counted(rejected: Mapping[str, int], left_out: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The number of files that are refused or left out, by reason."""
    counts = Counter(rejected) + Counter({reason: len(files) for reason, files in left_out.items()})
    return dict(sorted(counts.items()))


def _shared_pictures(images: pd.DataFrame) -> tuple[str, ...]:
    """Caveats on equal pictures of several patients, and in several parts of the release's own split."""
    by_picture = images.groupby("pixels")
    several = int((by_picture["patient"].nunique() > 1).sum())
    caveats = [f"{SAME_PICTURE}, pixel by pixel, in several patients: {count(several, 'picture')}"] if several else []
    divided = int((by_picture["split"].nunique() > 1).sum())
    if divided:
        caveats.append(f"{SAME_PICTURE} in two parts of the release's own split: {count(divided, 'picture')}")
    return tuple(caveats)


def write_tables(
    dataset: DatasetInfo, folder: Path, rows: NDArray[np.int64], pictures: pd.DataFrame, rejected: dict[str, str]
) -> None:
    """The tables beside the gray; `rows` (N,) of the index, `pictures` the hash of each and what is odd."""
    table = dataset.index.images.iloc[rows]
    headers = dataset.headers.loc[table["file"]]
    number = table.groupby("file").cumcount()
    names = np.where(headers["frames"] > 1, table["file"] + "[" + number.astype(str) + "]", table["file"])
    images = pd.DataFrame(
        {
            "row": rows,
            "image": dataset.pseudonyms("image", names),
            "patient": dataset.pseudonyms("patient", table["patient"]),
            "split": table["split"].to_numpy(),
            "burned_in": headers["burned_in"].to_numpy(),
        }
    ).join(pictures)
    images.to_parquet(folder / "images.parquet")
    named = {"file": names, "patient": table["patient"].to_numpy(), "image": images["image"], "odd": pictures["odd"]}
    pd.DataFrame(named).to_csv(folder / "files.csv", index=False)
    reasons = pd.DataFrame(list(rejected.items()), columns=["file", "reason"])
    reasons.to_csv(folder / "rejected.csv", index=False)
    write_json(folder / "store.json", {"rejected": dict(sorted(Counter(rejected.values()).items()))})
