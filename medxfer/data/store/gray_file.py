"""A store's gray while it is written: through a file, so that a full disk is an error and memory stays flat."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_ROWS = 1024  # copied at once


class GrayFile:
    """An .npy of `rows` pictures, (rows, size, size), written in any order.

    Its type is that of the first picture; a uint8 file becomes uint16 when the first uint16 picture arrives.
    """

    def __init__(self, path: Path, rows: int, size: int) -> None:
        self.path, self.shape = path, (rows, size, size)
        self.dtype: np.dtype | None = None

    def write(self, row: int, pictures: NDArray) -> None:
        """`pictures` (n, size, size) from `row` on."""
        if self.dtype is None:
            self._create(pictures.dtype)
        elif (self.dtype, pictures.dtype) == (np.uint8, np.uint16):
            self._deepen()
        assert self.dtype is not None
        if (pictures.dtype, self.dtype) == (np.uint8, np.uint16):
            pictures = deepened(pictures)
        self._file.seek(self._start + row * self._row_bytes)
        self._file.write(np.ascontiguousarray(pictures, self.dtype).data)

    def finish(self, target: Path, kept: NDArray[np.bool_]) -> None:
        """Move it to `target`, with only the rows that `kept` (rows,) marks."""
        self._file.close()
        if kept.all():
            self.path.replace(target)
            return
        whole = np.load(self.path, mmap_mode="r")
        rows = np.flatnonzero(kept)
        with target.open("wb") as file:
            _write_header(file, whole.dtype, (len(rows), *self.shape[1:]))
            for start in range(0, len(rows), _ROWS):
                file.write(np.ascontiguousarray(whole[rows[start : start + _ROWS]]).data)
        self.path.unlink()

    def _create(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self._row_bytes = self.shape[1] * self.shape[2] * dtype.itemsize
        self._file = self.path.open("wb")
        _write_header(self._file, dtype, self.shape)
        self._start = self._file.tell()
        self._file.truncate(self._start + self.shape[0] * self._row_bytes)

    def _deepen(self) -> None:
        self._file.close()
        shallow_path = self.path.with_suffix(".8bit")
        self.path.replace(shallow_path)
        shallow = np.load(shallow_path, mmap_mode="r")
        self._create(np.dtype(np.uint16))
        for start in range(0, len(shallow), _ROWS):
            self._file.write(deepened(shallow[start : start + _ROWS]).data)
        shallow_path.unlink()


def deepened(gray: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The same gray, of 65,535 instead of 255."""
    return gray.astype(np.uint16) * 257


def _write_header(file: BinaryIO, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    npy.write_array_header_2_0(file, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
