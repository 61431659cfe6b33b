"""What a file is, by how it begins; its name tells nothing but of archives."""

from pathlib import Path

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")  # PNG, JPEG, TIFF twice, BMP
_FIRST_GROUPS = (
    b"\x02\0",
    b"\x08\0",
    b"\0\x08",
)  # of a DICOM file without a preamble: 0002 and 0008, either byte order


ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz")


def is_picture(path: Path) -> bool:
    """Whether it is a PNG, JPEG, TIFF or BMP file; a DICOM file may begin as a TIFF."""
    start = _start(path)
    return start.startswith(_PICTURES) and start[128:] != b"DICM"


def is_dicom(path: Path) -> bool:
    """Whether it is a DICOM file, with a preamble or without."""
    start = _start(path)
    return start[128:] == b"DICM" or (start[:2] in _FIRST_GROUPS and len(start) == 132)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(132)
    except OSError:
        return b""  # the reader says what is wrong with it
