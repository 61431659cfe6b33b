"""What a user is told: errors of one sentence (the thing, the reason, the way out), and what scores are not for."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType

RESEARCH_ONLY = "For research, not for diagnosis."  # wherever a person reads a score


class MedxferError(Exception):
    """Wrong input or settings. Entry points print its text as one line and exit with 1; no traceback."""


class PrivateError(MedxferError):
    """Its text may name files, folders or patients: the terminal shows it, no record holds it."""


class PrivateWarning(UserWarning):
    """Its text names files: the terminal shows it, no record holds it."""


class ImageError(MedxferError):
    """A file that is not an image one can learn from: recorded and counted by `kind`, never dropped silently.

    Neither `kind` nor `reason` holds header text.
    """

    def __init__(self, path: Path, kind: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.kind = kind
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.kind, self.reason)  # so that it survives the way out of a worker


@contextmanager
def errors_of(what: str, key: str) -> Iterator[None]:
    """Errors of `what`, one of several data sets, name it, and call its settings by `key`, where they stand."""
    try:
        yield
    except MedxferError as error:
        kind = PrivateError if isinstance(error, PrivateError) else MedxferError
        text = re.sub(r"(?<![\w/.])data\.(?=[a-z])", f"{key}.", str(error))
        raise kind(f"{what}: {text}") from error


class Refusals:
    """What is wrong with what one command asks for, gathered so that all of it is said at once.

    A block `with refusals:` that raises MedxferError is left, and what follows it goes on.
    """

    def __init__(self) -> None:
        self._errors: dict[str, MedxferError] = {}

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, frames: TracebackType | None) -> bool:
        if isinstance(error, MedxferError):
            self._errors.setdefault(str(error), error)
        return isinstance(error, MedxferError)

    def raise_all(self) -> None:
        """Raise what was gathered, each sentence once and in a line of its own, where there is anything."""
        errors = list(self._errors.values())
        if len(errors) == 1:
            raise errors[0]
        if errors:
            kind = PrivateError if any(isinstance(one, PrivateError) for one in errors) else MedxferError
            raise kind("\n       ".join(self._errors))  # below one another, after "error: "


def unknown(kind: str, name: str, choices: Iterable[str], hint: str) -> MedxferError:
    """The error for a `name` that is none of `choices`, with the nearest names and where to find all (`hint`)."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = [by_lower[key] for key in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)]
    did_you_mean = f" did you mean {' or '.join(near)}?" if near else ""
    return MedxferError(f"unknown {kind} '{name}':{did_you_mean} {hint}")


def first_line(error: Exception) -> str:
    """The first line of the error's text; its type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
