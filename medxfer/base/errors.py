"""What a user is told: errors of one sentence (the thing, the reason, the way out), and what scores are not for."""

from collections.abc import Iterable
from difflib import get_close_matches

RESEARCH_ONLY = "For research, not for diagnosis."  # wherever a person reads a score


class MedxferError(Exception):
    """Wrong input or settings. Entry points print its text as one line and exit with 1; no traceback."""


class PrivateError(MedxferError):
    """Its text may name files, folders or patients: the terminal shows it, no record holds it."""


def unknown(kind: str, name: str, choices: Iterable[str], hint: str) -> MedxferError:
    """The error for a `name` that is none of `choices`, with the nearest names and where to find all (`hint`)."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = [by_lower[key] for key in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)]
    did_you_mean = f" did you mean {' or '.join(near)}?" if near else ""
    return MedxferError(f"unknown {kind} '{name}':{did_you_mean} {hint}")
