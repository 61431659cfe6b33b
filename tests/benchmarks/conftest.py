"""A run of the benchmarks ends by writing its page."""

import pandas as pd
import pytest
from measure import RESULTS
from page import write_page

from medxfer.base.memory import keep_pages


def _written() -> int:
    return RESULTS.stat().st_mtime_ns if RESULTS.is_file() else 0


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[BEFORE] = _written()
    keep_pages()  # as in every process that trains; peers in this process profit as well


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash.get(BEFORE, _written()) != _written():
        write_page(pd.read_csv(RESULTS, dtype={"commit": str}))


BEFORE = pytest.StashKey[int]()
