"""A DICOM file's header, read without trust: one typed error for whatever is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import PersonName

from medxfer.base.errors import ImageError

Kind = Literal[
    "unreadable",  # no such file, not a file, no permission
    "empty",
    "not DICOM",
    "no transfer syntax",
    "unsupported syntax",
    "no pixel data",  # reports, plans, waveforms, directories, headers alone
    "presentation state",  # how to show another image
    "bad header",  # a needed element is missing, damaged or contradicts another
    "not grayscale",
    "not in HU",
    "for processing",
    "too large",
    "truncated",
    "wrong length",  # more pixel data than the header accounts for
    "undecodable",  # a broken codestream, or one that contradicts the header
    "no such frame",
    "no such window",
]

_FRAME_MACROS = [
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
]

_tag: Callable[[str], BaseTag] = cache(Tag)
_vr: Callable[[BaseTag], str] = cache(dictionary_VR)
_TEXT_VRS: Final = ("CS", "LO", "SH", "UI", "DA", "TM", "AS", "DS")  # whose values are text
_LARGEST: Final = 2**53  # of whole numbers that a float tells apart


class DicomError(ImageError):
    """A DICOM file that is refused; `kind` is one of `Kind`."""

    kind: Kind


@contextmanager
def refusing(path: Path, kind: Kind, reason: str) -> Iterator[None]:
    """Raise a DicomError in place of whatever a library raises in the block, whose text may quote the header."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, DicomError):
        raise
    except BaseException:  # libraries raise whatever a damaged file leads to; a panic in Rust is no Exception
        raise DicomError(path, kind, reason) from None


class Header:
    """Typed access to the elements that describe an image, or one frame of it.

    Getters give None for an absent or empty element, and raise DicomError ("bad header") for a damaged one. An element
    may have any VR, whatever the standard says: a number is read as text where text is wanted, and text as a number.
    """

    def __init__(self, path: Path, dataset: Dataset, groups: list[Dataset] | None = None) -> None:
        self.path = path
        self.dataset = dataset
        # With their tags: `in` of a Dataset itself makes sense of its argument each time.
        self._groups = [(group.keys(), group) for group in [*(groups or []), dataset]]

    def of_frame(self, frame: int) -> Header:
        """The header of one frame: its own functional groups come first, then the shared ones, then the rest
        (PS3.3 C.7.6.16)."""
        per_frame = self.items("PerFrameFunctionalGroupsSequence")
        if per_frame and frame >= len(per_frame):
            raise self.error("it has fewer per-frame functional groups than frames")
        groups = per_frame[frame : frame + 1] + self.items("SharedFunctionalGroupsSequence")[:1]
        within = [Header(self.path, group) for group in groups]
        macros = [item for group in within for macro in _FRAME_MACROS for item in group.items(macro)[:1]]
        return Header(self.path, self.dataset, macros)

    def error(self, reason: str, kind: Kind = "bad header") -> DicomError:
        return DicomError(self.path, kind, reason)

    def get(self, keyword: str) -> Any:
        """The element's value as pydicom has it, or None."""
        tag = _tag(keyword)
        for tags, group in self._groups:
            if tag not in tags:
                continue
            raw = group.get_item(tag, keep_deferred=True)
            if isinstance(raw, RawDataElement):  # as pydicom, sooner
                if raw.value == b"" and _vr_of(raw) in _TEXT_VRS:
                    continue
                if raw.value and len(raw.value) == 2 and _vr_of(raw) == "US":
                    return int.from_bytes(raw.value, "little" if raw.is_little_endian else "big")
            with refusing(self.path, "bad header", f"its {keyword} cannot be read"):
                value = group[tag].value
            if value is not None and not (hasattr(value, "__len__") and len(value) == 0):
                return value
        return None

    def has(self, keyword: str) -> bool:
        """Whether the element is there and not empty."""
        return bool(self._decimals(keyword)) or self.get(keyword) is not None

    def _plain(self, keyword: str) -> tuple[str, str] | None:
        """VR and text of an element as it lies in the file, if that is plain ASCII: pydicom takes ten times as long for
        it, and a data set has a hundred thousand files. None for everything else, which is pydicom's to read."""
        tag = _tag(keyword)
        for tags, group in self._groups:
            if tag not in tags:
                continue
            raw: DataElement | RawDataElement = group.get_item(tag, keep_deferred=True)
            if not isinstance(raw, RawDataElement) or not raw.value or (vr := _vr_of(raw)) not in _TEXT_VRS:
                return None
            text = raw.value.decode("latin-1").rstrip("\0 ")
            return (vr, text) if text and text.isascii() and text.isprintable() else None
        return None

    def _decimals(self, keyword: str) -> list[float]:
        """All values of a decimal string that is plain and finite, else none."""
        vr, text = self._plain(keyword) or ("", "")
        try:
            values = [float(value) for value in text.split("\\")] if vr == "DS" else []
        except ValueError:
            return []
        return values if all(map(math.isfinite, values)) else []

    def items(self, keyword: str) -> list[Dataset]:
        """A sequence's items."""
        value = self.get(keyword)
        if value is None:
            return []
        if not isinstance(value, Sequence):
            raise self.error(f"its {keyword} is not a sequence")
        return list(value)

    def text(self, keyword: str) -> str | None:
        """All of it, as it lies in the file: what stands between its values belongs to a text that has one."""
        _, plain = self._plain(keyword) or ("", "\\")
        if "\\" not in plain:
            return plain.strip("\0 ")
        return "\\".join(self.texts(keyword)).strip("\0 ") or None

    def texts(self, keyword: str) -> list[str]:
        """All values; none of an element that is neither text nor numbers, as bytes and sequences are."""
        _, plain = self._plain(keyword) or ("", "")
        values = plain.split("\\") if plain else self._values(keyword)
        return [str(v).strip("\0 ") for v in values if isinstance(v, str | PersonName | int | float)]

    def numbers(self, keyword: str) -> list[float]:
        """All values, finite. Blank ones at the end do not count."""
        if plain := self._decimals(keyword):
            return plain
        values = self._values(keyword)
        while values and isinstance(values[-1], str) and not values[-1].strip("\0 "):
            values.pop()
        try:
            numbers = [math.nan if isinstance(v, bytes) else float(v) for v in values]
        except (TypeError, ValueError, OverflowError):
            numbers = [math.nan]
        if not all(map(math.isfinite, numbers)):
            raise self.error(f"its {keyword} is not a number")
        return numbers

    def _values(self, keyword: str) -> list[Any]:
        value = self.get(keyword)
        return list(value) if isinstance(value, MultiValue | list) else [] if value is None else [value]

    def number(self, keyword: str) -> float | None:
        """The first value."""
        return next(iter(self.numbers(keyword)), None)

    def integer(self, keyword: str) -> int | None:
        """The first value, whole."""
        value = self.number(keyword)
        if value is not None and (value != int(value) or abs(value) > _LARGEST):
            raise self.error(f"its {keyword} is not a whole number")
        return None if value is None else int(value)

    def required_integer(self, keyword: str, low: int, high: int) -> int:
        """The first value, which must be there and from `low` to `high`."""
        value = self.integer(keyword)
        if value is None:
            raise self.error(f"it has no {keyword}")
        if not low <= value <= high:
            raise self.error(f"its {keyword} is not from {low} to {high}")
        return value


def _vr_of(raw: RawDataElement) -> str:
    """As the file says, or, where it does not, the standard."""
    return raw.VR or _vr(raw.tag)
