"""Which file a path of a table names, though the table comes from another machine, system or program."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import takewhile

from medxfer.base.errors import MedxferError

Parts = tuple[str, ...]

# What may be left out of a file's name.
SUFFIXES = (".nii.gz", ".nii", ".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def match_paths(paths: Collection[str], files: Collection[str]) -> dict[str, str]:
    """The file of each of `paths` that names one; `files` are relative to the folder that holds them.

    Case, Unicode form, spaces around names, the kind of slash, and a suffix that one of the two lacks do not count,
    unless they tell two files apart. Paths are relative to that folder, to one above it (perhaps on another machine),
    or to one below it:

    - a path may be a file's own;
    - else it may end in a file's own path, unless it begins with a folder that is there beside files found so far;
    - if no path is found by that, a file's path may end in it, or in what is left of it without a folder that all
      paths have in common.

    Of several ends the longest counts. Raises MedxferError if a path names two files.
    """
    parts = {path: _parts(path) for path in paths}
    by_own = _ByEnd(files, lambda own: [own])
    found = {path: file for path, own in parts.items() if (file := by_own.file(path, own))}
    levels = zip(*(_folded(own[:-1]) for own in parts.values()), strict=False)
    common = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))  # folders that all paths share
    folders = {_folded(own[:1]) for file in files if len(own := _parts(file)) > 1} if found else set()
    ends = Counter(_folded(own[-k:]) for own in parts.values() for k in range(1, len(own)))
    for path, own in parts.items():
        if path not in found and _folded(own[:1]) not in folders:
            tails = (own[start:] for start in range(1, len(own)) if start <= common or ends[_folded(own[start:])] == 1)
            if file := next((file for tail in tails if (file := by_own.file(path, tail))), ""):
                found[path] = file
    if found:
        return found
    longest = max(map(len, parts.values()), default=0)
    by_end = _ByEnd(files, lambda own: [own[-k:] for k in range(1, min(len(own), longest) + 1)])
    for path, own in parts.items():
        tails = (own[start:] for start in range(min(common, len(own) - 1) + 1))
        if file := next((file for tail in tails if (file := by_end.file(path, tail))), ""):
            found[path] = file
    return found


def nearest(path: str, others: Sequence[str]) -> str:
    """Of `others`, or of the first thousand, the one that looks most like `path`."""
    return get_close_matches(path, others[:1000], n=1, cutoff=0)[0]


def _parts(path: str) -> Parts:
    return tuple(part for part in path.replace("\\", "/").split("/") if part not in ("", "."))


@lru_cache(maxsize=2**16)
def _fold(part: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold()).strip()


def _same(parts: Parts) -> Parts:
    return parts


def _folded(parts: Parts) -> Parts:
    return tuple(map(_fold, parts))


def _bare(parts: Parts) -> Parts:
    """Folded, without the suffix."""
    *folders, name = _folded(parts)
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    return (*folders, name.removesuffix(suffix))


# What is compared of a path with what of a file's, the stricter first.
_FORMS: tuple[tuple[Callable[[Parts], Parts], Callable[[Parts], Parts]], ...] = (
    (_same, _same), (_folded, _folded), (_folded, _bare), (_bare, _folded),
)  # fmt: skip


class _ByEnd:
    """Files by those ends of their paths that `ends` gives."""

    def __init__(self, files: Iterable[str], ends: Callable[[Parts], Iterable[Parts]]) -> None:
        self.files: Mapping[Callable[[Parts], Parts], dict[Parts, list[str]]] = {
            form: defaultdict(list) for form in (_same, _folded, _bare)
        }
        for file in files:
            for end in filter(None, ends(_parts(file))):
                for form, by_end in self.files.items():
                    by_end[form(end)].append(file)

    def file(self, path: str, end: Parts) -> str:
        """The file with this `end` of `path`; "" if there is none. Raises MedxferError if there are two."""
        for of_path, of_file in _FORMS if end else ():
            if found := self.files[of_file].get(of_path(end)):
                if len(found) > 1:
                    raise MedxferError(
                        f"'{path}' in the table may be '{found[0]}' or '{found[1]}': give the path as it is below "
                        "data.root"
                    )
                return found[0]
        return ""
