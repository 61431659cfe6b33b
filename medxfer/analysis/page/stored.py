"""A study's decoded images, as far as they may be shown: those whose header states that nothing is burned in."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.scores import read_slices
from medxfer.base.errors import MedxferError
from medxfer.base.window import Window, parse_window
from medxfer.base.words import count, listing


def stored_images(
    study: StudyRecord, store_root: Path
) -> Iterator[tuple[CellRecord, np.memmap, dict[str, int], Window | None]]:
    """Of each data set its first finished cell, its decoded images, the row of each by pseudonym, and the window.

    A series that was scored has the row of a slice in its middle. Images are left out unless their headers state that
    no annotation is burned in, as no PNG or JPEG does. Raises MedxferError where the decoded images are not under
    `store_root`.
    """
    for cell, gray, images in _first_stores(study, store_root):
        clean = images["burned_in"].to_numpy() == "no"
        rows = {str(image): row for row, image in enumerate(images["image"]) if clean[row]}
        for series, slices in (pair for one in cell.cells for pair in read_slices(one.folder).items()):
            if shown := [rows[image] for image in slices if image in rows]:
                rows[series] = shown[len(shown) // 2]
        yield cell, gray, rows, parse_window(str(cell.factors["window"]))


def withheld(study: StudyRecord, store_root: Path) -> list[str]:
    """For each data set of which images are not shown, how many and why, a sentence."""
    said = []
    for cell, _, images in _first_stores(study, store_root):
        of = images["burned_in"].value_counts()
        reasons = {
            "unsaid": "do not say whether text is burned into their pixels, as no PNG or JPEG does",
            "yes": "say that it is",
        }
        if why := [f"{of[said]:,} {words}" for said, words in reasons.items() if of.get(said)]:
            said.append(
                f"{cell.factors['data']}: of {count(len(images), 'image')}, {listing(why)}. Such text may name a "
                "patient, so these images are never shown here."
            )
    return said


def _first_stores(study: StudyRecord, store_root: Path) -> Iterator[tuple[CellRecord, np.memmap, pd.DataFrame]]:
    """Of each data set its first finished cell, its decoded images and their table."""
    firsts = {cell.factors["data"]: cell for cell in reversed(study.done)}
    for cell in reversed(firsts.values()):
        gray, images = _open(store_root, cell.record["data"]["fingerprint"], cell.factors)
        yield cell, gray, images if "burned_in" in images else images.assign(burned_in="unsaid")


def _open(store_root: Path, fingerprint: str, factors: Mapping[str, Any]) -> tuple[np.memmap, pd.DataFrame]:
    kind = "gray" if factors["window"] == "file" else "hu"
    folders = sorted(store_root.glob(f"*-{fingerprint}/v*-{factors['image_size']}px-{kind}/store.json"))
    if not folders:
        raise MedxferError(
            f"report.images=true: the decoded images of {factors['data']} are not under {store_root}: give store.root= "
            "as in training, or leave report.images out"
        )
    folder = folders[-1].parent
    return np.load(folder / "gray.npy", mmap_mode="r"), pd.read_parquet(folder / "images.parquet")
