"""The settings of every command that is not Hydra's: key=value, declared as a dataclass, read and explained here."""

import shutil
import signal
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from medxfer.base.disk import disk_errors
from medxfer.base.errors import MedxferError, unknown
from medxfer.base.kinds import Flag, Kind, Number, Text
from medxfer.base.surroundings import prepare_surroundings

S = TypeVar("S")
HELP = ("-h", "--help", "help")
MANDATORY = "must be given"
_INDENT = 30
# What a setting takes where nothing more is said than its type.
_KINDS: dict[type, Kind] = {bool: Flag(), float: Number(), Path: Text("a path"), str: Text()}


def setting(
    meaning: str, default: Any = MISSING, key: str = "", shown: str = "…", bare: bool = False, takes: Kind | None = None
) -> Any:
    """A field of a command's dataclass.

    Args:
        meaning: what it does, as --help says it.
        default: its value if it is not given; without one the setting must be given.
        key: its name on the command line; by default the field's.
        shown: what stands for the value in the usage, such as DIR.
        bare: whether the value is given alone, without key=.
        takes: which values it takes, where its type alone does not say so.
    """
    metadata = {"meaning": meaning, "key": key, "shown": shown, "bare": bare, "takes": takes}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Command(Generic[S]):
    """A command as a user calls it: `name` such as "python -m medxfer.status", `about` its module's docstring."""

    name: str
    about: str
    kind: type[S]  # the dataclass of its settings
    others: tuple[str, ...] = ()  # settings that it reads elsewhere: what a mistyped one may have meant

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
        """What --help prints: the docstring, the usage, and what each setting means, takes, and is by default."""
        width, kinds = terminal_width(), self.kinds
        items = [item(_shown(f), [f.metadata["meaning"], f"{kinds[_key(f)].words} [{_default(f)}]"], width)
                 for f in self.fields]  # fmt: skip
        return "\n".join([self.about.strip(), "", self.usage, *([""] if items else []), *items])

    @property
    def kinds(self) -> dict[str, Kind]:
        """Which values each setting takes, by its key."""
        hints = get_type_hints(self.kind)
        return {_key(f): f.metadata["takes"] or _KINDS[_type(hints[f.name])] for f in self.fields}

    def read(self, arguments: Sequence[str]) -> S:
        """`arguments` as the dataclass. Raises MedxferError if one is unknown, missing, double or of a wrong value."""
        hints, kinds, by_key = get_type_hints(self.kind), self.kinds, {_key(f): f for f in self.fields}
        bare = [key for key, f in by_key.items() if f.metadata["bare"]]
        texts: dict[str, str] = {}
        for argument in arguments:
            key, equals, text = argument.partition("=")
            if key not in by_key and not equals and bare:
                key, equals, text = bare[0], "=", argument
            if key not in by_key and not equals:
                raise MedxferError(f"'{argument}' is no setting: give settings as key=value; {self.usage}")
            if key not in by_key:
                raise unknown("setting", key, [*by_key, *self.others], self.usage)
            if not equals or not text:
                raise MedxferError(f"{key} has no value: give it as {_shown(by_key[key])}; {self.usage}")
            if key in texts:
                raise MedxferError(f"{key} is given twice: give it once; {self.usage}")
            texts[key] = text
        missing = [_shown(f) for key, f in by_key.items() if f.default is MISSING and key not in texts]
        if missing:
            raise MedxferError(f"{' and '.join(missing)} must be given; {self.usage}")
        given: dict[str, Any] = {}
        for key, text in texts.items():
            value, kind = kinds[key].read(key, text), _type(hints[by_key[key].name])
            given[by_key[key].name] = Path(value).expanduser() if kind is Path else kind(value)
        return self.kind(**given)


def run(command: Command[S], do: Callable[[S], int | None], arguments: Sequence[str]) -> int:
    """Read `arguments`, call `do` with them, and return the exit code: what `do` returns, or 1 after a MedxferError.

    --help prints the command's help and returns 0.
    """
    if any(argument in HELP for argument in arguments):
        return called(lambda: print(command.help))
    return called(lambda: do(command.read(arguments)))


def called(do: Callable[[], int | None]) -> int:
    """Do what a command does: the exit code that it returns, 1 after a MedxferError, which is printed, or that of
    SIGINT."""
    try:
        prepare_surroundings()
        with disk_errors(), warnings.catch_warnings():
            warnings.showwarning = _say_warning
            return do() or 0
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped by SIGINT", file=sys.stderr)
        return 128 + signal.SIGINT


def _say_warning(message: Warning | str, *_: object, **__: object) -> None:
    """In place of warnings.showwarning, which quotes the line of code that warns."""
    print(f"warning: {message}", file=sys.stderr)


def item(key: str, paragraphs: Sequence[str], width: int) -> str:
    """A setting in a list of them, as --help prints it, and what is said of it, in lines of at most `width` columns."""
    lines = [line for text in paragraphs for line in textwrap.wrap(text, width - _INDENT, break_on_hyphens=False)]
    first = [f"  {key}"] if len(key) > _INDENT - 4 else [f"  {key}".ljust(_INDENT) + lines.pop(0)]
    return "\n".join([*first, *(" " * _INDENT + line for line in lines)])


def terminal_width() -> int:
    """Of a text at this terminal, in columns."""
    return min(max(shutil.get_terminal_size((100, 24)).columns, 80), 120)


def _key(f: Field[Any]) -> str:
    return f.metadata["key"] or f.name


def _shown(f: Field[Any]) -> str:
    return f.metadata["shown"] if f.metadata["bare"] else f"{_key(f)}={f.metadata['shown']}"


def _default(f: Field[Any]) -> str:
    if f.default is MISSING:
        return MANDATORY
    shown = str(f.default).lower() if isinstance(f.default, bool) else str(f.default)
    return "may be left out" if f.default in (None, "") else f"default: {shown}"


def _type(hint: Any) -> Any:
    """The type of a setting's value: that of `Path | None` is Path."""
    return next(each for each in get_args(hint) if each is not NoneType) if isinstance(hint, UnionType) else hint
