"""Ratios within one run: calls take turns, so that a drift of the machine's speed meets them all alike.

Every figure is printed and added to results.csv, from which page.py writes docs/benchmarks.md.
"""

import csv
import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results.csv"
COLUMNS = (
    "date", "commit", "topic", "benchmark", "measured", "value", "low", "high", "unit", "seconds", "rounds", "goal",
    "machine", "versions",
)  # fmt: skip
VERSIONS = ("torch", "pytorch-lightning", "timm", "numpy", "pydicom")
ROUNDS = 15


def ratios(
    benchmark: str, calls: dict[str, Callable[[], object]], of: str, goals: dict[str, str], rounds: int = ROUNDS
) -> dict[str, float]:
    """Time `calls` in turns and print and record the median of each round's time(call) / time(`of`), with quartiles.

    Each call is made once before. `goals` says in words what was aimed for; nothing is asserted, because machines are
    noisy.
    """
    for call in calls.values():
        call()
    return compare(benchmark, in_turns(calls, rounds), of, goals)


def in_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every call in every round; each round starts with another, so that none has always the same before
    it."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for number in range(rounds):
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            start = time.perf_counter()
            result = calls[name]()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
            del result
    return times


def compare(benchmark: str, times: dict[str, list[float]], of: str, goals: dict[str, str]) -> dict[str, float]:
    """Print and record the median of each round's time / time of `of`, with quartiles; `times` in seconds."""
    medians = {}
    print(f"\n{benchmark} ({machine()})")
    for name, seconds in times.items():
        each = [mine / other for mine, other in zip(seconds, times[of], strict=True)]
        low, median, high = quartiles(each)
        medians[name] = median
        absolute = statistics.median(seconds)
        print(f"  {name:<28} {1000 * absolute:9.2f} ms  {median:6.2f} × {of}  ({low:.2f} to {high:.2f})")
        if name != of:
            _add(benchmark, f"{name} / {of}", each, "×", goals.get(name, ""), absolute)
    return medians


def record(benchmark: str, measured: str, values: Sequence[float], unit: str, goal: str = "") -> float:
    """Print and record the median of `values` in `unit`, with quartiles, for what is no ratio; returns the median."""
    low, median, high = quartiles(values)
    print(f"  {benchmark}: {measured:<28} {median:9.3f} {unit}  ({low:.3f} to {high:.3f})  {goal}")
    _add(benchmark, measured, values, unit, goal)
    return median


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median, third; a single value is all three."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


@cache
def machine() -> str:
    """What the figures hold for."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.+)", cpuinfo.read_text() if cpuinfo.is_file() else "")
    processor = model[1] if model else platform.processor() or platform.machine()
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{processor}, {os.cpu_count()} cores{device}"


def _add(
    benchmark: str, measured: str, values: Sequence[float], unit: str, goal: str, seconds: float | None = None
) -> None:
    low, median, high = quartiles(values)
    figures = [f"{value:.4g}" for value in (median, low, high)]
    row = {
        "topic": os.environ["PYTEST_CURRENT_TEST"].partition(".py")[0].rpartition("test_")[2],
        "benchmark": benchmark, "measured": measured, **dict(zip(("value", "low", "high"), figures, strict=True)),
        "unit": unit, "seconds": "" if seconds is None else f"{seconds:.4g}", "rounds": len(values), "goal": goal,
    }  # fmt: skip
    known = row | provenance()
    append(RESULTS, {column: known[column] for column in COLUMNS})


@cache
def provenance() -> dict[str, str]:
    """When, of which commit, and on what a figure was measured."""
    commit = os.environ.get("MEDXFER_COMMIT", "")  # where the tree came without its history
    if not commit:
        git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
        commit = git.stdout.strip()
    versions = " ".join(f"{name} {version(name)}" for name in VERSIONS)
    return {"date": date.today().isoformat(), "commit": commit, "machine": machine(), "versions": versions}


def append(file: Path, row: Mapping[str, object]) -> None:
    """Add a row to a CSV that has these columns, or begin it."""
    new = not file.exists()
    with file.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
