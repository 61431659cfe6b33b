"""A header's own reading of plain text says what pydicom's says, refusals included, whatever lies in the file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medxfer.data.dicom import DicomError, silence
from medxfer.data.dicom.header import Header, refusing

BYTES = st.binary(max_size=12) | st.text("0123456789.+-eE_ \\\0naif\n\tCT", max_size=16).map(str.encode)
NUMBERS = {
    "RescaleSlope": ("DS", "LO", "UN", None),
    "WindowCenter": ("DS", "IS", "FD", None),
    "PixelPaddingValue": ("US", "SS", "DS", None),
    "Rows": ("US", "UL", None),
}
TEXTS = {"SOPClassUID": ("UI", "LO", None), "ImageType": ("CS", "LO", None), "StudyDate": ("DA", "LO", None)}
VRS = NUMBERS | TEXTS


class ByPydicom(Header):
    """Every element as pydicom converts it."""

    def _plain(self, keyword: str) -> None:
        return None

    def get(self, keyword: str) -> object:
        with refusing(self.path, "bad header", f"its {keyword} cannot be read"):
            value = self.dataset[keyword].value if keyword in self.dataset else None
        return None if value is None or (hasattr(value, "__len__") and len(value) == 0) else value


def outcome(read: Callable[[str], object], keyword: str) -> object:
    try:
        return read(keyword)
    except DicomError as error:
        return error.kind, str(error)


@pytest.mark.parametrize("keyword", VRS)
@given(data=st.data(), value=BYTES)
@example(data=None, value=b"")
@example(data=None, value=b"1\\-2.50 ")
@example(data=None, value=b"\0 1")
@example(data=None, value=b"1.2.840\0")
def test_as_pydicom(keyword: str, data: st.DataObject | None, value: bytes) -> None:
    vr = data.draw(st.sampled_from(VRS[keyword])) if data else VRS[keyword][0]
    raw = RawDataElement(Tag(keyword), vr, len(value), value, 0, vr is None, True)
    for getter in ("numbers", "has") if keyword in NUMBERS else ("text", "texts"):
        headers = [kind(Path("image.dcm"), Dataset({raw.tag: raw})) for kind in (Header, ByPydicom)]
        with silence():
            ours, pydicoms = (outcome(getattr(header, getter), keyword) for header in headers)
        assert ours == pydicoms, getter
