"""One process trains many cells, and its memory stays that of one."""

import atexit
import gc
from functools import cache


@cache
def keep_imports() -> None:
    """Take the libraries' million objects out of the collector's sight, so that looking costs milliseconds."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else Triton says at the end, on stderr, that all of it leaked


def drop_cell() -> None:
    """Free what the last cell left: its model and trainer refer to each other, and Python alone would keep several."""
    gc.collect()
