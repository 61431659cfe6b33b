"""Fixtures that any test may use."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Workers share the cores: with torch's threads in each of them, they spin for cores that the others have.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite that a script starts in the background ignores it

settings.register_profile("medxfer", deadline=None)  # no test asserts a time: machines are busy
settings.load_profile("medxfer")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder with real images (see CONTRIBUTING.md), or a skip that says so."""
    folder = os.environ.get("MEDXFER_TEST_DATA")
    if not folder:
        pytest.skip("MEDXFER_TEST_DATA is not set: tests on real images need that folder")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"MEDXFER_TEST_DATA={folder} is not a folder")
    return path
