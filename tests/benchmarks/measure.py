"""Ratios within one run: calls take turns, so that a drift of the machine's speed meets them all alike."""

import csv
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results.csv"
COLUMNS = ("date", "commit", "benchmark", "peer", "ratio", "low", "high", "rounds", "goal", "machine", "torch")
ROUNDS = 15


def ratios(
    benchmark: str, calls: dict[str, Callable[[], object]], of: str, goals: dict[str, str], rounds: int = ROUNDS
) -> dict[str, float]:
    """Time `calls` in turns and print and record the median of each round's time(call) / time(`of`), with quartiles.

    `goals` says in words what was aimed for; nothing is asserted, because machines are noisy.
    """
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            result = call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
            del result
    medians = {}
    print(f"\n{benchmark} ({machine()})")
    for name, seconds in times.items():
        each = [mine / other for mine, other in zip(seconds, times[of], strict=True)]
        low, median, high = statistics.quantiles(each, n=4)
        medians[name] = median
        print(
            f"  {name:<28} {1000 * statistics.median(seconds):9.2f} ms  {median:6.2f} × {of}  ({low:.2f} to {high:.2f})"
        )
        if name != of:
            _record(benchmark, f"{name} / {of}", median, low, high, rounds, goals.get(name, ""))
    return medians


def machine() -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, {device}"


def _record(benchmark: str, peer: str, median: float, low: float, high: float, rounds: int, goal: str) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    figures = [f"{value:.3f}" for value in (median, low, high)]
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        today = date.today().isoformat()
        writer.writerow([today, commit, benchmark, peer, *figures, rounds, goal, machine(), torch.__version__])
