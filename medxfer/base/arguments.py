"""The settings of every command that is not Hydra's: key=value, declared as a dataclass, read and explained here."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from medxfer.base.disk import disk_errors
from medxfer.base.errors import MedxferError, unknown
from medxfer.base.surroundings import prepare_surroundings

S = TypeVar("S")
HELP = ("-h", "--help", "help")


def setting(meaning: str, default: Any = MISSING, key: str = "", shown: str = "…", bare: bool = False) -> Any:
    """A field of a command's dataclass.

    Args:
        meaning: what it does, as --help says it.
        default: its value if it is not given; without one the setting must be given.
        key: its name on the command line; by default the field's.
        shown: what stands for the value in the usage, such as DIR.
        bare: whether the value is given alone, without key=.
    """
    return field(default=default, metadata={"meaning": meaning, "key": key, "shown": shown, "bare": bare})


@dataclass(frozen=True)
class Command(Generic[S]):
    """A command as a user calls it: `name` such as "python -m medxfer.status", `about` its module's docstring."""

    name: str
    about: str
    kind: type[S]  # the dataclass of its settings

    @property
    def fields(self) -> tuple[Field[Any], ...]:
        return fields(self.kind)  # type: ignore[arg-type]  # a dataclass, as `kind` says

    @property
    def keys(self) -> list[str]:
        """Its settings as they begin on a command line."""
        return [f"{_key(f)}=" for f in self.fields if not f.metadata["bare"]]

    @property
    def usage(self) -> str:
        """Its settings in one line; those in brackets may be left out."""
        parts = [_shown(f) if f.default is MISSING else f"[{_shown(f)}]" for f in self.fields]
        return " ".join(["usage:", self.name, *parts])

    @property
    def help(self) -> str:
        """What --help prints: the docstring, the usage, and a line a setting."""
        width = max((len(_shown(f)) for f in self.fields), default=0)
        lines = [f"  {_shown(f):{width}}  {f.metadata['meaning']}{_default(f)}" for f in self.fields]
        return "\n".join([self.about.strip(), "", self.usage, *([""] if lines else []), *lines])

    def read(self, arguments: Sequence[str]) -> S:
        """`arguments` as the dataclass. Raises MedxferError if one is unknown, missing, double or of a wrong type."""
        hints, by_key = get_type_hints(self.kind), {_key(f): f for f in self.fields}
        bare = [key for key, f in by_key.items() if f.metadata["bare"]]
        given: dict[str, Any] = {}
        for argument in arguments:
            key, equals, text = argument.partition("=")
            if key not in by_key and not equals and bare:
                key, equals, text = bare[0], "=", argument
            if key not in by_key and not equals:
                raise MedxferError(f"'{argument}' is no setting: give settings as key=value; {self.usage}")
            if key not in by_key:
                raise unknown("setting", key, by_key, self.usage)
            if not equals or not text:
                raise MedxferError(f"{key} has no value: give it as {_shown(by_key[key])}; {self.usage}")
            if by_key[key].name in given:
                raise MedxferError(f"{key} is given twice: give it once; {self.usage}")
            given[by_key[key].name] = self._value(key, text, hints[by_key[key].name])
        missing = [_shown(f) for f in self.fields if f.default is MISSING and f.name not in given]
        if missing:
            raise MedxferError(f"{' and '.join(missing)} must be given; {self.usage}")
        return self.kind(**given)

    def _value(self, key: str, text: str, kind: Any) -> Any:
        if isinstance(kind, UnionType):  # Path | None
            (kind,) = (each for each in get_args(kind) if each is not NoneType)
        if kind is bool:
            if text.lower() not in ("true", "false"):
                raise MedxferError(f"{key}={text}: give true or false; {self.usage}")
            return text.lower() == "true"
        if kind is Path:
            return Path(text).expanduser()
        try:
            return kind(text)
        except ValueError:
            raise MedxferError(f"{key}={text}: not a number; {self.usage}") from None


def run(command: Command[S], do: Callable[[S], int | None], arguments: Sequence[str]) -> int:
    """Read `arguments`, call `do` with them, and return the exit code: what `do` returns, or 1 after a MedxferError.

    --help prints the command's help and returns 0.
    """
    if any(argument in HELP for argument in arguments):
        return called(lambda: print(command.help))
    return called(lambda: do(command.read(arguments)))


def called(do: Callable[[], int | None]) -> int:
    """Do what a command does: the exit code that it returns, or 1 after a MedxferError, which is printed."""
    try:
        prepare_surroundings()
        with disk_errors():
            return do() or 0
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _key(f: Field[Any]) -> str:
    return f.metadata["key"] or f.name


def _shown(f: Field[Any]) -> str:
    return f.metadata["shown"] if f.metadata["bare"] else f"{_key(f)}={f.metadata['shown']}"


def _default(f: Field[Any]) -> str:
    if f.default in (MISSING, None, ""):
        return ""
    return f" (default: {str(f.default).lower() if isinstance(f.default, bool) else f.default})"
