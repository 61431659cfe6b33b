"""Which column of a table names images, by what, and which files each row names."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.data.sources.tables.path_join import match_paths

PATH, PATIENT = "path", "patient"
# What a row may name its images by, the finer first: a path, or a field of HeaderFacts; and how columns of it are
# called, without case, spaces and signs.
KINDS: Mapping[str, tuple[str, ...]] = {
    PATH: ("path", "file", "filename", "filepath", "image", "imagepath", "imagefile", "imagename", "dicompath"),
    "instance": ("sopinstanceuid", "sopuid", "instanceuid", "sopinstance", "imageuid"),
    "series": ("seriesinstanceuid", "seriesuid"),
    "study": ("studyinstanceuid", "studyuid"),
    "accession": ("accessionnumber", "accession", "accessionno", "accessionnum", "accessionid"),
    PATIENT: ("patientid", "patient", "patid", "mrn"),  # where it is asked for: a table of images has such a column too
}
_TYPED = ("accession", PATIENT)  # numbers, whose leading zeros spreadsheets drop


def kind_of(column: str) -> str:
    """What a column of this name names images by; "" if the name does not tell."""
    bare = re.sub(r"[\W_]+", "", column).casefold()
    return next((kind for kind, names in KINDS.items() if bare in names), "")


def key_column(columns: Iterable[str]) -> str | None:
    """Of `columns`, the one that names images by the finest of KINDS."""
    by_kind = {kind_of(column): column for column in reversed(list(columns))}
    return next((by_kind[kind] for kind in KINDS if kind in by_kind and kind != PATIENT), None)


def join_rows(
    names: Collection[str],
    kind: str,
    files: Sequence[str],
    headers: Callable[[], pd.DataFrame] | None,
) -> dict[str, list[str]]:
    """The files of each of `names` that names some, in the order of `files`. A path may be a folder's.

    Args:
        names: of rows: what its column of the table holds.
        kind: one of KINDS, or "". Where it is PATH or "" and no name is a path, the kind that names most is taken;
            where it is another and names nothing, files' names are looked at.
        files: that there are, relative to their folder.
        headers: gives what the headers of `files` say, as `Source.survey`; None for files without such headers.

    Raises:
        MedxferError: a name is ambiguous.
    """
    by_header = [field for field in KINDS if field != PATH and (field == kind or kind in (PATH, ""))]
    if kind not in (PATH, "") and headers is not None and (found := _by_header(names, headers()[kind], kind)):
        return found
    if found := _by_path(names, files):
        return found
    if kind not in (PATH, "") or headers is None:
        return {}
    said = headers()
    return max((_by_header(names, said[field], field) for field in by_header), key=len)


def _by_path(names: Collection[str], files: Sequence[str]) -> dict[str, list[str]]:
    """Raises MedxferError if a name may be a file or a folder."""
    below = defaultdict(list)
    for file in files:
        for place in (file, *map(str, PurePosixPath(file).parents)):
            below[place].append(file)
    places = match_paths(names, below)
    folders = {name: place for name, place in places.items() if below[place] != [place]}
    # Of a name that is a folder's whole path, a file may be meant that lies beside it, and none that lies elsewhere.
    exact = {name for name, folder in folders.items() if PurePosixPath(name.replace("\\", "/")).as_posix() == folder}
    alone = match_paths({*names} - exact, files) if {*folders} - exact else {}
    if exact:
        beside = defaultdict(list)
        for file in files:
            beside[PurePosixPath(file).parent].append(file)
        for name in exact:
            alone |= match_paths([name], beside[PurePosixPath(folders[name]).parent])
    for name, folder in folders.items():
        if name in alone and alone[name] not in below[folder]:
            raise MedxferError(
                f"'{name}' in the table may be the file '{alone[name]}' or the folder '{folder}': give the path as "
                "it is below data.root"
            )
    return {name: below[place] for name, place in places.items()}


def _by_header(names: Collection[str], stated: pd.Series, field: str) -> dict[str, list[str]]:
    """Of `stated`, by file, what the headers have in `field`; leading zeros, which spreadsheets drop, count last."""
    files, like = defaultdict(list), defaultdict(set)
    for file, text in stated[stated != ""].items():
        files[text.strip()].append(str(file))
    for text in files:
        like[_loose(text)].add(text)
    found = {}
    for name in names:
        alike = sorted({name} & {*files} or (like.get(_loose(name), set()) if field in _TYPED else ()))
        if len(alike) > 1:
            raise MedxferError(
                f"'{name}' in the table may be '{alike[0]}' or '{alike[1]}' in the headers: give it whole"
            )
        if alike:
            found[name] = files[alike[0]]
    return found


def _loose(number: str) -> str:
    return re.sub(r"\.0+$", "", number.strip()).casefold().lstrip("0")
