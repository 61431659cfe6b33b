"""Decode once: a memory map of gray images that every cell of every study on these images shares."""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray

from medxfer.base.disk import check_space
from medxfer.base.errors import ImageError, MedxferError
from medxfer.base.files import private_folder, read_json, replace_folder, write_json
from medxfer.base.words import Task
from medxfer.data.processes import SECONDS, in_processes
from medxfer.data.sources.joined import JoinedSets
from medxfer.data.sources.kept_files import content_of
from medxfer.data.sources.left_out import BY_RULE, why
from medxfer.data.sources.source import UNREADABLE
from medxfer.data.store.dataset import DatasetInfo, open_dataset, private_errors, read_no_more
from medxfer.data.store.decode import Decoded, Decoder, deepened
from medxfer.data.store.gray_file import GrayFile
from medxfer.data.store.gray_range import check_odd, odd_caveats

VERSION = 5  # raised whenever a store would hold other values or files, so that old ones are made again
SAME_PICTURE = "the same picture"  # as caveats of it begin
COPIED = 1024  # images at once
WAY_OUT = "free some space, or move them by store.root="
Progress = Callable[[str, int, int], None]  # what is done, how many are done, of how many


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


def open_store(
    dataset: DatasetInfo,
    image_size: int,
    hounsfield: bool,
    max_rejected: float = 0.2,
    workers: int | None = None,
    progress: Progress | None = None,
    max_missing: float = 0.2,
) -> GrayStore:
    """The store of `dataset` at `image_size` pixels, built if it is not there yet.

    With `hounsfield` it holds HU (int16), else display gray. Two processes that want the same store build it once; one
    that is killed meanwhile leaves nothing that counts as a store. Files that are missing or cannot be read are left
    out and counted. Raises MedxferError if more than the share `max_missing` of the files is missing, or, with the
    reasons, more than the share `max_rejected` of those that are there cannot be used.
    """
    check_modality(dataset, hounsfield)
    settings = f"v{VERSION}-{image_size}px-{'hu' if hounsfield else 'gray'}"
    folder = dataset.folder / settings
    with FileLock(dataset.folder / f"{settings}.lock"):
        if not (folder / "store.json").is_file():
            partial = dataset.folder / f"{settings}.partial"
            try:
                shutil.rmtree(partial, ignore_errors=True)
                _build(
                    dataset,
                    private_folder(partial),
                    image_size,
                    hounsfield,
                    max_rejected,
                    workers,
                    progress,
                    max_missing,
                )
                replace_folder(partial, folder)
            except OSError as error:
                raise MedxferError(
                    f"store.root: {partial} cannot be written ({error.strerror or error}); free some space, or give "
                    "another folder by store.root="
                ) from error
    store = _load(dataset, folder)
    _check_rejected(dataset, store.rejected, len(np.unique(store.rows)), max_rejected, max_missing)
    if dataset.odd_range is None:
        check_odd(list(store.images["odd"]), folder / "files.csv", max_rejected)
    return store


def check_modality(dataset: DatasetInfo, hounsfield: bool) -> None:
    """Raise MedxferError if Hounsfield units are asked for and the images are not CT."""
    if hounsfield and dataset.modality != "CT":
        raise MedxferError(
            f"a window in Hounsfield units needs CT images; these are '{dataset.modality}': use window=file"
        )


def _load(dataset: DatasetInfo, folder: Path) -> GrayStore:
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
    caveats = [f"{SAME_PICTURE}, pixel by pixel, in several patients: {several} pictures"] if several else []
    divided = int((by_picture["split"].nunique() > 1).sum())
    if divided:
        caveats.append(f"{SAME_PICTURE} in two parts of the release's own split: {divided} pictures")
    return tuple(caveats)


def _build(
    dataset: DatasetInfo, folder: Path, size: int, hounsfield: bool, max_rejected: float, workers: int | None,
    progress: Progress | None, max_missing: float,
) -> None:  # fmt: skip
    """Decode every file in parallel straight to disk. A file that cannot be read has no row there."""
    if isinstance(dataset.source, JoinedSets):
        return _join(dataset, dataset.source, folder, size, hounsfield, workers, progress)
    headers = dataset.headers.loc[dataset.index.images["file"]]
    readable = (headers["unreadable"] == "").to_numpy()
    rejected = dict(headers["unreadable"][~readable])
    headers = headers[readable]
    files, frames = list(headers.index), headers["frames"].to_numpy()
    starts = np.cumsum(frames) - frames  # the first row of each file
    deep = (headers["gray"] == "uint16").any()
    gone: list[str] = []  # files whose bytes cannot be read any more
    dtype = np.dtype(np.int16 if hounsfield else np.uint16 if deep else np.uint8)
    check_space(folder, int(frames.sum()) * size**2 * dtype.itemsize, "the store of decoded images", WAY_OUT)
    gray = GrayFile(folder / "all.npy", int(frames.sum()), size, dtype)
    kept: dict[int, Decoded] = {}  # place in files -> its pictures, of which the gray is written already
    decode = Decoder(dataset.source.pictures, size, hounsfield, dataset.keep_aspect)
    seconds = dict(zip(files, SECONDS * frames, strict=True))
    outcomes = in_processes(decode, files, workers, seconds.__getitem__)
    with closing(outcomes):  # else an error's traceback would keep the processes
        for done, (place, outcome) in enumerate(outcomes, start=1):
            if not isinstance(outcome, Decoded):
                rejected[files[place]] = outcome.kind if isinstance(outcome, ImageError) else outcome
                if rejected[files[place]].startswith(UNREADABLE) or content_of(dataset.source.path(files[place])).fault:
                    gone.append(files[place])
            elif len(outcome.gray) != frames[place] or not np.can_cast(outcome.gray.dtype, dtype):
                rejected[files[place]] = "bad header"  # it says more frames, or fewer levels
            elif dataset.odd_range == "leave_out" and all(outcome.odd):
                rejected[files[place]] = f"{BY_RULE}{outcome.odd[0]}"
            else:
                gray.write(int(starts[place]), deepened(outcome.gray, dtype))
                kept[place] = outcome._replace(gray=outcome.gray[:0])
            if progress:
                progress("decoding", done, len(files))
    if gone:
        raise read_no_more(dataset.source, dataset.folder.parent, gone)
    if not kept:
        _check_rejected(dataset, Counter(rejected.values()), 0, max_rejected, max_missing)
    whole = sorted(kept)
    gray.finish(folder / "gray.npy", np.repeat(np.isin(np.arange(len(files)), whole), frames))
    rows = np.repeat(np.flatnonzero(readable)[whole], frames[whole])
    pictures = pd.DataFrame(
        [pair for place in whole for pair in zip(kept[place].pixels, kept[place].odd, strict=True)],
        columns=["pixels", "odd"],
    )
    _write_tables(dataset, folder, rows, pictures, rejected)


def _join(
    dataset: DatasetInfo, source: JoinedSets, folder: Path, size: int, hounsfield: bool, workers: int | None,
    progress: Progress | None,
) -> None:  # fmt: skip
    """Copy the stores of joined data sets, which are built if they are not there: nothing is decoded twice."""
    root, place = dataset.folder.parent, {file: row for row, file in enumerate(dataset.index.images["file"])}
    sets = {
        n: open_dataset(one, root, dataset.keep_aspect, dataset.keep, odd_range=dataset.odd_range)
        for n, one in source.sets.items()
    }
    stores = [open_store(one, size, hounsfield, 1.0, workers, progress, 1.0) for one in sets.values()]
    files = [f"{n}/" + one.index.images["file"].iloc[s.rows] for (n, one), s in zip(sets.items(), stores, strict=True)]
    taken = [np.flatnonzero(of_set.isin(list(place))) for of_set in files]
    dtype = np.result_type(*(store.gray.dtype for store in stores))
    gray = GrayFile(folder / "all.npy", sum(map(len, taken)), size, dtype)
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
    _write_tables(dataset, folder, np.array(rows), pd.concat(pictures, ignore_index=True), rejected)


def _write_tables(
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


def _check_rejected(
    dataset: DatasetInfo, rejected: Mapping[str, int], kept: int, max_rejected: float, max_missing: float
) -> None:
    """Raise MedxferError if more than `max_missing` of the files are not there, or more than `max_rejected` of those
    that are cannot be used, or all. `kept` counts files, as `rejected` does: one file may have sixty frames."""
    missing = sum(count for kind, count in rejected.items() if why(kind) == "missing")
    unusable = {kind: count for kind, count in rejected.items() if why(kind) == "broken"}
    there = kept + sum(unusable.values())
    if missing > max_missing * (there + missing):
        raise MedxferError(
            f"{dataset.source.root}: {missing} of {there + missing} files are missing; data.max_missing={max_missing} "
            f"allows {max_missing:.0%}: add them, or, to use what is there, raise it"
        )
    if kept and there - kept <= max_rejected * there:
        return
    reasons = ", ".join(f"{count} {kind}" for kind, count in sorted(unusable.items(), key=lambda item: -item[1]))
    way_out = f"data.max_rejected={max_rejected} allows {max_rejected:.0%}: mend the folder, or raise it"
    raise MedxferError(
        f"{dataset.source.root}: {there - kept} of {there} files cannot be used ({reasons}); "
        f"{way_out if kept else 'none is left: mend the folder'}"
    )


_stores: dict[tuple[Any, ...], GrayStore] = {}  # shared by the cells of this process


def store_of(
    dataset: DatasetInfo,
    image_size: int,
    hounsfield: bool,
    max_rejected: float,
    progress: Progress | None,
    max_missing: float = 0.2,
) -> GrayStore:
    """The decoded images of `dataset`, opened once a process. Raises MedxferError as `open_store`."""
    check_modality(dataset, hounsfield)
    key = (dataset, image_size, hounsfield)
    if key not in _stores:
        with private_errors():
            _stores[key] = open_store(
                dataset, image_size, hounsfield, max_rejected, progress=progress, max_missing=max_missing
            )
    return _stores[key]
