"""data=images: a folder of PNG or JPEG files beside a table of labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from medxfer.base.errors import ImageError
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.labelled_folder import LabelledFolder

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
COLOUR_TOLERANCE = 8  # of 255: JPEG's rounding of chroma leaves that much between the channels of a gray picture
_PILLOW_ERRORS = (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)


class PictureReader:
    """8-bit pictures stay 8-bit, 16-bit PNGs stay 16-bit. Pictures in colour are refused."""

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[Any]]:
        """As `Source.pictures`."""
        if hounsfield:
            raise ImageError(path, "not in HU", "a PNG or JPEG holds no Hounsfield units; use window=file")
        yield read_picture(path)

    def header(self, path: Path) -> HeaderFacts:
        """As `Source.header`: format, size and mode. Raises ImageError if Pillow does not know the file."""
        try:
            with Image.open(path) as picture:
                bits = "16" if picture.mode.startswith("I;16") else "8"
                return HeaderFacts(
                    "images",
                    burned_in=False,
                    syntax=picture.format or "",
                    size=f"{picture.height}×{picture.width}",
                    photometric=picture.mode,
                    bits=bits,
                    gray=f"uint{bits}",
                )
        except _PILLOW_ERRORS as error:
            raise _unreadable(path, error) from error


class ImageFolder(LabelledFolder):
    """PNG or JPEG files under `root`, and the table `labels`."""

    reader = PictureReader()
    suffixes = PICTURES


def read_picture(path: Path) -> NDArray[Any]:
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
        raise ImageError(path, "not grayscale", "it is in colour; convert it to gray first")
    return rgb[..., 1].copy()


def _unreadable(path: Path, error: BaseException) -> ImageError:
    return ImageError(path, "undecodable", f"not a picture that Pillow can read ({type(error).__name__})")
