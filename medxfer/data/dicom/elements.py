"""The elements of a DICOM file up to its pixels, as they lie in the file (PS3.5 7.1).

pydicom's own reader of files makes five data sets for each, and looks long at elements that nobody asks for. A header
of 40 elements takes it twice as long, and every new file is asked for its header twice. What is left to pydicom is
whatever has meaning: values, and sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from contextlib import suppress
from struct import Struct
from typing import Any, BinaryIO, Final

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRBigEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR
from pydicom.values import convert_string

Elements = dict[BaseTag, RawDataElement | DataElement]

_COMMAND: Final = range(0x00010000)  # what a message begins with, and a file may have kept
_META: Final = range(0x00020000, 0x00030000)
_GROUP_LENGTH: Final = BaseTag(0x00020000)
_SYNTAX: Final = BaseTag(0x00020010)
_CHARSET: Final = BaseTag(0x00080005)
_END_OF_ITEM: Final = 0xFFFEE00D
_UNDEFINED: Final = 0xFFFFFFFF
_VRS: Final = {str(vr).encode(): (str(vr), vr in EXPLICIT_VR_LENGTH_32) for vr in VR}
# By whether the file is little endian: tag, VR and a short length; tag and length; length.
_EXPLICIT: Final = {little: Struct(f"{'><'[little]}HH2sH").unpack for little in (False, True)}
_IMPLICIT: Final = {little: Struct(f"{'><'[little]}HHL").unpack for little in (False, True)}
_LENGTH: Final = {little: Struct(f"{'><'[little]}L").unpack for little in (False, True)}


def read_elements(stream: BinaryIO, ends: Callable[[int], bool], wanted: Container[int]) -> Dataset:
    """The `wanted` tags from where `stream` stands, behind the preamble, to the first tag that `ends`, at which it is
    left; and as `file_meta` the file meta information. Raises whatever a damaged file leads to."""
    meta = FileMetaDataset(_elements(stream, True, lambda tag: tag not in _META, _META))
    if meta:  # a file that is damaged from its first element on is none
        with suppress(NotImplementedError):  # a VR that there is not
            meta[min(meta.keys())]
        meta.get(_GROUP_LENGTH)
    _elements(stream, True, lambda tag: tag not in _COMMAND, ())
    syntax = meta.get(_SYNTAX)
    little = syntax is None or syntax.value != ExplicitVRBigEndian
    dataset = Dataset(_elements(stream, little, ends, wanted))
    charset = dataset.get(_CHARSET)
    dataset.set_original_encoding(None, little, convert_encodings(charset.value) if charset else default_encoding)
    dataset.file_meta = meta
    return dataset


def _elements(stream: BinaryIO, little: bool, ends: Callable[[int], bool], wanted: Container[int]) -> Elements:
    """As `read_elements`. Whether VRs are stated is seen at the first element, and at each that has none."""
    start = stream.read(6)
    stream.seek(-len(start), 1)
    implicit = not _is_vr(start[4:])
    found: Elements = {}
    while len(head := stream.read(8)) == 8:
        vr: str | None
        group, element, code, length = _EXPLICIT[little](head)
        stated, vr, before = _VRS.get(code), None, 8
        if implicit or (stated is None and not b"AA" <= code <= b"ZZ"):
            _, _, length = _IMPLICIT[little](head)
        elif stated is None:
            vr = code.decode(default_encoding)
        else:
            vr, is_long = stated
            if is_long:
                (length,) = _LENGTH[little](stream.read(4))
                before = 12
        tag = group << 16 | element
        if tag == _END_OF_ITEM:
            break
        if ends(tag):
            stream.seek(-before, 1)
            break
        if length == _UNDEFINED:
            stream.seek(-before, 1)
            try:
                whole = next(data_element_generator(stream, implicit, little, encoding=_encoding(found)))
            except (EOFError, NotImplementedError):
                return {}  # the file ends before the value does
            if tag in wanted:
                found[whole.tag] = whole
        elif tag in wanted:
            value: Any = stream.read(length) if length else empty_value_for_VR(vr, raw=True)
            found[BaseTag(tag)] = RawDataElement(BaseTag(tag), vr, length, value, 0, implicit, little)
        else:
            stream.seek(length, 1)
    return found


def _encoding(found: Elements) -> str | list[str]:
    """Of the text in sequences."""
    raw = found.get(_CHARSET)
    if not isinstance(raw, RawDataElement) or not raw.value:
        return default_encoding
    return convert_encodings(convert_string(raw.value, raw.is_little_endian))


def _is_vr(code: bytes) -> bool:
    """Whether it is two capital letters."""
    return code.isalpha() and code.isupper()
