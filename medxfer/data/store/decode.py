"""A file as the store holds it: decoded, hashed, resized, quantised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from medxfer.base.errors import ImageError
from medxfer.data.header_facts import UNREADABLE
from medxfer.data.store.gray_range import odd_range

Pictures = Callable[[str, bool], Iterator[NDArray[Any]]]  # as `Reading.pictures`


class Decoded(NamedTuple):
    """The pictures of a file, of which most have one."""

    gray: NDArray[Any]  # (frames, size, size): uint8 or uint16 display gray, or int16 Hounsfield units
    pixels: list[str]  # a hash of each picture as it was decoded
    odd: list[str]  # what is odd about the values of each, as `odd_range` has it


@dataclass(frozen=True)
class Decoder:
    """How to read files for one store."""

    pictures: Pictures
    size: int
    hounsfield: bool
    keep_aspect: bool

    def __call__(self, file: str) -> Decoded | ImageError:
        gray, pixels, odd = [], [], []
        try:
            for picture in self.pictures(file, self.hounsfield):
                pixels.append(_digest(picture, file))
                odd.append(odd_range(picture, self.hounsfield))
                small = resize(picture, self.size, self.keep_aspect, fill=picture.min() if self.hounsfield else 0)
                gray.append(quantise(small, self.hounsfield))
        except ImageError as error:
            return error
        except OSError as error:  # of reading: nothing is written here
            return ImageError(Path(file), UNREADABLE, error.strerror or type(error).__name__)
        return Decoded(np.stack(gray), pixels, odd)


def _digest(picture: NDArray[Any], file: str) -> str:
    """Equal for equal pictures. A picture of one value, such as a slice above the head, has a digest of its own: it is
    no sign that two patients are one."""
    digest = xxhash.xxh3_128(f"{picture.shape}{picture.dtype}".encode())  # of 128 bits, at the speed of memory
    digest.update(file.encode() if picture.min() == picture.max() else np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def resize(picture: NDArray[Any], size: int, keep_aspect: bool = False, fill: float = 0) -> NDArray[Any]:
    """`picture` (H, W) as (size, size) in its own dtype, bilinear with antialiasing.

    With `keep_aspect`, the longer side fills the square, and `fill` is on both sides of the shorter one.
    """
    if picture.shape == (size, size):
        return picture
    longest = max(picture.shape)
    height, width = (max(round(n * size / longest), 1) if keep_aspect else size for n in picture.shape)
    image = Image.fromarray(picture.astype(np.float32, copy=False)).resize((width, height), Image.Resampling.BILINEAR)
    resized = np.asarray(image)
    if picture.dtype.kind != "f":
        resized = np.rint(resized).astype(picture.dtype)
    if resized.shape == (size, size):
        return resized
    square = np.full((size, size), fill, picture.dtype)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = resized
    return square


def quantise(picture: NDArray[Any], hounsfield: bool) -> NDArray[Any]:
    """Hounsfield units as int16, rounded; display gray as it is, or from float in [0, 1] to the range of uint16."""
    if hounsfield:
        picture = np.clip(np.rint(picture), -32768, 32767).astype(np.int16)
    elif picture.dtype.kind == "f":
        picture = np.rint(np.clip(picture, 0, 1) * 65535).astype(np.uint16)
    return picture


def deepened(gray: NDArray[Any], dtype: np.dtype) -> NDArray[Any]:
    """`gray` in a store's `dtype`: uint8 of 0 to 255 becomes the same gray in uint16, of 0 to 65,535."""
    return gray.astype(np.uint16) * 257 if gray.dtype == np.uint8 and dtype == np.uint16 else gray
