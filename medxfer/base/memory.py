"""One process trains many cells, and its memory stays that of one."""

import atexit
import ctypes
import gc
import platform
import re
import resource
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

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


def forget_peak() -> None:
    """Let `peak_memory` count from now on, where the system can: Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak resident set size


def peak_memory() -> int:
    """Bytes that this process had in memory at most since `forget_peak`, or since its start where none is forgotten.

    Files that are mapped into memory, such as the store, count with the pages that were read.
    """
    with suppress(OSError):
        if found := re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE):
            return int(found[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
