"""Decode once: every file of a data set into one file of gray, in parallel."""

from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from medxfer.base.disk import check_space
from medxfer.base.display import Step
from medxfer.base.errors import ImageError
from medxfer.data.header_facts import UNREADABLE
from medxfer.data.processes import SECONDS, in_processes
from medxfer.data.sources.content import content_of
from medxfer.data.sources.left_out import BY_RULE
from medxfer.data.store.dataset import DatasetInfo, read_no_more
from medxfer.data.store.decode import Decoded, Decoder, deepened
from medxfer.data.store.gray_file import GrayFile
from medxfer.data.store.gray_store import write_tables
from medxfer.data.store.rejected import check_rejected

WAY_OUT = "free some space, or move them by store.root="


def build_store(
    dataset: DatasetInfo, folder: Path, size: int, hounsfield: bool, max_rejected: float, max_missing: float,
    workers: int | None, progress: Step | None,
) -> None:  # fmt: skip
    """Decode every file in parallel straight to disk. A file that cannot be read has no row there.

    Raises MedxferError as `check_rejected` where no file is left, or where files were readable before and are no more.
    """
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
    decode = Decoder(dataset.source.reading.pictures, size, hounsfield, dataset.keep_aspect)
    seconds = dict(zip(files, (SECONDS * frames).tolist(), strict=True))
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
    if gone or not kept:
        gray.close()
    if gone:
        raise read_no_more(dataset.source, dataset.folder.parent, gone)
    if not kept:
        check_rejected(dataset, Counter(rejected.values()), 0, max_rejected, max_missing)
    whole = sorted(kept)
    gray.finish(folder / "gray.npy", np.repeat(np.isin(np.arange(len(files)), whole), frames))
    rows = np.repeat(np.flatnonzero(readable)[whole], frames[whole])
    pictures = pd.DataFrame(
        [pair for place in whole for pair in zip(kept[place].pixels, kept[place].odd, strict=True)],
        columns=["pixels", "odd"],
    )
    write_tables(dataset, folder, rows, pictures, rejected)
