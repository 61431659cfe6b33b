"""A PNG, JPEG, TIFF or other picture that Pillow reads, as gray: exact in depth, upright, or refused with a reason."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from medxfer.base.errors import ImageError
from medxfer.data.header_facts import SEVERAL_FRAMES, HeaderFacts
from medxfer.data.sources.file_kinds import is_dicom

PICTURES: Final = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
COLOUR_TOLERANCE: Final = 8  # of 255: JPEG's rounding of chroma leaves that much between the channels of a gray picture
_PILLOW_ERRORS: Final = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError,
)  # fmt: skip
_DAMAGED: Final = (struct.error, KeyError, TypeError)  # what Pillow raises besides, where tags or EXIF are damaged
_ORIENTATION: Final = 0x0112  # of TIFF and EXIF; from SIDEWAYS on, rows and columns change places
_SIDEWAYS: Final = 5
_WIDTH, _LENGTH, _BITS_PER_SAMPLE, _PHOTOMETRIC, _MIN_IS_WHITE = 256, 257, 258, 262, 0  # TIFF 6.0, section 8
_EIGHT_BIT_MODES: Final = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


@dataclass(frozen=True)
class PictureReader:
    """How pictures are read: 8 bits stay 8 bits, 16 stay 16; colour is refused.

    `frame` is the page to take of a file that has several (TIFF, GIF, animated PNG), or "all": each page is then an
    image of its own. Without it such a file is refused.
    """

    frame: int | Literal["all"] | None = None

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[Any]]:
        """As `Reading.pictures`."""
        if hounsfield:
            raise ImageError(
                path, "not in HU", "a PNG or JPEG holds no Hounsfield units; only a training with window=file takes it"
            )
        with _opened(path) as picture:
            pages = _pages(picture)
            if self.frame is None and pages > 1:
                reason = "it has several pages; data.frame=<number> takes one, data.frame=all takes each"
                raise ImageError(path, SEVERAL_FRAMES, reason)
            for page in range(pages) if self.frame == "all" else [self.frame or 0]:
                if page >= pages:
                    raise ImageError(path, "no such frame", f"it has no page {page}: pages are 0 to {pages - 1}")
                if pages > 1:
                    picture.seek(page)
                yield _gray(picture, path)

    def header(self, path: Path) -> HeaderFacts:
        """As `Reading.header`: format, size and mode. Raises ImageError if Pillow does not know the file."""
        with _opened(path) as picture:
            height, width = _upright_size(picture)
            pages, deep = _pages(picture), _is_deep(picture)
            return HeaderFacts(
                "images",
                syntax=picture.format or "",
                size=f"{height}×{width}",
                photometric=picture.mode,
                bits="16" if deep else "8",
                gray="uint16" if deep else "uint8",
                frames=pages if self.frame == "all" else 1,
                caveats=("several frames, of which one is used",) if pages > 1 and isinstance(self.frame, int) else (),
                unreadable=SEVERAL_FRAMES if pages > 1 and self.frame is None else "",
            )


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        # As a stream: Pillow 13 maps a TIFF by its path, and scrambles one that lies on its side.
        with path.open("rb") as stream, Image.open(stream) as picture:
            yield picture
    except (*_PILLOW_ERRORS, *_DAMAGED) as error:
        if is_dicom(path):
            raise ImageError(path, "DICOM, which data=dicom reads", "it is a DICOM file") from error
        raise ImageError(path, "undecodable", f"not a picture that Pillow can read ({type(error).__name__})") from error


def _pages(picture: Image.Image) -> int:
    return int(getattr(picture, "n_frames", 1))


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode.startswith("I;16")


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    """(rows, columns) once it stands upright. Damaged EXIF says nothing."""
    tags = getattr(picture, "tag_v2", {})  # Pillow gives the size of a TIFF upright or not, by its version
    height, width = tags.get(_LENGTH, picture.height), tags.get(_WIDTH, picture.width)
    with suppress(*_PILLOW_ERRORS, *_DAMAGED):
        if int(picture.getexif().get(_ORIENTATION, 1)) >= _SIDEWAYS:
            return width, height
    return height, width


def _gray(picture: Image.Image, path: Path) -> NDArray[Any]:
    """The page at which `picture` stands, upright, (H, W): uint16 if it has more than 8 bits, else uint8."""
    tags = getattr(picture, "tag_v2", {})  # of a TIFF
    bits = max(tags.get(_BITS_PER_SAMPLE, (16,)))
    inverted = tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE
    if not _is_deep(picture) and _bits_a_channel(picture) > 8:
        reason = "its channels have 16 bits, of which 8 would be read; convert it to gray of 16 bits first"
        raise ImageError(path, "not grayscale", reason)
    picture.load()  # NumPy would turn a truncated file's error into an object array
    with suppress(*_PILLOW_ERRORS, *_DAMAGED):
        ImageOps.exif_transpose(picture, in_place=True)
    if _is_deep(picture):
        return _deep_gray(np.asarray(picture).astype(np.uint16), bits, inverted)
    if picture.mode == "L":
        return np.array(picture)
    if picture.mode not in _EIGHT_BIT_MODES:
        raise ImageError(path, "not grayscale", f"pictures of mode {picture.mode} have no stated range of gray")
    red, green, blue = (np.asarray(channel) for channel in picture.convert("RGB").split())
    highest, lowest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    if (highest - lowest).max() > COLOUR_TOLERANCE:
        raise ImageError(path, "not grayscale", "it is in colour; convert it to gray first")
    return green.copy()


def _deep_gray(stored: NDArray[np.uint16], bits: int, inverted: bool) -> NDArray[np.uint16]:
    """`stored` values of `bits` bits over the whole range of 16. Pillow inverts MinIsWhite in 8 bits alone."""
    white = 2**bits - 1
    if inverted:
        stored = white - stored
    return stored if bits == 16 else np.rint(stored * (65535 / white)).astype(np.uint16)


def _bits_a_channel(picture: Image.Image) -> int:
    """Of the file, which Pillow may have cut to 8; to be called before the picture is loaded."""
    tiles = getattr(picture, "tile", ())  # how Pillow reads the file: "RGB;16B" of a PNG
    return 16 if any(";16" in str(tile.args) for tile in tiles) else 8
