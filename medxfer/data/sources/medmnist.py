"""data=medmnist: a 2-D grayscale set of MedMNIST v2 (Yang et al., Sci Data 10:41, 2023), in its official split."""

import hashlib
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from medmnist.info import HOMEPAGE, INFO
from numpy.typing import NDArray

from medxfer.data.image_error import ImageError
from medxfer.data.sources.base import Header, Index, Source
from medxfer.data.sources.table import NO_PATIENTS
from medxfer.errors import MedxferError, unknown

SPLITS = ("train", "val", "test")
GRAYSCALE = tuple(name for name, info in INFO.items() if info["n_channels"] == 1 and not name.endswith("3d"))


class MedMNIST(Source):
    """`path` is a local npz; without it, the release of `size` pixels (28, 64, 128 or 224) is downloaded to `cache`
    by the medmnist package, which checks it. Images are named `<split>[<row>]`."""

    def __init__(self, name: str, path: str | None, size: int, cache: str) -> None:
        if name not in GRAYSCALE:
            raise unknown("MedMNIST data set", name, GRAYSCALE, f"grayscale 2-D sets are {', '.join(GRAYSCALE)}.")
        self.name, self.size = name, size
        file = Path(path).expanduser().resolve() if path else _download(name, size, Path(cache))
        if not file.is_file():
            raise MedxferError(
                f"data.path={path}: no such file; give the npz of {name}, or leave data.path out to download it"
            )
        self.root, self.file = file.parent, file.name

    def settings(self) -> dict[str, object]:
        return {"name": self.name}

    def path(self, file: str) -> Path:
        return self.root / self.file

    def manifest(self, index: Index) -> bytes:
        return super().manifest(
            Index(index.images.head(1), index.labels, index.classes, index.task)
        )  # one file holds all

    def index(self) -> Index:
        arrays = _arrays(self.path(""))
        labels = np.concatenate([arrays[f"{split}_labels"] for split in SPLITS])
        splits = np.repeat(SPLITS, [len(arrays[f"{split}_labels"]) for split in SPLITS])
        rows = np.concatenate([np.arange(len(arrays[f"{split}_labels"])) for split in SPLITS])
        files = pd.Series([f"{split}[{row}]" for split, row in zip(splits, rows, strict=True)])
        classes = tuple(INFO[self.name]["label"].values())
        caveats = (NO_PATIENTS, *self._checksum_caveat())
        images = pd.DataFrame({"file": files, "patient": files, "split": splits})
        if "multi-label" in INFO[self.name]["task"]:
            return Index(images, labels.astype(np.float32), classes, "multilabel", caveats)
        task = "binary" if len(classes) == 2 else "multiclass"
        return Index(images, labels.reshape(-1).astype(np.int64), classes, task, caveats)

    def read(self, file: str, hounsfield: bool) -> NDArray[np.uint8]:
        if hounsfield:
            raise ImageError(self.path(file), "not in HU", "MedMNIST holds no Hounsfield units; use window=file")
        split, row = file.rstrip("]").split("[")
        return _arrays(self.path(file))[f"{split}_images"][int(row)]

    def header(self, file: str) -> Header:
        return Header("images", burned_in=False)

    def _checksum_caveat(self) -> tuple[str, ...]:
        md5 = hashlib.md5(self.path("").read_bytes(), usedforsecurity=False).hexdigest()
        if md5 in {value for key, value in INFO[self.name].items() if key.startswith("MD5")}:
            return ()
        caveat = f"not the official file of {self.name}: its MD5 is {md5}"
        warnings.warn(caveat, stacklevel=2)
        return (caveat,)


@lru_cache(maxsize=1)
def _arrays(path: Path) -> dict[str, NDArray]:
    """The npz's arrays. Raises MedxferError where it is not one of MedMNIST's layout."""
    try:
        with np.load(path, allow_pickle=False) as npz:
            arrays = {f"{split}_{part}": npz[f"{split}_{part}"] for split in SPLITS for part in ("images", "labels")}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise MedxferError(
            f"data.path={path}: not an npz in MedMNIST's layout, train_images, train_labels, val_…, test_… ({error})"
        ) from error
    if any(arrays[f"{split}_images"].ndim != 3 for split in SPLITS):
        raise MedxferError(f"data.path={path}: its images are not grayscale pictures of shape (n, height, width)")
    return arrays


def _download(name: str, size: int, cache: Path) -> Path:
    """The official npz, downloaded once and checked against its published MD5."""
    import medmnist

    cache.mkdir(parents=True, exist_ok=True)
    file = cache / (f"{name}.npz" if size == 28 else f"{name}_{size}.npz")
    if file.is_file():
        return file
    try:
        getattr(medmnist, INFO[name]["python_class"])(split="train", root=str(cache), size=size, download=True)
    except (RuntimeError, OSError, ValueError) as error:
        raise MedxferError(
            f"data=medmnist data.name={name}: cannot be downloaded; "
            f"fetch {file.name} from {HOMEPAGE} and give it as data.path="
        ) from error
    return file
