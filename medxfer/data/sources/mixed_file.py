"""A file that may be DICOM or a picture, whatever its name says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.file_kinds import is_dicom, is_picture
from medxfer.data.sources.picture_file import PICTURES, PictureReader


class MixedReader(DicomReader):
    """DICOM files and pictures, recognised by content; where that says nothing, by the suffix."""

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[Any]]:
        return (
            PictureReader(self.frame).pictures(path, hounsfield)
            if _is_picture(path)
            else super().pictures(path, hounsfield)
        )

    def header(self, path: Path) -> HeaderFacts:
        return PictureReader(self.frame).header(path) if _is_picture(path) else super().header(path)


def _is_picture(path: Path) -> bool:
    return is_picture(path) or (path.suffix.lower() in PICTURES and not is_dicom(path))
