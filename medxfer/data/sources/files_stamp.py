"""Whether the files behind a data set are as they were: what a process has opened is opened anew once they are not."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from medxfer.data.sources.folder_walk import walk

_PLACES: Final = ("root", "labels", "path")  # settings of a source that are files or folders
# A folder is not looked through again before so many times what that took: a grid settles its cells in milliseconds.
_REST: Final = 20.0
_looks: dict[Path, tuple[float, str]] = {}  # folder -> when it is to be looked through again, and what was seen


def stamp_of(source: Mapping[str, Any]) -> str:
    """Names, sizes and times of the files behind `source`, a configuration's data.source, as one hash."""
    return hashlib.sha256("\n".join(_seen(place) for place in _places(source)).encode()).hexdigest()


def _places(source: Mapping[str, Any]) -> Iterator[Path]:
    for key in _PLACES:
        if isinstance(source.get(key), str):
            yield Path(source[key]).expanduser().resolve()
    for joined in (source.get("sets") or {}).values():
        yield from _places(joined["source"])


def _seen(place: Path) -> str:
    if not place.is_dir():
        return _about(place)
    again, seen = _looks.get(place, (0.0, ""))
    started = time.monotonic()
    if started >= again:
        digest = hashlib.sha256()
        for file in walk(place).files:
            digest.update(f"{file}\0{_about(place / file)}\n".encode())
        seen, now = digest.hexdigest(), time.monotonic()
        _looks[place] = now + _REST * (now - started), seen
    return seen


def _about(file: Path) -> str:
    try:
        about = file.stat()
    except OSError:
        return ""
    return f"{about.st_size} {about.st_mtime_ns} {about.st_ctime_ns} {about.st_ino}"
