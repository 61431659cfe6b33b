"""docs/benchmarks_full.md: the latest of each figure in results.csv, by topic."""

import re
from typing import Any

import pandas as pd

INTRODUCTION = """\
# All benchmarks

Behind [the page of benchmarks](benchmarks.md): the latest of every figure in `tests/benchmarks/results.csv`, which
keeps those of every run. A ratio is the median over rounds in which both sides took turns, with its quartiles, because
machines are noisy; where there was one round, it is that round's. A ratio of times below 1 means that what is named
first is faster, and the seconds are its own. Where a goal was set and is not reached, the table says **missed**.
"""

# In this order; a topic without words here comes after, under its own name.
SECTIONS = {
    "grid_peers": """\
## The grid, end to end

The 3 × 2 grid (none, viridis, inferno × pretrained, random), from the files to the last cell's scores, against what
one would write instead (`tests/benchmarks/peers/`): the same images, network, epochs, batch size, optimiser and
augmentation, each peer with the settings that its own documentation recommends. Every side runs as its own command,
with all its start-up; ours decodes anew each time and writes its records, verdict and page. Part of the distance is
memory that is kept (below), which no peer's documentation recommends.
""",
    "grid_arithmetic": """\
## The grid beside its arithmetic

The whole command against nothing but the forward and backward passes of its six cells, on one synthetic batch that is
there already. Beside them the goal allows the start of one process and a second a cell; on new files the grid also
reads headers and decodes, which the goal does not allow for.
""",
    "gpu": """\
## On a card

What a CUDA device does with the renderer, with a large network (ResNet-50 at 224 px in bfloat16) beside the same steps
on one synthetic batch, and with a small one, whose steps are mostly launches; and what deterministic=true costs.
""",
    "gpu_grid": """\
## The grid on a card

The 3 × 2 grid of a small network, the whole command from the files to the page: cells one after another and several at
once on one card, and the peers' six cells, each with the start-up of its commands.
""",
    "beside_work": """\
## Beside other work

Images a second of training steps on the CPU, alone and while other processes use its cores. medxfer lets idle threads
spin 10,000 times and then sleep (`GOMP_SPINCOUNT`, unless it or `OMP_WAIT_POLICY` is set): by default they spin 300,000
times (GCC's libgomp), also while the thread that they wait for has no core. The number of threads stays, because it
changes sums: the same machine gives the same scores.
""",
    "input_pipeline": """\
## Images a second, ready for the network

From the file or the store to a normalised colour batch on the device, augmented; and a training epoch on real batches
against one on a single batch that is there already: what is above 1 is what the input costs. In the first epoch ours
also decodes into the store that every later cell and study opens, in processes that must be started: with few images,
that is a loss.
""",
    "decoding": """\
## DICOM files a second

One process reading CT slices into Hounsfield units, beside other readers (pydicom alone gives stored values); a store
decoded on one core and on two, with the start of the processes; the same data set up a second time, which reads neither
headers nor pixels; and the memory of very many files, as the sum of the peaks of the three processes.
""",
    "startup": "## Start-up\n\nThe command as a user types it, in a new process.\n",
    "growth": """\
## Growth

Time and memory at several sizes, with the exponent of the fitted power law: 1 is a straight line, below 1 better.
""",
    "training": """\
## A cell beside its arithmetic

Lightning, W&B's offline run, curves, checkpoints, predictions and records against a bare loop with the same network on
the same rendered batches, which lie on the device already; and what a frozen network's features save.
""",
    "memory_kept": """\
## Memory that is kept

glibc gives large blocks back to the system as soon as a step has freed them, and the system zeroes their pages again
for the next step. medxfer's processes keep the blocks until the cell ends (`medxfer/base/memory.py`). Steps of a
network on the CPU, with its memory kept and given back, in processes of their own.
""",
    "study_overhead": """\
## Many cells

Sixty short cells in one process, beyond their epochs, and its memory; and a study of 500 finished cells, when it is
looked at and when its command is given again.
""",
    "report": """\
## The report of a large study

Everything that is drawn from a study's folder (verdict.json, report.html, methods.md, tables, results.csv), each time
in a new process, beyond the imports. The studies are synthetic: two or four classes, two images of each patient.
""",
    "lookup": "## Gray to colour\n\nA copy of the result is the limit: no lookup can write less.\n",
}


def latest_of(results: pd.DataFrame) -> pd.DataFrame:
    """The latest of each figure on each machine."""
    return results.drop_duplicates(["topic", "benchmark", "measured", "machine"], keep="last")


def full_text(results: pd.DataFrame) -> str:
    """The page, from the rows of results.csv."""
    latest = latest_of(results)
    topics = [topic for topic in SECTIONS if topic in set(latest["topic"])]
    topics += sorted(set(latest["topic"]) - set(topics))
    text = [INTRODUCTION]
    for topic in topics:
        text.append(SECTIONS.get(topic, f"## {topic.replace('_', ' ').capitalize()}\n"))
        for where, rows in latest[latest["topic"] == topic].groupby(["machine", "versions"], sort=False):
            text += [_table(rows), _measured_on(*where, rows)]
    return "\n".join(text)


def _table(rows: pd.DataFrame) -> str:
    lines = ["| | | figure | | quartiles | seconds | goal |", "|---|---|--:|---|--:|--:|---|"]
    shown = None
    for row in rows.sort_values("benchmark", kind="stable").to_dict("records"):
        benchmark = "" if row["benchmark"] == shown else row["benchmark"]
        shown = row["benchmark"]
        quartiles = f"{row['low']:g} to {row['high']:g}" if row["rounds"] > 1 else ""
        seconds = "" if pd.isna(row["seconds"]) else f"{row['seconds']:.3g}"
        goal = "" if pd.isna(row["goal"]) else with_verdict(row["goal"], row["value"])
        figures = [with_unit(row), rounds(row), quartiles, seconds, goal]
        lines.append(f"| {' | '.join([benchmark, row['measured'], *figures])} |")
    return "\n".join(lines)


def with_unit(row: dict[str, Any]) -> str:
    return f"{row['value']:g}" if pd.isna(row["unit"]) else f"{row['value']:g} {row['unit']}"


def rounds(row: dict[str, Any]) -> str:
    """What the figure is: a median of some rounds, or that of one."""
    return f"median of {row['rounds']}" if row["rounds"] > 1 else "one round"


def with_verdict(goal: str, value: float) -> str:
    """The goal, marked where it is a bound ("at most 1.7") that `value` does not keep."""
    bound = re.match(r"at (most|least) ([\d.]+)", goal)
    if bound is None:
        return goal
    missed = value > float(bound[2]) if bound[1] == "most" else value < float(bound[2])
    return f"{goal}: **missed**" if missed else goal


def _measured_on(machine: str, versions: str, rows: pd.DataFrame) -> str:
    commits = ", ".join(dict.fromkeys(rows["commit"].astype(str)))
    dates = f"{rows['date'].min()}" + ("" if rows["date"].nunique() == 1 else f" to {rows['date'].max()}")
    return f"\n*{machine}; {versions}; {dates}; commit {commits}.*\n"
