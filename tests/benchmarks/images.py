"""The images that are timed: phantoms drawn once under the user's cache folder, and real ones, with their parts."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from platformdirs import user_cache_path
from scale import PIXELS

from medxfer.data.phantom import GENERATION, write_phantoms
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.sources.source import Source
from medxfer.data.split import SplitSettings, split_images
from medxfer.data.store.dataset import open_dataset
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.open import open_store

CACHE = user_cache_path("medxfer") / "benchmarks"
SPLIT = SplitSettings(val=0.1, test=0.1)


@dataclass(frozen=True)
class Images:
    """A folder with labels.csv, and the same images for the peers: a CSV with path, label (0 or 1) and part."""

    name: str
    source: Source
    table: Path
    store: GrayStore  # at 64 px
    overrides: tuple[str, ...]  # of our command


def phantoms(training: int) -> Images:
    """`training` chest radiographs for training, as uncompressed DICOM, and a quarter more for the rest."""
    patients = round(training / (1 - SPLIT.val - SPLIT.test))
    folder = CACHE / f"dx-{patients}-{PIXELS}px-v{GENERATION}"
    write_phantoms(folder, "DX", patients=patients, images=1, seed=0, size=PIXELS)
    return _described("phantom_dx", "dicom", folder, DicomFolder(str(folder), str(folder / "labels.csv")))


def kermany() -> Images:
    """1,645 chest radiographs of children, JPEG, 224 px (MEDXFER_TEST_DATA)."""
    folder = Path(os.environ["MEDXFER_TEST_DATA"]) / "cxr_kermany"
    return _described("cxr_kermany", "images", folder, ImageFolder(str(folder), str(folder / "labels.csv")))


def _described(name: str, data: str, folder: Path, source: Source) -> Images:
    dataset = open_dataset(source, CACHE / "store")
    store = open_store(dataset, 64, hounsfield=False)
    assert not store.rejected, "the peers would read what we leave out"
    parts = split_images(store.images, store.labels, store.classes, SPLIT, training_seed=0)
    rows = {"path": [str(folder / file) for file in dataset.index.images["file"]], "label": store.labels, "part": parts}
    table = CACHE / f"{name}-{len(store)}.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    overrides = (f"data={data}", f"data.root={folder}", f"data.split.val={SPLIT.val}", f"data.split.test={SPLIT.test}")
    return Images(name, source, table, store, overrides)
