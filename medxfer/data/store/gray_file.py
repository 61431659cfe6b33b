"""A store's pictures while they are written."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


class GrayFile:
    """An .npy of `rows` pictures, (rows, size, size) of `dtype`, written in any order.

    Through a file, not a memory map: a full disk is then an error, where a map ends the process, and memory stays flat.
    """

    def __init__(self, path: Path, rows: int, size: int, dtype: np.dtype) -> None:
        self.path, self.shape, self.dtype = path, (rows, size, size), dtype
        self._file = path.open("wb")
        _write_header(self._file, dtype, self.shape)
        self._start, self._row_bytes = self._file.tell(), size * size * dtype.itemsize
        self._file.truncate(self._start + rows * self._row_bytes)

    def write(self, row: int, pictures: NDArray[Any]) -> None:
        """`pictures` (n, size, size) of `dtype` from `row` on."""
        self._file.seek(self._start + row * self._row_bytes)
        self._file.write(np.ascontiguousarray(pictures, self.dtype).data)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def finish(self, target: Path, kept: NDArray[np.bool_]) -> None:
        """Move it to `target`, with only the rows that `kept` (rows,) marks."""
        self.close()
        if kept.all():
            self.path.replace(target)
            return
        whole = np.load(self.path, mmap_mode="r")
        rows = np.flatnonzero(kept)
        with target.open("wb") as file:
            _write_header(file, self.dtype, (len(rows), *self.shape[1:]))
            for row in rows:
                file.write(whole[row].data)
        self.path.unlink()


def _write_header(file: BinaryIO, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    npy.write_array_header_2_0(file, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
