"""The page of the benchmarks says what the figures say."""

import pandas as pd
import pytest
from measure import COLUMNS, quartiles
from page import with_verdict, write_page


def a_row(**values: object) -> dict[str, object]:
    usual = {
        "date": "2026-01-01", "commit": "abc", "topic": "lookup", "benchmark": "64 px", "measured": "ours / copy",
        "value": 1.5, "low": 1.4, "high": 1.6, "unit": "×", "seconds": 0.1, "rounds": 7, "goal": "at most 1.7",
        "machine": "2 cores", "versions": "torch 2",
    }  # fmt: skip
    assert tuple(usual) == COLUMNS
    return usual | values


def test_the_page_holds_the_latest_figure_of_each_benchmark_and_names_its_machine(tmp_path):
    rows = [a_row(value=9.5), a_row(), a_row(machine="64 cores", value=1.9), a_row(topic="store", unit=None, goal=None)]
    write_page(pd.DataFrame(rows), tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert "9.5" not in text
    assert "| 64 px | ours / copy | 1.5 × | 1.4 to 1.6 | 7 | 0.1 | at most 1.7 |" in text
    assert "1.9 × | 1.4 to 1.6 | 7 | 0.1 | at most 1.7: **missed** |" in text
    assert text.index("*2 cores; torch 2; 2026-01-01; commit abc.*") < text.index("*64 cores;")
    assert "| 64 px | ours / copy | 1.5 | 1.4 to 1.6 | 7 | 0.1 |  |" in text
    assert text.index("## Gray to colour") < text.index("## Store")


@pytest.mark.parametrize(
    ("goal", "value", "missed"),
    [("at most 1.7", 1.7, False), ("at most 1.7", 1.71, True), ("at least 0.98", 0.97, True),
     ("at least 0.98", 0.98, False), ("as fast as a copy", 3.0, False)],
)  # fmt: skip
def test_a_goal_that_is_a_bound_is_marked_where_it_is_missed(goal, value, missed):
    assert ("missed" in with_verdict(goal, value)) == missed


def test_quartiles_of_few_rounds_lie_among_them():
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert quartiles([1.0, 2.0, 3.0]) == (1.5, 2.0, 2.5)
