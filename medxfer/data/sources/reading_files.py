"""How the files of a data set are read, apart from its table. The processes that read files import this module and the
readers', and so not pandas, which takes them longer than a hundred files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from medxfer.base.errors import ImageError
from medxfer.data.header_facts import UNREADABLE, HeaderFacts, no_image
from medxfer.data.sources.content import content_of


class FileReader(Protocol):
    """How one kind of file is read."""

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[Any]]:
        """As `Reading.pictures`."""

    def header(self, path: Path) -> HeaderFacts:
        """As `Reading.header`."""


class Reading(ABC):
    """How the files of a data set are read, by the names that its index gives them. It is sent to the processes that
    read them, so it holds paths and settings, never data."""

    @abstractmethod
    def path(self, file: str) -> Path:
        """The file on disk that holds the image `file`."""

    @abstractmethod
    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[Any]]:
        """Every picture of `file`, as many as its header says, each (H, W): uint8 or uint16 display gray (0 is black),
        float32 display gray in [0, 1], or, with `hounsfield`, float32 in Hounsfield units.

        Raises ImageError if the file has no such picture.
        """

    @abstractmethod
    def header(self, file: str) -> HeaderFacts:
        """What is known of the image `file` without its pixels. Raises ImageError if it cannot be an image."""

    def facts(self, file: str) -> HeaderFacts:
        """The same; of a file that cannot be an image with the reason in `unreadable`."""
        try:
            return self.header(file)
        except (ImageError, OSError) as error:
            fault = content_of(self.path(file)).fault
            kind = error.kind if isinstance(error, ImageError) else f"{UNREADABLE} ({error.strerror})"
            return no_image(f"{UNREADABLE} ({fault})" if fault else kind)


@dataclass(frozen=True)
class FolderReading(Reading):
    """Files below `root`, all read by `reader`."""

    root: Path
    reader: FileReader

    def path(self, file: str) -> Path:
        return self.root / file

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[Any]]:
        return self.reader.pictures(self.path(file), hounsfield)

    def header(self, file: str) -> HeaderFacts:
        return self.reader.header(self.path(file))


@dataclass(frozen=True)
class JoinedReading(Reading):
    """Files of several data sets: `x.png` of the set `a` is `a/x.png`."""

    sets: Mapping[str, Reading]

    def path(self, file: str) -> Path:
        one, own = self._own(file)
        return one.path(own)

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[Any]]:
        one, own = self._own(file)
        return one.pictures(own, hounsfield)

    def header(self, file: str) -> HeaderFacts:
        one, own = self._own(file)
        return one.header(own)

    def _own(self, file: str) -> tuple[Reading, str]:
        name, _, own = file.partition("/")
        return self.sets[name], own
