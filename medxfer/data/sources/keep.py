"""Which of the files that a folder holds are images for the purpose: left out by rule, and not as faults."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError, unknown
from medxfer.data.dicom import pixel_digest
from medxfer.data.sources.left_out import BY_RULE
from medxfer.data.sources.source import Index

KEPT_BY = ("modality", "image_type", "sop_class", "view", "body_part", "series_description")  # data.keep.<…>
Keep = Mapping[str, str | Sequence[str] | None]

# Objects of a PACS that go with images: segmentations, plans and doses, reports, marks (PS3.3 C.7.3.1.1.1).
_OBJECTS = (
    "SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "RTRECORD", "SR", "KO", "PR", "REG", "FID", "DOC", "PLAN", "RWV", "AU",
    "ECG",
)  # fmt: skip
_CLASSES = (
    "Segmentation*", "RT Dose*", "RT Structure Set*", "RT Plan*", "*SR Storage", "Key Object*", "*Presentation State*",
    "*Registration*", "Encapsulated *", "Media Storage Directory*",
)  # fmt: skip
_COPY = "copy of another file"
_NAMESAKE = "the SOPInstanceUID of another image, and other pixels: an image of its own"
_TOLD_BY = ["instance", "series", "patient", "size", "frames", "position", "image_type", "view"]
_SLICES = ("CT", "MR", "PT")


def left_out_by_rule(
    headers: pd.DataFrame, keep: Keep | None = None, path_of: Callable[[str], Path] = Path
) -> pd.Series:
    """The reason for which each file is left out, "" for none.

    Args:
        headers: a row a file, in the order in which the first of several copies that can be read is taken; the columns
            are those of `HeaderFacts`.
        keep: for each of KEPT_BY a pattern, or several of which one must match; case does not count, "*" and "?" stand
            for what they stand for in names of files. A rule of what is no image does not hold for what is asked for
            by its modality, SOP class or image type.
        path_of: where a file lies, by its name in the index of `headers`: of files that seem copies the pixels decide.

    Raises MedxferError for a setting that there is not.
    """
    return _ruled(headers, keep, path_of)[0]


def _ruled(
    headers: pd.DataFrame, keep: Keep | None, path_of: Callable[[str], Path]
) -> tuple[pd.Series, NDArray[np.intp]]:
    """As `left_out_by_rule`; and for each file the place of the one that it is a copy of, or -1."""
    asked = {key: _patterns(key, value) for key, value in (keep or {}).items() if value is not None}
    reasons = pd.Series("", headers.index)

    def leave_out(which: pd.Series, reason: str | pd.Series) -> None:
        reasons.mask((reasons == "") & which, BY_RULE + reason, inplace=True)

    if not {"modality", "sop_class"} & set(asked):
        is_object = headers["modality"].isin(_OBJECTS) | _matches(headers["sop_class"], _CLASSES)
        said = headers["modality"].where(headers["modality"].isin(_OBJECTS), headers["sop_class"])
        leave_out(is_object, "no image (" + said + ")")
    for key, patterns in asked.items():
        # A file of which nothing is known stays what it is: missing or broken.
        leave_out(~_matches(headers[key], patterns) & (headers["modality"] != ""), f"data.keep.{key}")
    if "image_type" not in asked:
        localizer = is_localizer(headers)
        if _others(headers, reasons, localizer):
            leave_out(localizer, "localizer")
    if not {"image_type", "sop_class"} & set(asked):
        capture = headers["sop_class"].str.contains("Secondary Capture") & headers["image_type"].str.startswith(
            "DERIVED"
        )
        if _others(headers, reasons, capture):
            leave_out(capture, "derived secondary capture")
    rest, originals = np.flatnonzero(reasons == ""), np.full(len(headers), -1)
    among = _originals(headers.iloc[rest], path_of)
    originals[rest] = np.where(among >= 0, rest[among], -1)
    reasons.iloc[np.flatnonzero(originals >= 0)] = BY_RULE + _COPY
    return reasons, originals


def is_localizer(headers: pd.DataFrame) -> pd.Series:
    """Which files are localizers (scouts) of slices."""
    return headers["image_type"].str.contains("LOCALIZER") & headers["modality"].isin(_SLICES)


def without_left_out(
    index: Index, headers: pd.DataFrame, keep: Keep | None = None, path_of: Callable[[str], Path] = Path
) -> tuple[Index, pd.DataFrame]:
    """`index` and the `headers` of its files (a row each, by file) without what `left_out_by_rule` leaves out.

    Raises MedxferError if that is all, or if copies of one image have two labels.
    """
    known = headers.loc[index.images["file"]]
    if "view" in index.images:  # by a release's own table
        views = index.images["view"].set_axis(known.index)
        known = known.assign(view=known["view"].where(known["view"] != "", views))
    reasons, originals = _ruled(known, keep, path_of)
    stays = (reasons == "").to_numpy()
    if not stays.any():
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.value_counts().items())
        raise MedxferError(f"data.keep leaves no image of {len(reasons)} ({counts}): ask for less")
    _check_labels_of_copies(index, known.index, originals)
    headers = _with_namesakes(headers, known[stays])
    return (index, headers) if stays.all() else without(index, headers, reasons)


def _with_namesakes(headers: pd.DataFrame, used: pd.DataFrame) -> pd.DataFrame:
    """`headers` with a caveat on those of the `used` files that seem copies of another, and have other pixels."""
    alike = set(used.index[_identified(used) & used.duplicated(_TOLD_BY)])
    if not alike:
        return headers
    caveats = [(*said, _NAMESAKE) if file in alike else said for file, said in headers["caveats"].items()]
    return headers.assign(caveats=pd.Series(caveats, headers.index, dtype=object))


def without(index: Index, headers: pd.DataFrame, reasons: pd.Series) -> tuple[Index, pd.DataFrame]:
    """`index` and the `headers` of its files without the images that have a reason in `reasons`, a row an image of
    `index`, by file; the others have ""."""
    stays = (reasons == "").to_numpy()
    left_out = dict(index.left_out)
    for reason, files in reasons[~stays].groupby(reasons[~stays]).groups.items():
        left_out[str(reason)] = tuple(map(str, files))
    images = index.images[stays].reset_index(drop=True)
    table = None if index.table is None else index.table[stays].reset_index(drop=True)
    kept = replace(index, images=images, labels=index.labels[stays], left_out=left_out, table=table)
    return kept, headers.loc[images["file"].unique()]


def _check_labels_of_copies(index: Index, files: pd.Index, originals: NDArray[np.intp]) -> None:
    """Raise MedxferError if a copy among `files`, one a row of `index`, has another label than the file that is kept:
    the one at its place in `originals`, which is -1 for no copy."""
    for place in np.flatnonzero(originals >= 0).tolist():
        one, other = sorted((int(originals[place]), place))
        if np.ravel(index.labels[one]).tolist() != np.ravel(index.labels[other]).tolist():
            raise MedxferError(
                f"'{files[one]}' and '{files[other]}' are copies of one image and have two labels: "
                "give them one, or remove one"
            )


def _patterns(key: str, value: str | Sequence[str]) -> list[str]:
    if key not in KEPT_BY:
        raise unknown("setting of data.keep", key, KEPT_BY, f"data.keep has {', '.join(KEPT_BY)}.")
    patterns = [value] if isinstance(value, str) else list(value)
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise MedxferError(f"data.keep.{key}={value}: give a pattern such as {key}=…, or a list of them")
    return patterns


def _matches(values: pd.Series, patterns: Sequence[str]) -> pd.Series:
    wanted = [pattern.lower() for pattern in patterns]
    known = {value: any(fnmatchcase(str(value).lower(), pattern) for pattern in wanted) for value in values.unique()}
    return values.map(known).astype(bool)


def _others(headers: pd.DataFrame, reasons: pd.Series, of: pd.Series) -> bool:
    """Whether there are other images than these."""
    return bool(((reasons == "") & (headers["unreadable"] == "") & ~of).any())


def _identified(headers: pd.DataFrame) -> pd.Series:
    """Which files say which image they are."""
    return (headers["instance"] != "") & (headers["series"] != "")


def _originals(headers: pd.DataFrame, path_of: Callable[[str], Path]) -> NDArray[np.intp]:
    """For each file the place of the one that it is a copy of, or -1.

    A copy has the SOPInstanceUID of the other, whatever else of the header could tell them apart, and its pixel data:
    a careless program may have written one UID into every file. The first that can be read is the image, and one that
    was cut off beside it is a copy.
    """
    originals = np.full(len(headers), -1)
    suspects = np.flatnonzero(_identified(headers) & headers.duplicated(_TOLD_BY, keep=False))
    broken = headers["unreadable"].to_numpy() != ""
    suspects = suspects[np.argsort(broken[suspects], kind="stable")]
    told = headers[_TOLD_BY].iloc[suspects].fillna({"position": np.inf})  # NaN is not equal to itself
    first: dict[tuple[object, ...], int] = {}
    for place, key in zip(suspects.tolist(), told.itertuples(index=False, name=None), strict=True):
        pixels = (*key, "" if broken[place] else pixel_digest(path_of(str(headers.index[place]))))
        original = first.get(key, place) if broken[place] else first.setdefault(pixels, place)
        first.setdefault(key, place)
        if original != place:
            originals[place] = original
    return originals
