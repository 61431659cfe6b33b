"""The elements of a DICOM file up to its pixels, as they lie in the file (PS3.5 7.1).

pydicom finds them. Its reader of whole files is passed by: it makes five data sets for each, and a header took a third
longer.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import BinaryIO, Final

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRBigEndian

_COMMAND: Final = 0x0000  # the group of what a message begins with, and a file may have kept
_META: Final = 0x0002
_GROUP_LENGTH: Final = BaseTag(0x00020000)
_SYNTAX: Final = BaseTag(0x00020010)
_CHARSET: Final = BaseTag(0x00080005)


def read_elements(stream: BinaryIO, ends: Callable[[int], bool], wanted: Collection[int]) -> Dataset:
    """The `wanted` tags from where `stream` stands, behind the preamble, to the first tag that `ends`, at which it is
    left; and as `file_meta` the file meta information. Raises whatever a damaged file leads to."""
    meta = FileMetaDataset(_elements(stream, True, lambda tag: tag >> 16 != _META))
    if meta:  # a file that is damaged from its first element on is none
        with suppress(NotImplementedError):  # a VR that there is not
            meta[min(meta.keys())]
        meta.get(_GROUP_LENGTH)
    _elements(stream, True, lambda tag: tag >> 16 != _COMMAND)
    syntax = meta.get(_SYNTAX)
    little = syntax is None or syntax.value != ExplicitVRBigEndian
    dataset = Dataset(_elements(stream, little, ends, wanted))
    charset = dataset.get(_CHARSET)
    dataset.set_original_encoding(None, little, convert_encodings(charset.value) if charset else default_encoding)
    dataset.file_meta = meta
    return dataset


def _elements(
    stream: BinaryIO, little: bool, ends: Callable[[int], bool], wanted: Collection[int] | None = None
) -> dict[BaseTag, RawDataElement | DataElement]:
    """As `read_elements`; all where none are `wanted`. Whether VRs are stated is seen at the first element."""
    start = stream.read(6)
    stream.seek(-len(start), 1)
    implicit = not (start[4:].isalpha() and start[4:].isupper())
    tags = None if wanted is None else list(wanted)
    found = data_element_generator(stream, implicit, little, lambda tag, *_: ends(tag), specific_tags=tags)
    try:
        return {element.tag: element for element in found}
    except (EOFError, NotImplementedError):  # the file ends before a value does
        return {}
