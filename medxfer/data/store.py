"""Decode once: a memory map of gray images that every cell of every study on these images shares."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image

from medxfer.data.dataset import Dataset, private_folder
from medxfer.data.image_error import ImageError
from medxfer.data.sources.base import UNLABELLED, Source
from medxfer.errors import MedxferError

VERSION = 2  # raised whenever a store would hold other values, so that old ones are made again
Progress = Callable[[str, int, int], None]  # what is done, how many are done, of how many


@dataclass(frozen=True, eq=False)
class GrayStore:
    """The readable images of a data set at one size."""

    gray: np.memmap  # (N, H, W): uint8 or uint16 display gray, or int16 Hounsfield units
    images: pd.DataFrame  # N rows: image and patient (pseudonyms), split (the release's own), burned_in, pixels (hash)
    labels: NDArray  # (N,) int64 or (N, C) float32
    classes: tuple[str, ...]
    task: str
    modality: str
    hounsfield: bool
    fingerprint: str  # the data set's
    rejected: dict[str, int]  # kind -> number of files left out
    caveats: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def open_store(
    dataset: Dataset,
    image_size: int,
    hounsfield: bool,
    max_rejected: float = 0.2,
    workers: int | None = None,
    progress: Progress | None = None,
) -> GrayStore:
    """The store of `dataset` at `image_size` pixels, built if it is not there yet.

    With `hounsfield` it holds HU (int16), else display gray. Two processes that want the same store build it once;
    one that is killed half-way leaves nothing that would be taken for a store. Raises MedxferError where more than
    `max_rejected` of the files are missing or cannot be read, with the reasons; else they are left out and counted.
    """
    _check_modality(dataset, hounsfield)
    settings = f"v{VERSION}-{image_size}px-{'hu' if hounsfield else 'gray'}"
    folder = dataset.folder / settings
    with FileLock(dataset.folder / f"{settings}.lock"):
        if not (folder / "store.json").is_file():
            partial = private_folder(dataset.folder / f"{settings}.partial")
            _build(dataset, partial, image_size, hounsfield, max_rejected, workers, progress)
            partial.replace(folder)
    store = _load(dataset, folder, hounsfield)
    _check_rejected(dataset.source, store.rejected, len(store), max_rejected)
    return store


def _check_modality(dataset: Dataset, hounsfield: bool) -> None:
    if hounsfield and dataset.modality != "CT":
        raise MedxferError(
            f"a window in Hounsfield units needs CT images; these are '{dataset.modality}': use window=file"
        )


def _load(dataset: Dataset, folder: Path, hounsfield: bool) -> GrayStore:
    about = json.loads((folder / "store.json").read_text())
    images = pd.read_parquet(folder / "images.parquet")
    rows = images.pop("row").to_numpy()
    index = dataset.index
    return GrayStore(
        np.load(folder / "gray.npy", mmap_mode="r"), images, index.labels[rows], index.classes, index.task,
        dataset.modality, hounsfield, dataset.fingerprint, about["rejected"], index.caveats,
    )  # fmt: skip


def _build(
    dataset: Dataset, folder: Path, size: int, hounsfield: bool, max_rejected: float, workers: int | None,
    progress: Progress | None,
) -> None:  # fmt: skip
    """Decode every file in parallel straight into the map; what cannot be read keeps no row in it."""
    shutil.rmtree(folder)
    private_folder(folder)
    files = list(dataset.index.images["file"])
    unreadable = dataset.headers["unreadable"]
    rejected = dict(unreadable[unreadable != ""])
    readable = [(row, file) for row, file in enumerate(files) if file not in rejected]
    gray: np.memmap | None = None
    kept: list[tuple[int, str]] = []
    for done, (row, outcome) in enumerate(_decode_all(dataset.source, readable, size, hounsfield, workers), start=1):
        if isinstance(outcome, ImageError):
            rejected[files[row]] = outcome.kind
        else:
            picture, pixels = outcome
            if gray is None:
                shape = (len(readable), size, size)
                gray = np.lib.format.open_memmap(folder / "all.npy", "w+", _store_dtype(picture, hounsfield), shape)
            gray[len(kept)] = _quantise(picture, gray.dtype)
            kept.append((row, pixels))
        if progress:
            progress("decoding", done, len(readable))
    if gray is None:
        _check_rejected(dataset.source, Counter(rejected.values()), 0, max_rejected)
    assert gray is not None
    _write(dataset, folder, gray, kept, rejected)


def _write(
    dataset: Dataset, folder: Path, gray: np.memmap, kept: list[tuple[int, str]], rejected: dict[str, str]
) -> None:
    final = np.lib.format.open_memmap(folder / "gray.npy", "w+", gray.dtype, (len(kept), *gray.shape[1:]))
    for start in range(0, len(kept), 1024):
        final[start : start + 1024] = gray[start : min(start + 1024, len(kept))]
    final.flush()
    (folder / "all.npy").unlink()
    rows = [row for row, _ in kept]
    table = dataset.index.images.iloc[rows]
    images = pd.DataFrame(
        {
            "row": rows,
            "image": dataset.pseudonyms("image", table["file"]),
            "patient": dataset.pseudonyms("patient", table["patient"]),
            "split": table["split"].to_numpy(),
            "burned_in": dataset.headers["burned_in"].loc[table["file"]].to_numpy(),
            "pixels": [pixels for _, pixels in kept],
        }
    )
    images.to_parquet(folder / "images.parquet")
    reasons = [
        *rejected.items(),
        *((file, why) for why, names in dataset.index.left_out.items() for file in names),
    ]
    pd.DataFrame(reasons, columns=["file", "reason"]).to_csv(folder / "rejected.csv", index=False)
    table[["file", "patient"]].assign(image=images["image"].to_numpy()).to_csv(folder / "files.csv", index=False)
    counts = dict(sorted(Counter(why for _, why in reasons).items()))
    (folder / "store.json").write_text(json.dumps({"rejected": counts}))


def _check_rejected(source: Source, rejected: Mapping[str, int], kept: int, max_rejected: float) -> None:
    """Raise MedxferError where more than `max_rejected` of the files are missing or unreadable, or all are."""
    unusable = {kind: count for kind, count in rejected.items() if kind != UNLABELLED}
    total = kept + sum(unusable.values())
    if kept and total - kept <= max_rejected * total:
        return
    reasons = ", ".join(f"{count} {kind}" for kind, count in sorted(unusable.items(), key=lambda item: -item[1]))
    raise MedxferError(
        f"{source.root}: {total - kept} of {total} files cannot be used ({reasons}); "
        f"data.max_rejected={max_rejected} allows {max_rejected:.0%}: mend the folder, or raise it"
    )


def _decode_all(
    source: Source, files: list[tuple[int, str]], size: int, hounsfield: bool, workers: int | None
) -> Iterator[tuple[int, tuple[NDArray, str] | ImageError]]:
    """(row, (picture, hash of its pixels) or why not) for each file, in order."""
    # joblib's own processes neither fork beside torch's threads nor run the user's script again.
    few = len(files) < 64  # starting processes would take longer than the work
    pool = joblib.Parallel(1 if few else workers or os.cpu_count(), return_as="generator", batch_size=8)
    yield from pool(joblib.delayed(_decode)(source, row, file, size, hounsfield) for row, file in files)


def _decode(
    source: Source, row: int, file: str, size: int, hounsfield: bool
) -> tuple[int, tuple[NDArray, str] | ImageError]:
    try:
        picture = source.read(file, hounsfield)
    except ImageError as error:
        return row, error
    # Pictures of nothing, such as the slices above a head, are equal and no sign that two patients are one.
    content = file.encode() if picture.min() == picture.max() else picture.tobytes()
    pixels = hashlib.blake2b(content + str(picture.shape).encode(), digest_size=16).hexdigest()
    return row, (resize(picture, size), pixels)


def resize(picture: NDArray, size: int) -> NDArray:
    """`picture` (H, W) as (size, size) in its own dtype, bilinear with antialiasing; done in gray, never in colour."""
    if picture.shape == (size, size):
        return picture
    image = Image.fromarray(picture.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR)
    resized = np.asarray(image)
    return resized if picture.dtype.kind == "f" else np.rint(resized).astype(picture.dtype)


def _store_dtype(picture: NDArray, hounsfield: bool) -> np.dtype:
    return np.dtype(np.int16) if hounsfield else np.dtype(np.uint8 if picture.dtype == np.uint8 else np.uint16)


def _quantise(picture: NDArray, dtype: np.dtype) -> NDArray:
    """`picture` in the store's dtype: HU to the nearest integer, display gray over the dtype's whole range."""
    if picture.dtype == dtype:
        return picture
    if dtype == np.int16:
        return np.clip(np.rint(picture), -32768, 32767).astype(np.int16)
    as_unit = picture if picture.dtype.kind == "f" else picture / np.float32(np.iinfo(picture.dtype).max)
    return np.rint(np.clip(as_unit, 0, 1) * np.iinfo(dtype).max).astype(dtype)
