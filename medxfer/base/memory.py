"""One process trains many cells, and its memory stays that of one."""

import atexit
import ctypes
import gc
import platform
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


@cache
def keep_imports() -> None:
    """Take the libraries' million objects out of the collector's sight, so that looking costs milliseconds."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else Triton says at the end, on stderr, that all of it leaked


@cache
def keep_pages() -> None:
    """Let this process keep the memory that a step of a network on the CPU frees, for the next step.

    glibc would give large blocks back to the system, which then zeroes every page of them again: of
    EfficientNet-Lite0 at 224 px that is two fifths of a training step, and more in testing. Other C libraries are left
    as they are.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)


def drop_cell() -> None:
    """Free what the last cell left: its model and trainer refer to each other, and Python alone would keep several."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
