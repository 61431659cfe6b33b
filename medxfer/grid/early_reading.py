"""New files are read while the libraries of training are imported, which takes seconds of one core."""

import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from medxfer.base.display import display
from medxfer.base.window import parse_window, window_name
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.source import FEW
from medxfer.data.store.dataset import dataset_of
from medxfer.data.store.open import store_of
from medxfer.grid.jobs import Job


def read_early(jobs: Sequence[Job]) -> None:
    """Begin to read the files of each job's data set, in a thread, and to decode them where the size is a number.

    Who opens the same data set or store meanwhile waits for it. What is wrong with them is said there. Few files are
    read sooner than this saves.
    """
    warnings.showwarning = display.warn
    first: dict[int, Job] = {}  # of those that differ in plain factors alone
    for job in jobs:
        first.setdefault(id(job.base), job)
    threading.Thread(target=_read, args=(list(first.values()),), name="read_early", daemon=True).start()


def _read(jobs: Sequence[Job]) -> None:
    for job in jobs:
        with suppress(Exception):  # no setting is checked yet
            config = job.config()
            if len(walk(Path(config.data.source.root).expanduser()).files) < FEW:
                continue
            dataset, size, data = dataset_of(config), config.image_size, config.data
            if isinstance(size, int):
                hounsfield = parse_window(window_name(config.window, dataset.modality)) is not None
                store_of(dataset, size, hounsfield, data.max_rejected, display.step, data.get("max_missing", 0.2))
