"""An image as a table of the values that can occur in it and, for each pixel, its place in that table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 2**20  # pixels whose places are held at once, so that memory stays a few bytes a pixel


class Levels:
    """A point transform of an image, computed once a level in float64, then costs one gather a pixel.

    Images with more possible levels than pixels (small, 32-bit or float) have each pixel as its own level.
    """

    def __init__(self, image: NDArray[Any]) -> None:
        """image: (H, W), an integer or float type."""
        self._image = image
        self._lowest: int | None = None
        if image.dtype.kind in "iu":
            low, high = int(image.min()), int(image.max())
            if high - low < image.size:
                self._lowest = low
                self.values = np.arange(low, high + 1, dtype=np.float64)
                return
        self.values = image.astype(np.float64).ravel()

    def counts(self) -> NDArray[np.int64]:
        """How many pixels have each level."""
        counts = np.zeros(len(self.values), np.int64)
        if self._lowest is None:
            return counts + 1
        for _, places in self._places(self._lowest):
            counts += np.bincount(places.ravel(), minlength=len(counts))
        return counts

    def paint(self, table: NDArray[np.float64]) -> NDArray[np.float32]:
        """The image (H, W) with `table[i]` in place of `values[i]`."""
        table32 = table.astype(np.float32)
        if self._lowest is None:
            return table32.reshape(self._image.shape)
        painted = np.empty(self._image.shape, np.float32)
        for rows, places in self._places(self._lowest):
            np.take(table32, places, out=painted[rows], mode="clip")  # in range anyway; "raise" would buffer
        return painted

    def _places(self, lowest: int) -> Iterator[tuple[slice, NDArray[np.intp]]]:
        height, width = self._image.shape
        step = max(_BLOCK // width, 1)
        for top in range(0, height, step):
            rows = slice(top, top + step)
            yield rows, self._image[rows].astype(np.intp) - lowest
