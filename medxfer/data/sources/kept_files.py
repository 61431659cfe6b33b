"""What was read of files, kept while they stay as they are: their size and times tell that nothing need be read again,
and nothing else."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from medxfer.base.files import alone, whole_file
from medxfer.data.sources.content import Content, content_of

SETTLED = 2_000_000_000  # ns after a file's last change; a younger file may change again within its clock's step
STAMP = ["stamp.bytes", "stamp.modified", "stamp.changed"]  # the times are st_mtime and st_ctime, in ns since 1970
MOST_THREADS = 16  # that read at once
Progress = Callable[[int, int], None]  # how many are done, of how many


def kept_of_files(
    kept: Path,
    paths: Mapping[str, Path],
    read: Callable[[Sequence[str]], pd.DataFrame],
    certain: Callable[[pd.DataFrame], pd.Series],
) -> pd.DataFrame:
    """`read(files)`, a row a file of `paths`, of which only new and changed files are read.

    The others' rows lie in `kept`, a parquet file that one process at a time reads and writes. Only rows that `certain`
    marks are kept: what a fault of the moment made of a file is never taken for the file.
    """
    if not paths:
        return read([])
    with alone(kept.parent, kept.stem, kept.name):
        now = pd.DataFrame.from_dict({file: _stamp(path) for file, path in paths.items()}, "index", columns=STAMP)
        before = pd.read_parquet(kept) if kept.is_file() else pd.DataFrame(columns=STAMP)
        same = before.reindex(now.index)[STAMP].eq(now).all(axis=1)
        missing = list(now.index[~same])
        if not missing:
            os.utime(kept)  # the time of its last use
            return before.loc[list(paths)].drop(columns=STAMP)
        started = time.time_ns()
        fresh = read(missing)
        sure = certain(fresh) & (now.loc[missing, "stamp.changed"] < started - SETTLED)
        others = before.drop(index=before.index.intersection(missing))
        more = fresh.join(now.loc[missing])[sure]
        if len(more):
            with whole_file(kept) as file:
                (pd.concat([others, more]) if len(others) else more).to_parquet(file)
        known = others.loc[others.index.intersection(now.index)].drop(columns=STAMP)
        return (pd.concat([known, fresh]) if len(known) else fresh).loc[list(paths)]


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return -1, -1, time.time_ns()  # nothing that is kept
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def forget(kept: Path, files: Sequence[str]) -> None:
    """Read `files` again the next time."""
    with alone(kept.parent, kept.stem, kept.name):
        if kept.is_file():
            before = pd.read_parquet(kept)
            with whole_file(kept) as file:
                before.drop(index=before.index.intersection(list(files))).to_parquet(file)


def contents_of(paths: Mapping[str, Path], kept: Path, progress: Progress | None = None) -> pd.DataFrame:
    """The `Content` of each file of `paths`, by file, in two columns.

    `kept` is as `kept_of_files` takes it; `progress` is told how many files are read, of how many.
    """
    one_of: dict[Path, str] = {}  # a file may hold many images
    for file, path in paths.items():
        one_of.setdefault(path, file)
    unique = {file: path for path, file in one_of.items()}

    def read(files: Sequence[str]) -> pd.DataFrame:
        found: list[Content] = []
        with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS)) as threads:  # they release the GIL
            for done, one in enumerate(threads.map(content_of, (unique[file] for file in files)), start=1):
                found.append(one)
                if progress:
                    progress(done, len(files))
        return pd.DataFrame(found, columns=list(Content._fields), index=list(files))

    found = kept_of_files(kept, unique, read, lambda table: table["fault"] == "")
    table = found.loc[[one_of[path] for path in paths.values()]]
    return table.set_axis(list(paths))
