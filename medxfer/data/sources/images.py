"""data=images: a folder of PNG or JPEG files beside a CSV of labels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from medxfer.data.image_error import ImageError
from medxfer.data.sources.base import Header
from medxfer.data.sources.table import LabelledFolder

COLOUR_TOLERANCE = 8  # of 255: JPEG's chroma rounding leaves that much between the channels of a gray picture


class ImageFolder(LabelledFolder):
    """8-bit pictures stay 8-bit, 16-bit PNGs stay 16-bit. Pictures in colour are refused."""

    def read(self, file: str, hounsfield: bool) -> NDArray:
        path = self.root / file
        if hounsfield:
            raise ImageError(path, "not in HU", "a PNG or JPEG holds no Hounsfield units; use window=file")
        return read_picture(path)

    def header(self, file: str) -> Header:
        return Header("images", burned_in=False)


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
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(path, "undecodable", f"not a picture that Pillow can read ({type(error).__name__})") from error
    if int((rgb.max(-1).astype(int) - rgb.min(-1)).max()) > COLOUR_TOLERANCE:
        raise ImageError(path, "not grayscale", "it is in colour; convert it to gray in a way you can answer for")
    return rgb[..., 1].copy()
