"""How large the benchmarks are. `make bench` takes at most 15 minutes, `make bench-long` hours."""

import os

import pytest

LONG = os.environ.get("MEDXFER_BENCH") == "long"


def setting(name: str, quick: int, long: int) -> int:
    """MEDXFER_BENCH_<NAME> where it is set, else the size for the quick or the long run."""
    return int(os.environ.get(f"MEDXFER_BENCH_{name}", long if LONG else quick))


TRAINING_IMAGES = setting("IMAGES", 1000, 4000)  # of the grid
EPOCHS = setting("EPOCHS", 1, 4)
PAIRS = setting("PAIRS", 1, 7)  # rounds of the grid, in each of which every side runs once
ROUNDS = setting("ROUNDS", 3, 7)  # of what takes seconds
GROWTH = setting("GROWTH", 4000, 100_000)  # most images
SMALL_FILES = setting("SMALL_FILES", 10_000, 100_000)  # DICOM files, most
PIXELS = setting("PIXELS", 256, 256)  # of a phantom's file
SHORT = 13 * 60  # seconds after which a short run begins no further benchmark; each takes up to two minutes
LONG_ONLY = pytest.mark.skipif(not LONG, reason="long: make bench-long")
