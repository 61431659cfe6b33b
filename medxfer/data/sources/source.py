"""What a data set has to say of itself: which images, of whom, labelled how, and how to read one."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.processes import in_processes

_FEW = 500  # headers: read sooner than processes start, and no decoder runs
UNLABELLED = "no label"  # the one reason to leave an image out that is no fault of its file


class Header(NamedTuple):
    """What a file says of its image; "" for what it does not say. The last three stay within the store's folder."""

    modality: str  # "CT", "DX", "CR" or another of DICOM's, or "images" where files carry none
    burned_in: bool  # whether annotations stand in the pixels; such an image is never shown on a page
    syntax: str = ""  # how the pixels are coded: the transfer syntax's name, "PNG", "JPEG"
    size: str = ""  # rows×columns
    photometric: str = ""
    bits: str = ""
    manufacturer: str = ""
    model: str = ""
    view: str = ""
    patient: str = ""
    series: str = ""
    position: float | None = None  # mm along the slice's normal
    frames: int = 1  # pictures that `Source.pictures` gives of it
    caveats: tuple[str, ...] = ()  # what was decided about it, in words that are the same for every file; counted
    gray: str = (
        "uint16"  # the dtype in which a store keeps its display gray: "uint8", or "uint16" if it has more levels
    )


# The fields that may be shown; what a scanner or a hospital does alike for many patients.
TECHNICAL = ("modality", "manufacturer", "model", "view", "syntax", "size", "photometric", "bits")


@dataclass(frozen=True)
class Index:
    """The images of a data set, as its release describes them; no pixel has been read yet."""

    # One row an image: file (str, as Source.read takes it), patient (str), split ("" or the release's own part) and,
    # where the release's own table has it, view (str).
    images: pd.DataFrame
    labels: NDArray  # (N,) int64 class index, or (N, C) float32 in {0, 1} for multi-label
    classes: tuple[str, ...]
    task: str  # binary, multiclass or multilabel
    caveats: tuple[str, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # reason -> rows of the release that name no image


class Reader(Protocol):
    """What decoding needs of a source."""

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray]:
        """As `Source.pictures`."""


class Source(ABC):
    """One kind of release. A subclass is small: where images, labels and patients come from, and how one is read.

    Objects are pickled to the worker processes that decode, so they hold paths and settings, never data.
    """

    reader_version = 1  # raised whenever `read` would return other values, so that old stores are not used
    obtain: ClassVar[str] = ""  # what to download and where from, for `python -m medxfer.data`
    root: Path
    dicom_reader: ClassVar[Callable[..., NDArray] | None] = None  # of files of this release, where not `read_dicom`

    @abstractmethod
    def index(self) -> Index:
        """All labelled images. Raises MedxferError where the folder or its table is not as described."""

    @abstractmethod
    def read(self, file: str, hounsfield: bool) -> NDArray:
        """One image, (H, W): uint8 or uint16 display gray (0 is black), float32 display gray in [0, 1], or, with
        `hounsfield`, float32 in Hounsfield units. Raises ImageError where that is not possible."""

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray]:
        """Every picture of `file`, as `read` gives the only one; as many as its header says."""
        yield self.read(file, hounsfield)

    @abstractmethod
    def header(self, file: str) -> Header:
        """What is known of the image `file` without its pixels. Raises ImageError where it cannot be an image."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """What besides files and label bytes decides the result, for the fingerprint; no paths."""

    def survey(self, files: Sequence[str]) -> pd.DataFrame:
        """What the headers of `files` say, by file: the fields of Header, and in `unreadable` the kind of ImageError
        where it cannot be an image, else ""."""
        read = _HeaderReader(self)
        if len(files) < _FEW:
            rows = list(map(read, files))
        else:
            outcomes = dict(in_processes(read, files))
            rows = [_no_image(row) if isinstance(row, str) else row for _, row in sorted(outcomes.items())]
        return pd.DataFrame(rows, columns=[*Header._fields, "unreadable"], index=pd.Index(files, name="file"))

    def label_bytes(self) -> bytes:
        """The label table as it lies on disk."""
        return b""

    def manifest(self, index: Index) -> bytes:
        """Everything that identifies this data set, and nothing that a copy to another folder would change:
        names, sizes, modification times, label bytes, settings, the reader's version."""
        digest = hashlib.sha256(self.label_bytes())
        for file in index.images["file"]:
            stat = self.path(file).stat()
            digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        header = {"reader": type(self).__name__, "version": self.reader_version, **self.settings()}
        return json.dumps(header, sort_keys=True).encode() + digest.digest()

    def path(self, file: str) -> Path:
        """The file on disk that holds the image `file`."""
        return self.root / file


@dataclass(frozen=True)
class _HeaderReader:
    """A row of `Source.survey`."""

    source: Source

    def __call__(self, file: str) -> tuple[object, ...]:
        try:
            return *self.source.header(file), ""
        except ImageError as error:
            return _no_image(error.kind)


def _no_image(why: str) -> tuple[object, ...]:
    return *Header("", burned_in=True), why


def existing_folder(path: str | Path, setting: str) -> Path:
    """`path` as an absolute folder. Raises MedxferError where there is none, naming the `setting` to change."""
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        raise MedxferError(f"{setting}={path}: no such folder; give the folder that holds the images")
    return folder


def encode_labels(values: pd.Series) -> tuple[NDArray[np.int64], tuple[str, ...], str]:
    """Class indices (N,), the class names in sorted order and the task. The positive class of two is the second."""
    codes, classes = pd.factorize(values.astype(str), sort=True)
    if len(classes) < 2:
        raise MedxferError(f"all images have the label '{classes[0]}': a comparison needs two classes or more")
    return codes.astype(np.int64), tuple(classes), "binary" if len(classes) == 2 else "multiclass"


def encode_findings(findings: pd.DataFrame) -> tuple[NDArray, tuple[str, ...], str]:
    """Labels, class names and task of `findings`, (N, C) of 0 and 1, a column each: one column is a binary task,
    several are a multi-label one."""
    for name, column in findings.items():
        if column.nunique() < 2:
            raise MedxferError(
                f"'{name}' is {'absent from' if not column.any() else 'present in'} all images: "
                "choose findings that some have and some have not (data.label=)"
            )
    names = tuple(map(str, findings.columns))
    if len(names) == 1:
        return findings.iloc[:, 0].to_numpy(np.int64), (f"no {names[0]}", names[0]), "binary"
    return findings.to_numpy(np.float32), names, "multilabel"
