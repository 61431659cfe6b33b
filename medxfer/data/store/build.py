"""Decode once: a memory map of gray images that every cell of every study on these images shares."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray

from medxfer.base.errors import ImageError, MedxferError
from medxfer.base.files import replace
from medxfer.base.words import Task
from medxfer.data.sources.source import UNLABELLED, Source
from medxfer.data.store.decode import Decoded, Decoder
from medxfer.data.store.gray_file import GrayFile
from medxfer.data.store.identity import VERSION, Dataset, private_folder
from medxfer.data.workers import SECONDS, in_processes

SAME_PICTURE = "the same picture"  # as caveats of it begin
Progress = Callable[[str, int, int], None]  # what is done, how many are done, of how many


@dataclass(frozen=True, eq=False)
class GrayStore:
    """The readable images of a data set at one size."""

    gray: np.memmap  # (N, H, W): uint8 or uint16 display gray, or int16 Hounsfield units
    images: pd.DataFrame  # N rows: image and patient (pseudonyms), split (the release's own), burned_in, pixels (hash)
    rows: NDArray[np.int64]  # (N,) the image's row in the data set's index
    labels: NDArray  # (N,) int64 or (N, C) float32
    classes: tuple[str, ...]
    task: Task
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
    check_modality(dataset, hounsfield)
    settings = f"v{VERSION}-{image_size}px-{'hu' if hounsfield else 'gray'}"
    folder = dataset.folder / settings
    with FileLock(dataset.folder / f"{settings}.lock"):
        if not (folder / "store.json").is_file():
            partial = dataset.folder / f"{settings}.partial"
            try:
                shutil.rmtree(partial, ignore_errors=True)
                _build(dataset, private_folder(partial), image_size, hounsfield, max_rejected, workers, progress)
                replace(partial, folder)
            except OSError as error:
                raise MedxferError(
                    f"store.root: {partial} cannot be written ({error.strerror or error}); free some space, or give "
                    "another folder by store.root="
                ) from error
    store = _load(dataset, folder, hounsfield)
    _check_rejected(dataset.source, store.rejected, len(store), max_rejected)
    return store


def check_modality(dataset: Dataset, hounsfield: bool) -> None:
    """Raise MedxferError where Hounsfield units are asked for, and it is not CT."""
    if hounsfield and dataset.modality != "CT":
        raise MedxferError(
            f"a window in Hounsfield units needs CT images; these are '{dataset.modality}': use window=file"
        )


def _load(dataset: Dataset, folder: Path, hounsfield: bool) -> GrayStore:
    about = json.loads((folder / "store.json").read_text())
    images = pd.read_parquet(folder / "images.parquet")
    rows = images.pop("row").to_numpy()
    index = dataset.index
    caveats = (
        *index.caveats,
        *dataset.counted_caveats(index.images["file"].iloc[np.unique(rows)]),
        *_shared_pictures(images),
    )
    return GrayStore(
        np.load(folder / "gray.npy", mmap_mode="r"), images, rows, index.labels[rows], index.classes, index.task,
        dataset.modality, hounsfield, dataset.fingerprint, about["rejected"], caveats,
    )  # fmt: skip


def _shared_pictures(images: pd.DataFrame) -> tuple[str, ...]:
    """Whether pictures are of several patients, which a release's own split may have put on several sides."""
    by_picture = images.groupby("pixels")
    several = int((by_picture["patient"].nunique() > 1).sum())
    caveats = [f"{SAME_PICTURE}, pixel by pixel, in several patients: {several} pictures"] if several else []
    divided = int((by_picture["split"].nunique() > 1).sum())
    if divided:
        caveats.append(f"{SAME_PICTURE} in two parts of the release's own split: {divided} pictures")
    return tuple(caveats)


def _build(
    dataset: Dataset, folder: Path, size: int, hounsfield: bool, max_rejected: float, workers: int | None,
    progress: Progress | None,
) -> None:  # fmt: skip
    """Decode every file in parallel straight to disk; what cannot be read keeps no row there."""
    files, headers = dataset.index.images["file"].to_numpy(), dataset.headers
    rejected = dict(headers["unreadable"][headers["unreadable"] != ""])
    readable = np.flatnonzero([file not in rejected for file in files])
    frames = headers["frames"].loc[files[readable]].to_numpy()
    ends = np.cumsum(frames)
    gray = GrayFile(folder / "all.npy", int(frames.sum()), size)
    kept: dict[int, list[str]] = {}  # place in readable -> the hash of each picture
    decode = Decoder(dataset.source, size, hounsfield, dataset.keep_aspect)
    patience = {file: SECONDS * n for file, n in zip(files[readable], frames, strict=True)}
    outcomes = in_processes(decode, list(files[readable]), workers, patience.__getitem__)
    with closing(outcomes):  # an error's traceback would keep the processes
        for done, (place, outcome) in enumerate(outcomes, start=1):
            if isinstance(outcome, Decoded) and len(outcome.gray) == frames[place]:
                gray.write(int(ends[place] - frames[place]), outcome.gray)
                kept[place] = outcome.pixels
            else:
                rejected[files[readable[place]]] = _why(outcome)
            if progress:
                progress("decoding", done, len(readable))
    if not kept:
        _check_rejected(dataset.source, Counter(rejected.values()), 0, max_rejected)
    whole = sorted(kept)
    gray.finish(folder / "gray.npy", np.repeat(np.isin(np.arange(len(readable)), whole), frames))
    rows = np.repeat(readable[whole], frames[whole])
    _write(dataset, folder, rows, [pixels for place in whole for pixels in kept[place]], rejected)


def _why(outcome: Decoded | ImageError | str) -> str:
    if isinstance(outcome, ImageError):
        return outcome.kind
    return outcome if isinstance(outcome, str) else "bad header"  # fewer frames than it says


def _write(
    dataset: Dataset, folder: Path, rows: NDArray[np.int64], pixels: list[str], rejected: dict[str, str]
) -> None:
    """The tables beside the gray; `rows` (N,) of the index, `pixels` the hash of each picture."""
    table = dataset.index.images.iloc[rows]
    number = pd.Series(rows).groupby(rows).cumcount()
    several = (dataset.headers["frames"].loc[table["file"]] > 1).to_numpy()
    names = [f"{file}[{k}]" if s else file for file, k, s in zip(table["file"], number, several, strict=True)]
    images = pd.DataFrame(
        {
            "row": rows,
            "image": dataset.pseudonyms("image", names),
            "patient": dataset.pseudonyms("patient", table["patient"]),
            "split": table["split"].to_numpy(),
            "burned_in": dataset.headers["burned_in"].loc[table["file"]].to_numpy(),
            "pixels": pixels,
        }
    )
    images.to_parquet(folder / "images.parquet")
    reasons = [
        *rejected.items(),
        *((file, why) for why, names in dataset.index.left_out.items() for file in names),
    ]
    pd.DataFrame(reasons, columns=["file", "reason"]).to_csv(folder / "rejected.csv", index=False)
    named = {"file": names, "patient": table["patient"].to_numpy(), "image": images["image"]}
    pd.DataFrame(named).to_csv(folder / "files.csv", index=False)
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
