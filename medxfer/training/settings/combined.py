"""Kinds of values that are made of other kinds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from medxfer.base.errors import MedxferError
from medxfer.base.kinds import Kind, shown
from medxfer.base.words import listing


class Or(Kind):
    """Any of several kinds."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = kinds

    @property
    def words(self) -> str:
        return listing([kind.words for kind in self.kinds], "or")

    @property
    def offered(self) -> list[str]:
        return [value for kind in self.kinds for value in kind.offered]

    def of_text(self, value: Any) -> Any:
        read = [kind.of_text(value) for kind in self.kinds]
        return next((one for one, kind in zip(read, self.kinds, strict=True) if kind.takes(one)), value)

    def takes(self, value: Any) -> bool:
        return any(kind.takes(value) for kind in self.kinds)


@dataclass(frozen=True)
class OrNull(Kind):
    """A kind, or null with the meaning `null`."""

    kind: Kind
    null: str

    @property
    def words(self) -> str:
        return f"{self.kind.words}, or null for {self.null}"

    @property
    def offered(self) -> list[str]:
        return [*self.kind.offered, "null"]

    def of_text(self, value: Any) -> Any:
        return self.kind.of_text(value)

    def takes(self, value: Any) -> bool:
        return value is None or self.kind.takes(value)


@dataclass(frozen=True)
class ListOf(Kind):
    kind: Kind
    example: str

    @property
    def words(self) -> str:
        return f"a list in brackets, such as {self.example}"

    def takes(self, value: Any) -> bool:
        return isinstance(value, list) and all(self.kind.takes(item) for item in value)

    def refusal(self, key: str, value: Any) -> MedxferError:
        return MedxferError(f"{key}={shown(value)}: give {self.words}")


@dataclass(frozen=True)
class ReadBy(Kind):
    """A kind that a function checks further, raising MedxferError."""

    reader: Callable[[Any], object]
    kind: Kind

    @property
    def words(self) -> str:
        return self.kind.words

    @property
    def offered(self) -> list[str]:
        return self.kind.offered

    def takes(self, value: Any) -> bool:
        return self.kind.takes(value)

    def read(self, key: str, value: Any) -> Any:
        read = self.kind.read(key, value)
        self.reader(read)
        return read
