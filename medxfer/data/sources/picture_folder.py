"""data=images: a folder of PNG or JPEG files beside a CSV of labels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from medxfer.base.errors import ImageError
from medxfer.data.sources.source import Header, Source
from medxfer.data.sources.table import LabelledFolder

COLOUR_TOLERANCE = 8  # of 255: JPEG's chroma rounding leaves that much between the channels of a gray picture
_PILLOW_ERRORS = (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)


class PictureFiles(Source):
    """8-bit pictures stay 8-bit, 16-bit PNGs stay 16-bit. Pictures in colour are refused."""

    def read(self, file: str, hounsfield: bool) -> NDArray:
        if hounsfield:
            raise no_hounsfield(self.root / file)
        return read_picture(self.root / file)

    def header(self, file: str) -> Header:
        return picture_header(self.root / file)


class ImageFolder(PictureFiles, LabelledFolder):
    obtain = "nothing: your own files, and a CSV with a row an image"


def no_hounsfield(path: Path) -> ImageError:
    return ImageError(path, "not in HU", "a PNG or JPEG holds no Hounsfield units; use window=file")


def picture_header(path: Path) -> Header:
    """Format, size and mode of a picture, without its pixels. Raises ImageError where Pillow does not know it."""
    try:
        with Image.open(path) as picture:
            size = f"{picture.height}×{picture.width}"
            bits = "16" if picture.mode.startswith("I;16") else "8"
            return Header(
                "images", False, syntax=picture.format or "", size=size, photometric=picture.mode, bits=bits,
                gray=f"uint{bits}",
            )  # fmt: skip
    except _PILLOW_ERRORS as error:
        raise _unreadable(path, error) from error


def read_picture(path: Path) -> NDArray:
    """A grayscale picture as uint8 or uint16, (H, W). Raises ImageError for anything else."""
    try:
        with Image.open(path) as picture:
            picture.load()  # NumPy would turn a truncated file's error into an object array
            if picture.mode.startswith("I;16"):
                return np.asarray(picture).astype(np.uint16)
            if picture.mode in ("I", "F"):
                raise ImageError(path, "not grayscale", f"32-bit pictures ({picture.mode}) have no stated range")
            if picture.mode == "L":
                return np.asarray(picture)
            rgb = np.asarray(picture.convert("RGB"))
    except _PILLOW_ERRORS as error:
        raise _unreadable(path, error) from error
    if int((rgb.max(-1).astype(int) - rgb.min(-1)).max()) > COLOUR_TOLERANCE:
        raise ImageError(path, "not grayscale", "it is in colour; convert it to gray in a way you can answer for")
    return rgb[..., 1].copy()


def _unreadable(path: Path, error: BaseException) -> ImageError:
    return ImageError(path, "undecodable", f"not a picture that Pillow can read ({type(error).__name__})")
