"""data=medmnist: a 2-D grayscale set of MedMNIST v2 (Yang et al., Sci Data 10:41, 2023), in its official split."""

import hashlib
import shutil
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base import files
from medxfer.base.errors import ImageError, MedxferError, unknown
from medxfer.base.words import Task
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.reading_files import Reading
from medxfer.data.sources.source import Index, Source

# The package's table of its sets, as a file: the package around it imports torch, torchvision and scikit-learn, which
# neither a list of data sets nor a process that decodes needs.
_TABLE = run_path(str(distribution("medmnist").locate_file("medmnist/info.py")))
HOMEPAGE: str = _TABLE["HOMEPAGE"]
INFO: dict[str, dict[str, Any]] = _TABLE["INFO"]
SPLITS = ("train", "val", "test")
PARTS = tuple(f"{split}_{part}" for split in SPLITS for part in ("images", "labels"))
SIZES = (28, 64, 128, 224)
GRAYSCALE = tuple(name for name, info in INFO.items() if info["n_channels"] == 1 and not name.endswith("3d"))


class MedMNIST(Source):
    """`path` is a local npz; without it, the release of `size` pixels (28, 64, 128 or 224) is downloaded to `cache`
    by the medmnist package, which checks it. Its arrays are unpacked to `cache` once and mapped from there, because
    the large ones are larger than memory. Images are named `<split>[<row>]`."""

    remedy = "choose another set (data.name=)"
    obtain = f"nothing, or <name>.npz from {HOMEPAGE}: {', '.join(GRAYSCALE)}"

    def __init__(self, name: str, path: str | None, size: int, cache: str) -> None:
        if name not in GRAYSCALE:
            raise unknown("MedMNIST data set", name, GRAYSCALE, f"grayscale 2-D sets are {', '.join(GRAYSCALE)}.")
        if size not in SIZES:
            raise MedxferError(f"data.size={size}: no such release of MedMNIST; sizes are {', '.join(map(str, SIZES))}")
        self.name = name
        self.file = Path(path).expanduser().resolve() if path else _download(name, size, Path(cache))
        if not self.file.is_file():
            raise MedxferError(
                f"data.path={path}: no such file; give the npz of {name}, or leave data.path out to download it"
            )
        self.root, self.unpacked = self.file.parent, _unpack(self.file, Path(cache))

    def settings(self) -> dict[str, object]:
        return {"name": self.name}

    @property
    def reading(self) -> Reading:
        return _ArrayReading(self.file, self.unpacked)

    def index(self) -> Index:
        labels = [_arrays(self.unpacked)[f"{split}_labels"] for split in SPLITS]
        rows = [
            (split, f"{split}[{row}]") for split, part in zip(SPLITS, labels, strict=True) for row in range(len(part))
        ]
        images = pd.DataFrame(rows, columns=["split", "file"])
        classes = tuple(INFO[self.name]["label"].values())
        caveats = self._checksum_caveat()
        codes = np.concatenate([self._checked(of_part, len(classes)) for of_part in labels])
        if codes.ndim == 2:
            return Index(images, codes.astype(np.float32), classes, "multilabel", caveats)
        task: Task = "binary" if len(classes) == 2 else "multiclass"
        return Index(images, codes.astype(np.int64), classes, task, caveats)

    def _checked(self, labels: NDArray[Any], classes: int) -> NDArray[Any]:
        """A part's labels, (n,), or (n, classes) for a multi-label set. Raises MedxferError if they are not of it."""
        if "multi-label" in INFO[self.name]["task"]:
            fit = labels.ndim == 2 and labels.shape[1] == classes and np.isin(labels, (0, 1)).all()
            wanted = f"{classes} labels an image, each 0 or 1"
        else:
            labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
            fit = labels.ndim == 1 and np.isin(labels, np.arange(classes)).all()
            wanted = f"one label an image, from 0 to {classes - 1}"
        if fit:
            return labels
        raise MedxferError(
            f"data.path={self.file}: its labels have the shape {labels.shape} and go from {labels.min()} to "
            f"{labels.max()}, and {self.name} has {wanted}; give the name of the file's own set as data.name="
        )

    def _checksum_caveat(self) -> tuple[str, ...]:
        """What to say if it is not an official file. Raises MedxferError if it is that of another set."""
        md5 = (self.unpacked / "md5").read_text()
        official = next(
            (name for name, info in INFO.items() for key in info if key[:3] == "MD5" and info[key] == md5), ""
        )
        if official not in ("", self.name):
            raise MedxferError(
                f"data.path={self.file}: it is the official file of {official}, and data.name is {self.name}: give "
                f"data.name={official}"
            )
        if official:
            return ()
        caveat = f"not the official file of {self.name}: its MD5 is {md5}"
        warnings.warn(caveat, stacklevel=2)
        return (caveat,)


@dataclass(frozen=True)
class _ArrayReading(Reading):
    """Rows of the arrays of an npz, which lie in the folder `unpacked`."""

    npz: Path
    unpacked: Path

    def path(self, file: str) -> Path:
        return self.npz

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[np.uint8]]:
        if hounsfield:
            raise ImageError(self.npz, "not in HU", "MedMNIST holds no Hounsfield units; use window=file")
        split, row = file.rstrip("]").split("[")
        yield np.array(_arrays(self.unpacked)[f"{split}_images"][int(row)])

    def header(self, file: str) -> HeaderFacts:
        height, width = _arrays(self.unpacked)["train_images"].shape[1:]
        return HeaderFacts("images", syntax="NumPy", size=f"{height}×{width}", bits="8", gray="uint8")


@lru_cache(maxsize=1)
def _arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """The unpacked arrays, mapped."""
    return {part: np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False) for part in PARTS}


def _unpack(file: Path, cache: Path) -> Path:
    """The folder with the npz's arrays as npy files and its MD5, made if it is not there.

    Raises MedxferError if the npz is not in MedMNIST's layout.
    """
    stat = file.stat()
    folder = files.private_folder(cache) / f"{file.stem}-{stat.st_size}-{stat.st_mtime_ns}"
    partial = folder.with_suffix(".partial")
    with files.alone(cache, folder.name):
        if folder.is_dir():
            return folder
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _extract(file, files.private_folder(partial))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            shutil.rmtree(partial)
            raise MedxferError(
                f"data.path={file}: not an npz in MedMNIST's layout, train_images, train_labels, val_…, test_… "
                f"({error}); leave data.path out to download it"
            ) from error
        files.replace_folder(partial, folder)
    return folder


def _extract(file: Path, folder: Path) -> None:
    with zipfile.ZipFile(file) as npz:
        npz.extractall(folder, [f"{part}.npy" for part in PARTS])
    arrays = _arrays.__wrapped__(folder)
    for images, labels in ((arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in SPLITS):
        if images.ndim != 3:
            raise ValueError("its images are not grayscale pictures of shape (n, height, width)")
        if len(images) != len(labels):
            raise ValueError("it has not one label an image")
    with file.open("rb") as stream:
        (folder / "md5").write_text(hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest())


def _download(name: str, size: int, cache: Path) -> Path:
    """The official npz, downloaded once and checked against its published MD5."""
    import medmnist

    file = files.private_folder(cache) / (f"{name}.npz" if size == 28 else f"{name}_{size}.npz")
    if not file.is_file():
        try:
            getattr(medmnist, INFO[name]["python_class"])(split="train", root=str(cache), size=size, download=True)
        except (RuntimeError, OSError, ValueError) as error:
            raise MedxferError(
                f"data=medmnist data.name={name}: cannot be downloaded; fetch {file.name} from {HOMEPAGE} and give it "
                "as data.path="
            ) from error
    return file
