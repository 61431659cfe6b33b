"""A run of the benchmarks ends by writing its pages; a short one ends in time."""

from time import monotonic

import pytest
from answers import ANSWERS
from measure import RESULTS
from page import write_all
from scale import LONG, SHORT

from medxfer.base.memory import keep_pages


def _written() -> list[int]:
    return [file.stat().st_mtime_ns if file.is_file() else 0 for file in (RESULTS, ANSWERS)]


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[BEFORE] = _written()
    session.config.stash[STARTED] = monotonic()
    keep_pages()  # as in every process that trains; peers in this process profit as well


def pytest_runtest_setup(item: pytest.Item) -> None:
    late = monotonic() - item.config.stash.get(STARTED, monotonic()) > SHORT
    if late and not LONG and item.get_closest_marker("benchmark"):
        pytest.skip("no time is left in a short run: name this file alone, or make bench-long")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash.get(BEFORE, _written()) != _written():
        write_all()


BEFORE, STARTED = pytest.StashKey[list[int]](), pytest.StashKey[float]()
