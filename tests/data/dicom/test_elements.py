"""The elements of a file are those that pydicom's own reader of files finds, and end where it ends."""

from collections.abc import Callable
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import dicom_dataset, functional_group, lut, save
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_partial
from pydicom.filewriter import write_dataset

from medxfer.data.dicom import silence
from medxfer.data.dicom.elements import read_elements
from medxfer.data.dicom.read_header import _TAGS, PIXEL_ELEMENTS

START = 132  # behind the preamble
SYNTAXES = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.JPEG2000Lossless]
Files = Callable[[tuple[str, bool]], bytes]

META = range(0x00020000, 0x00030000)
SYNTAX = 0x00020010
UNDEFINED = b"\xff\xff\xff\xff"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """By syntax, and whether sequences are of undefined length."""
    folder, kinds = tmp_path_factory.mktemp("elements"), product(SYNTAXES, (False, True))
    return {kind: file_of(folder, *kind) for kind in kinds}.__getitem__


def file_of(folder: Path, syntax: str, undefined: bool) -> bytes:
    """With sequences, text that is not ASCII, and private elements."""
    dataset = dicom_dataset(
        np.zeros((32, 32), np.uint16),
        SpecificCharacterSet="ISO_IR 100",
        PatientID="Zoë",
        SeriesDescription="",
        VOILUTSequence=[lut(0, list(range(256)), 8, explanation="größer")],
        SharedFunctionalGroupsSequence=[functional_group(slope=2, intercept=-1024)],
        PerFrameFunctionalGroupsSequence=[functional_group(window=(40, 400)) for _ in range(2)],
        OtherPatientIDsSequence=[Dataset()],
    )
    dataset.private_block(0x0029, "MAKER", create=True).add_new(1, "OB", bytes(400))
    for element in dataset:
        element.is_undefined_length = undefined and element.VR == "SQ"
    return save(folder / "whole.dcm", dataset, syntax).read_bytes()


def outcome(read: Callable[[BytesIO], Dataset], content: bytes) -> tuple[Any, ...] | None:
    """Each element, the encoding of text, and where reading ended; None if reading failed."""
    stream = BytesIO(content)
    try:
        with silence():
            dataset = read(stream)
    except Exception:
        return None
    meta, elements = (
        {int(tag): data.get_item(tag, keep_deferred=True) for tag in tuple(data.keys()) if tag in tags}
        for data, tags in ((dataset.file_meta, META), (dataset, _TAGS))
    )
    return (
        {tag: said(one) for tag, one in meta.items()},
        {tag: said(one) for tag, one in elements.items()},
        dataset.original_character_set,
        dataset.original_encoding[1] if elements else None,
        min(stream.tell(), len(content)),
    )


def said(one: RawDataElement | DataElement | None) -> tuple[object, ...]:
    assert one is not None
    # repr: NaN is not equal to itself, and neither is a list that holds it.
    return one.VR, repr(one.value), isinstance(one, RawDataElement)


def ours(stream: BytesIO) -> Dataset:
    stream.seek(START)
    return read_elements(stream, PIXEL_ELEMENTS.__contains__, _TAGS)


def pydicoms(stream: BytesIO) -> Dataset:
    return read_partial(stream, lambda tag, *_: tag in PIXEL_ELEMENTS, force=True, specific_tags=list(_TAGS))


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_as_pydicom(files: Files, syntax: str, undefined: bool) -> None:
    content = files((syntax, undefined))
    assert (content.count(UNDEFINED) > 3) == undefined
    found = outcome(ours, content)
    assert found is not None
    assert found == outcome(pydicoms, content)
    assert len(found[1]) > 15


def test_a_command_set_is_passed_over(files: Files) -> None:
    content = files((uid.ExplicitVRLittleEndian, False))
    begins = START + 12 + int.from_bytes(content[START + 8 : START + 12], "little")  # behind group 0002
    command = Dataset()
    command.add_new(0x00000002, "UI", uid.CTImageStorage)
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, True
    write_dataset(written, command)
    with_command = content[:begins] + written.getvalue() + content[begins:]
    found, plain = outcome(ours, with_command), outcome(ours, content)
    assert found == outcome(pydicoms, with_command)
    assert found is not None
    assert plain is not None
    assert found[:4] == plain[:4]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), undefined=st.booleans())
def test_damaged_as_pydicom(files: Files, syntax: str, data: st.DataObject, undefined: bool) -> None:
    content = bytearray(files((syntax, undefined)))
    for _ in range(data.draw(st.integers(1, 4), label="changes")):
        place = data.draw(st.integers(START, len(content) - 1))
        content[place : place + 1] = data.draw(st.sampled_from([UNDEFINED, b""]) | st.binary(min_size=1, max_size=1))
    expected, found = (outcome(read, bytes(content)) for read in (pydicoms, ours))
    # Without a syntax pydicom guesses, and the file is refused anyway.
    assume(all(one is None or SYNTAX in one[0] for one in (expected, found)))
    assert found == expected
