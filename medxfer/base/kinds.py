"""What the value of a setting may be. A kind reads a value, refuses it in a sentence, and says what it takes."""

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.registered import registered_names
from medxfer.base.words import listing

LONGEST = 100  # characters of a name: with what is added to it, systems take 255
MANY = 20  # numbers of a range that an error writes out


class Kind(ABC):
    """What a value may be."""

    what: str = ""

    @property
    def words(self) -> str:
        """What it takes, after the word "give": 'a whole number from 1'."""
        return self.what

    @property
    def offered(self) -> list[str]:
        """Values that a shell can complete: all, where they are counted; else those that have a name."""
        return []

    @abstractmethod
    def takes(self, value: Any) -> bool:
        """Whether it takes `value`, which `of_text` has seen."""

    def of_text(self, value: Any) -> Any:
        """`value` in the one type that it has, however it is written: the environment's variables are text."""
        return value

    def read(self, key: str, value: Any) -> Any:
        """The value of the setting `key`. Raises MedxferError where it is none of this kind."""
        read = self.of_text(value)
        if not self.takes(read):
            raise self.refusal(key, value)
        return read

    def refusal(self, key: str, value: Any) -> MedxferError:
        swept = f"; several are swept after -m: {key}={','.join(map(shown, value))}" if isinstance(value, list) else ""
        return MedxferError(f"{key}={shown(value)}: give {self.words}{swept}")


@dataclass(frozen=True)
class Number(Kind):
    """A finite number between two bounds, which belong to it where they are not `open_`."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    whole: bool = False
    because: str = ""

    @property
    def words(self) -> str:
        parts = [f"{'above' if self.open_low else 'from'} {self.low:g}"] if self.low > -math.inf else []
        parts += [f"{'below' if self.open_high else 'to'} {self.high:g}"] if self.high < math.inf else []
        joined = (" and " if self.open_low else " to ").join(parts).replace("to to", "to")
        return f"a {'whole ' * self.whole}number {joined}".strip() + (f": {self.because}" if self.because else "")

    def of_text(self, value: Any) -> Any:
        if isinstance(value, str):
            for kind in (int, float):
                try:
                    return self.of_text(kind(value))
                except ValueError:
                    continue
        # 1 and 1.0 would be two levels of a factor
        return float(value) if isinstance(value, int) and not isinstance(value, bool) and not self.whole else value

    def refusal(self, key: str, value: Any) -> MedxferError:
        """As of every kind; 1-5 is answered with the five numbers that it may mean."""
        ends = (
            re.fullmatch(r"(\d{1,6})(?:-|\.\.\.?|:)(\d{1,6})", value) if self.whole and isinstance(value, str) else None
        )
        numbers = range(int(ends[1]), int(ends[2]) + 1) if ends else range(0)
        if not 1 < len(numbers) <= MANY:
            return super().refusal(key, value)
        return MedxferError(
            f"{key}={value}: give {self.words}; several are swept after -m: {key}={','.join(map(str, numbers))}"
        )

    def takes(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return math.isfinite(value) and above and below


def whole(low: int, high: float = math.inf, because: str = "") -> Number:
    return Number(low, high, whole=True, because=because)


def share(open_low: bool = False, open_high: bool = False) -> Number:
    """A share from 0 to 1."""
    return Number(0, 1, open_low=open_low, open_high=open_high)


@dataclass(frozen=True)
class Flag(Kind):
    what = "true or false"

    @property
    def offered(self) -> list[str]:
        return ["true", "false"]

    def of_text(self, value: Any) -> Any:
        return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value

    def takes(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Text(Kind):
    """A name or a path, never empty."""

    what: str = "a text"
    names: Callable[[], Iterable[str]] = list  # those with a name

    @property
    def offered(self) -> list[str]:
        return list(self.names())

    def takes(self, value: Any) -> bool:
        return isinstance(value, str) and bool(value.strip())


@dataclass(frozen=True)
class Name(Text):
    """What folders and files are called by: a letter or a digit in it, so that none is called .., and not too long."""

    what: str = f"a name of at most {LONGEST} characters with a letter (a to z) or a digit in it"

    def takes(self, value: Any) -> bool:
        return isinstance(value, str) and len(value) <= LONGEST and bool(re.search("[A-Za-z0-9]", value))


@dataclass(frozen=True)
class Folder(Text):
    """A folder that is there."""

    def read(self, key: str, value: Any) -> Any:
        read = super().read(key, value)
        if not (folder := Path(read).expanduser()).is_dir():
            near = _near(folder)
            did_you_mean = f" did you mean {near}?" if near else ""
            raise MedxferError(f"{key}={read}: no such folder;{did_you_mean} give {self.words}")
        return read


@dataclass(frozen=True)
class GivenFile(Text):
    """A file that is there. The names of others beside it are not told: they may be patients'."""

    def read(self, key: str, value: Any) -> Any:
        read = super().read(key, value)
        if not Path(read).expanduser().is_file():
            raise MedxferError(f"{key}={read}: no such file; give {self.words}")
        return read


@dataclass(frozen=True)
class NewFile(Kind):
    """A file that is written: its name has one of `suffixes`, and its folder is there."""

    suffixes: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"a file whose name ends in {listing(self.suffixes, 'or')}"

    def takes(self, value: Any) -> bool:
        return isinstance(value, str) and Path(value).suffix.lower() in self.suffixes

    def read(self, key: str, value: Any) -> Any:
        read = super().read(key, value)
        if not (folder := Path(read).expanduser().parent).is_dir():
            raise MedxferError(f"{key}={read}: there is no folder {folder}; make it, or give {self.words} in another")
        if Path(read).expanduser().is_dir():
            raise MedxferError(f"{key}={read}: is a folder; give {self.words}")
        return read


@dataclass(frozen=True)
class Choice(Kind):
    """One of some values, or of those that a registry has, named as "module:NAME"."""

    values: tuple[Any, ...] = ()
    registry: str = ""
    prefix: str = ""  # before each name of the registry
    why: str = ""

    @property
    def choices(self) -> list[Any]:
        names = registered_names(self.registry) if self.registry else ()
        return [*self.values, *(f"{self.prefix}{name}" for name in names)]

    @property
    def words(self) -> str:
        return listing(self.offered, "or")

    @property
    def offered(self) -> list[str]:
        return list(dict.fromkeys(map(shown, self.choices)))

    def takes(self, value: Any) -> bool:
        return any(type(value) is type(choice) and value == choice for choice in self.choices)

    def refusal(self, key: str, value: Any) -> MedxferError:
        if not isinstance(value, str):
            return super().refusal(key, value)
        return unknown(key, value, map(shown, self.choices), self.why or f"choose {self.words}.")


def choice(*values: Any, registry: str = "", prefix: str = "", why: str = "") -> Choice:
    return Choice(values, registry, prefix, why)


@dataclass(frozen=True)
class Anything(Kind):
    """What its reader checks."""

    what: str

    def takes(self, value: Any) -> bool:
        return True


class Keyed(Anything):
    """Keys with values, which those who use it check."""

    def takes(self, value: Any) -> bool:
        return isinstance(value, Mapping)


@dataclass(frozen=True)
class Only(Kind):
    """An argument that a cell cannot take, but for the `values` that change nothing; `because` is the reason, and the
    way out."""

    because: str
    values: tuple[Any, ...] = ()

    @property
    def words(self) -> str:
        return f"nothing: {self.because}"

    def takes(self, value: Any) -> bool:
        return any(type(value) is type(known) and value == known for known in self.values)

    def refusal(self, key: str, value: Any) -> MedxferError:
        return MedxferError(f"{key}={shown(value)}: {self.because}")


@dataclass(frozen=True)
class Weights(Kind):
    """What the network begins with. A file must be there: it is one slip that costs half a grid."""

    what = "true, false, a tag of the backbone's weights, file:<path>, hf-hub:<owner>/<model> or bottom:<k>"

    @property
    def offered(self) -> list[str]:
        return ["true", "false", "bottom:", "file:", "hf-hub:"]

    def takes(self, value: Any) -> bool:
        return isinstance(value, bool) or (isinstance(value, str) and bool(value.strip()))

    def read(self, key: str, value: Any) -> Any:
        read = super().read(key, value)
        if isinstance(read, str) and read.startswith("file:") and not Path(read[5:]).expanduser().is_file():
            raise MedxferError(f"{key}={read}: no such file; give the path of a file of weights")
        if (
            isinstance(read, str)
            and read.startswith("hf-hub:")
            and not re.fullmatch(r"hf-hub:[^/@]+/[^/@]+(@.+)?", read)
        ):
            raise MedxferError(f"{key}={read}: give hf-hub:<owner>/<model>, or hf-hub:<owner>/<model>@<revision>")
        return read


CELL = Folder("the folder of a finished cell, <study>/cells/<cell>")
STUDY = Folder("a study's folder, as medxfer.train made it")
TABLE = NewFile((".csv",))
FIGURE = NewFile((".png", ".svg", ".pdf"))


def _near(folder: Path) -> str:
    """A folder that may have been meant by one that is not there: of nearly its name, or of its name one level down."""
    beside = [path for path in folder.parent.glob("*/") if not path.name.startswith(".")]
    near = get_close_matches(folder.name, [path.name for path in beside], n=1, cutoff=0.5)
    below = [path / folder.name for path in beside if (path / folder.name).is_dir()]
    return str(folder.parent / near[0]) if near else str(below[0]) if below else ""


def shown(value: Any) -> str:
    """A value as one writes it on a command line."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {shown(one)}' for key, one in value.items())}}}"
    return json.dumps(value, default=str)
