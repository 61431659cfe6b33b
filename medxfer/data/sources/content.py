"""A file's bytes, by their hash."""

import hashlib
from pathlib import Path
from typing import NamedTuple


class Content(NamedTuple):
    """A file's bytes, or why there are none."""

    content: str  # the SHA-256 of the bytes, or ""
    fault: str  # why they cannot be read, in the system's words, or ""


def content_of(path: Path) -> Content:
    """Read a file to its end."""
    try:
        with path.open("rb") as file:
            return Content(hashlib.file_digest(file, "sha256").hexdigest(), "")
    except OSError as error:
        return Content("", error.strerror or type(error).__name__)
