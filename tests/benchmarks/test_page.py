"""The pages of the benchmarks say what the figures say."""

from pathlib import Path

import pandas as pd
import pytest
from answers import answer_table, costs
from full_page import full_text, with_verdict
from measure import COLUMNS, quartiles
from page import write_pages


def a_row(**values: object) -> dict[str, object]:
    usual = {
        "date": "2026-01-01", "commit": "abc", "topic": "lookup", "benchmark": "64 px", "measured": "ours / copy",
        "value": 1.5, "low": 1.4, "high": 1.6, "unit": "×", "seconds": 0.1, "rounds": 7, "goal": "at most 1.7",
        "machine": "2 cores", "versions": "torch 2",
    }  # fmt: skip
    assert tuple(usual) == COLUMNS
    return usual | values


def an_answer(**values: object) -> dict[str, object]:
    usual = {
        "data": "breastmnist", "patients": 300, "truth": "no difference", "difference": 0.05, "images": 240,
        "way": "one run", "studies": 100, "trainings": 20.0, "better": 2, "worse": 3, "decided": 5,
        "date": "2026-01-01", "commit": "abc", "machine": "2 cores", "versions": "torch 2",
    }  # fmt: skip
    return usual | values


REAL = {"truth": "as the images have it"}
ANSWERS = pd.DataFrame(
    [
        an_answer(),
        an_answer(**REAL, better=40, worse=1, trainings=10.0),
        an_answer(way="t test", better=20, worse=20),
        an_answer(**REAL, way="t test", better=0),
    ]
)


def test_the_full_page_holds_the_latest_figure_of_each_benchmark_and_names_its_machine() -> None:
    rows = [a_row(value=9.5), a_row(), a_row(machine="64 cores", value=1.9), a_row(topic="store", unit=None, goal=None)]
    text = full_text(pd.DataFrame(rows))
    assert "9.5" not in text
    assert "| 64 px | ours / copy | 1.5 × | median of 7 | 1.4 to 1.6 | 0.1 | at most 1.7 |" in text
    assert "1.9 × | median of 7 | 1.4 to 1.6 | 0.1 | at most 1.7: **missed** |" in text
    assert text.index("*2 cores; torch 2; 2026-01-01; commit abc.*") < text.index("*64 cores;")
    assert "| 64 px | ours / copy | 1.5 | median of 7 | 1.4 to 1.6 | 0.1 |  |" in text
    assert text.index("## Gray to colour") < text.index("## Store")


def test_one_round_is_no_median() -> None:
    text = full_text(pd.DataFrame([a_row(rounds=1)]))
    assert "| 64 px | ours / copy | 1.5 × | one round |  | 0.1 | at most 1.7 |" in text
    assert "median of 1" not in text


def test_the_first_page_has_the_charts_the_goals_that_are_missed_and_the_cost_of_an_answer(tmp_path: Path) -> None:
    peers = [
        a_row(topic="grid_peers", benchmark="resnet18, phantom_dx, 160 × 64 px, 1 epoch", measured=f"{peer} / medxfer")
        for peer in ("(a) script", "(b) MONAI", "(c) Lightning + Hydra")
    ]
    step = a_row(topic="training", benchmark="EfficientNet-Lite0, 2 × 40 batches of 32 × 64 px", measured="bare loop")
    missed, kept = a_row(measured="slow / copy", value=1.9), a_row(measured="fast / copy")
    write_pages(pd.DataFrame([*peers, step | {"value": 25.6}, missed, kept]), ANSWERS, tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    for chart in ("benchmarks_grid.svg", "benchmarks_answer.svg"):
        assert f"]({chart})" in text
        assert (tmp_path / chart).read_text().startswith("<?xml")
    assert "| 64 px | slow / copy | 1.9 × | at most 1.7 |" in text
    assert "fast / copy" not in text
    minutes = 10 * 240 * 30 * 0.01 / 60
    assert f"| one run | 5 % (2 to 11) | 40 % (31 to 50) | 10.0 (20.0) | {minutes:.0f} | 25 |" in text
    assert "| t test | 40 % (31 to 50), too often | 0 % (0 to 4) | 20.0 (20.0) | 24 | none came |" in text
    assert (tmp_path / "benchmarks_full.md").is_file()


def test_runs_add_up() -> None:
    more = pd.concat([ANSWERS, ANSWERS.assign(studies=300, trainings=14.0, better=0, worse=0, date="2026-01-02")])
    found = costs(more).set_index("way").loc["one run"]
    assert found[["studies", "null_studies", "trainings", "power"]].tolist() == [400, 400, 13.0, 0.1]
    assert found["date"] == "2026-01-01, 2026-01-02"


@pytest.mark.parametrize(("found", "words"), [(30, "0.33 of the trainings for a right answer"), (0, "**missed**")])
def test_looks_stand_beside_ten_seeds_of_the_same_test(found: int, words: str) -> None:
    ways = {"medxfer, one split, 10 seeds": (20.0, 40), "medxfer, one split, looks": (5.0, found)}
    rows = [an_answer(way=way, trainings=n) for way, (n, _) in ways.items()]
    rows += [an_answer(**REAL, way=way, trainings=n, better=better) for way, (n, better) in ways.items()]
    text = answer_table(costs(pd.DataFrame(rows)), 0.01, 30)
    assert f"0.25 of the trainings of ten seeds and finds {found} % instead of 40 %" in text
    assert words in text
    assert ("missed" in text) == (found == 0)


def test_the_cost_of_an_answer_counts_the_trainings_of_studies_that_gave_none() -> None:
    found = costs(ANSWERS).set_index("way")
    assert found.loc["one run", ["power", "cost", "error"]].tolist() == [0.4, 25.0, 0.05]
    assert found.loc["one run", "holds"]
    assert not found.loc["t test", "holds"]


@pytest.mark.parametrize(
    ("goal", "value", "missed"),
    [("at most 1.7", 1.7, False), ("at most 1.7", 1.71, True), ("at least 0.98", 0.97, True),
     ("at least 0.98", 0.98, False), ("as fast as a copy", 3.0, False)],
)  # fmt: skip
def test_a_goal_that_is_a_bound_is_marked_where_it_is_missed(goal: str, value: float, missed: bool) -> None:
    assert ("missed" in with_verdict(goal, value)) == missed


def test_quartiles_of_few_rounds_lie_among_them() -> None:
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert quartiles([1.0, 2.0, 3.0]) == (1.5, 2.0, 2.5)
