"""What a data set says of itself: which images, of which patients, with which labels, and how to read an image."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.files import private_folder
from medxfer.base.words import Task
from medxfer.data.header_facts import HEADER_VERSION, UNREADABLE, HeaderFacts, no_image
from medxfer.data.processes import in_processes
from medxfer.data.sources.kept_files import kept_of_files
from medxfer.data.sources.reading_files import FileReader, FolderReading, Reading

_FEW = 500  # headers: read sooner than processes start, and no decoder runs


@dataclass(frozen=True)
class Index:
    """The images of a data set, as its release describes them; no pixel has been read yet."""

    # One row an image: file (str, as Reading.pictures takes it), split ("" or the release's own part) and, if its own
    # table has them, patient, view, age, sex and scanner (str, "" where blank); series, of slices (str, "" for none).
    # `with_patients` adds missing patients.
    images: pd.DataFrame
    labels: NDArray[Any]  # (N,) int64 class index, or (N, C) float32 in {0, 1} for multi-label
    classes: tuple[str, ...]
    task: Task
    caveats: tuple[str, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # reason -> names of images that are not used
    headers: pd.DataFrame | None = None  # as `Source.survey` gives them, if the index needed those of all its files
    table: pd.DataFrame | None = None  # the other columns of the release's table, a row an image, as text


class Holds(NamedTuple):
    """What two data sets have to agree in, so that a network of one can be asked about the other."""

    classes: tuple[str, ...]
    task: Task
    modality: str


class Source(ABC):
    """One kind of data set: where images, labels and patients come from, and how an image is read.

    Objects hold paths and settings, never data.
    """

    root: Path
    reader: FileReader
    reader_version = 2  # raise it if `reading` gives other values, so that old stores are not used
    obtain: str  # what has to lie under `root`, and where to download it
    remedy = "merge rare classes"  # where classes have too few patients, by settings that this data set has

    @abstractmethod
    def index(self) -> Index:
        """All labelled images. Raises MedxferError if the folder or its table is not as described."""

    @classmethod
    def foretold(cls, **settings: Any) -> Holds | None:
        """What it will hold with these arguments, where that is known before its files are made or fetched."""
        return None

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """What besides files, patients, parts and labels decides the result, for the fingerprint; no paths."""

    @property
    def reading(self) -> Reading:
        """How its files are read."""
        return FolderReading(self.root, self.reader)

    def path(self, file: str) -> Path:
        """The file on disk that holds the image `file`."""
        return self.reading.path(file)

    def survey(self, files: Sequence[str]) -> pd.DataFrame:
        """What the headers of `files` say, by file: a column for each field of HeaderFacts."""
        return survey_of(files, self.reading.facts)

    def manifest(self, index: Index, contents: Sequence[str]) -> bytes:
        """Everything that identifies this data set, and nothing that a copy to another folder would change: the names
        and contents of its files (a hash of each one's bytes, "" if it cannot be read), their patients, parts and
        labels, the settings, the reader's version."""
        said = {"reader": type(self).__name__, "version": self.reader_version, **self.settings()}
        said |= {"classes": index.classes, "task": index.task}
        columns = [index.images[name] for name in ("file", "patient", "split")]
        digest = hashlib.sha256(np.ascontiguousarray(index.labels).data)
        for row in zip(contents, *columns, strict=True):
            digest.update("\0".join(row).encode() + b"\n")
        return json.dumps(said, sort_keys=True).encode() + digest.digest()

    def unchosen(self, headers: pd.DataFrame) -> pd.Series:
        """For each file of `headers`, in the order of the images, why the source's own settings leave it out; or "".
        Their patients are the table's, where it names some."""
        return pd.Series("", headers.index)

    def wrong(self, reason: str) -> MedxferError:
        """The error for a folder that is not as the data set describes it."""
        return MedxferError(f"data.root={self.root}: {reason}; give the folder that holds {self.obtain}")


class HeaderIndexed(Source):
    """Its index needs the files' headers: for the series, or the place in it.

    `survey` keeps them under `cache`; without it they are read each time.
    """

    def __init__(self, *, cache: str | None, **source: Any) -> None:
        """`source` has the arguments of the class that this one is mixed into."""
        super().__init__(**source)
        self.cache = Path(cache) if cache else None

    def survey(self, files: Sequence[str]) -> pd.DataFrame:
        return kept_headers(self, super().survey, files, self.cache) if self.cache else super().survey(files)


def kept_headers(
    source: Source, survey: Callable[[Sequence[str]], pd.DataFrame], files: Sequence[str], folder: Path
) -> pd.DataFrame:
    """`survey(files)` of `source`, of which `folder`, readable by its owner only, keeps what was read.

    A header is read again if its file changes, or an option or the version of the reader.
    """
    reader = getattr(source, "reader", None)
    options = asdict(reader) if is_dataclass(reader) and not isinstance(reader, type) else None
    options = source.settings() if reader is None else options
    described = (str(source.root), source.reader_version, HeaderFacts._fields, type(reader).__qualname__, options)
    name = f"{type(source).__name__}-{hashlib.sha256(repr(described).encode()).hexdigest()[:16]}-v{HEADER_VERSION}"
    paths = {file: source.path(file) for file in files}
    kept = private_folder(folder) / f"{name}.parquet"
    return kept_of_files(kept, paths, survey, lambda table: ~table["unreadable"].str.startswith(UNREADABLE))


def survey_of(files: Sequence[str], facts_of: Callable[[str], HeaderFacts]) -> pd.DataFrame:
    """`facts_of` each of `files`, by file: a column for each field of HeaderFacts. Of many files in processes."""
    if len(files) < _FEW:
        facts = [facts_of(file) for file in files]
    else:
        outcomes = dict(in_processes(facts_of, files))
        facts = [no_image(read) if isinstance(read, str) else read for _, read in sorted(outcomes.items())]
    table = pd.DataFrame(facts, columns=HeaderFacts._fields, index=pd.Index(files, name="file"))
    return table.astype({"age": float, "position": float})


def modality_of(headers: pd.DataFrame) -> str:
    """Of all files that `Source.survey` could read, such as "CT" or "CR+DX"."""
    modalities = headers["modality"][headers["unreadable"] == ""].unique()
    return "+".join(sorted(modalities)) or UNREADABLE


def existing_folder(path: str) -> Path:
    """data.root=`path` as an absolute folder. Raises MedxferError if there is no such folder."""
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        raise MedxferError(f"data.root={path}: no such folder; give the folder that holds the images")
    return folder
