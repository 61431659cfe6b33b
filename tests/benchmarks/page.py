"""docs/benchmarks.md and what is behind it: python tests/benchmarks/page.py (each run of the benchmarks ends so)."""

from pathlib import Path
from typing import Any

import pandas as pd
from answers import ANSWERS, answer_table, costs
from charts import answer_chart, grid_chart
from full_page import full_text, latest_of, rounds, with_unit, with_verdict

RESULTS = Path(__file__).parent / "results.csv"
DOCS = Path(__file__).parents[2] / "docs"
EPOCHS = 30  # of a training, by default

INTRODUCTION = """\
# How fast is it?

medxfer beside what one would write instead (a script, MONAI, Lightning with Hydra): the same images, network, epochs,
batch size, optimiser and augmentation, each with the settings that its own documentation recommends. `make bench`
measures the short ones in at most 15 minutes, `make bench-long` all of them at the sizes that count, in hours, on a
machine that does nothing else. [All benchmarks](benchmarks_full.md) has every figure with its rounds, quartiles,
machine, versions and commit.

## The whole grid

Three colormaps, pretrained and random, from the files to the last cell's scores, each side with its start-up. What is
above 1 takes longer than medxfer.

![Time of the grid by a script, MONAI and Lightning with Hydra, over that of medxfer](benchmarks_grid.svg)

"""
ANSWER = f"""\
## What an answer costs

Speed is not what a user wants: it is an answer to RQ2, "are pretrained weights better than random ones?", that is not
wrong. Studies are drawn from real images; heads are trained on features of a frozen EfficientNet-Lite0 at 64 px, with
ImageNet weights or with random ones, another network for each seed. Every way judges the same trainings. Where nothing
may differ, each patient is seen through the one network in the first arm and through the other in the second, by a
coin, so that the arms are exchangeable; what is found there is wrong. Trainings are networks of all arms; medxfer stops
at a look where the answer stands or no more seeds can bring it. Minutes are those of fine-tuning that network at 64 px
for {EPOCHS} epochs on two cores, by the committed time of a step. Per cent have a 95 % interval over studies. A right
answer's trainings count those of studies that gave none; patients cannot be had anew, so compare ways of about the same
power. "Too often" says that this interval lies above 5 %, which by chance it does once in 40 times. `make bench-long`
adds studies.

![How often each way is wrong, and the trainings that a right answer takes](benchmarks_answer.svg)

"""
WORTH = {  # what a user asks -> where the figure stands
    "The grid over nothing but the passes of its six cells, EfficientNet-Lite0, images decoded before": (
        "grid_arithmetic", "tf_efficientnet_lite0, phantom_dx, 4000 × 64 px, 1 epoch",
        "less start-up and 1 s a cell, from decoded images / passes"),
    "The same from new files": (
        "grid_arithmetic", "tf_efficientnet_lite0, phantom_dx, 4000 × 64 px, 1 epoch",
        "less start-up and 1 s a cell, from new files / passes"),
    "Training ResNet-50 at 224 px in bfloat16 on an H100, over one synthetic batch": (
        "gpu", "resnet50, 256 × 224 px, bfloat16", "map / synthetic"),
    "Eight cells of EfficientNet-Lite0 at 64 px at once on an H200, over one": (
        "gpu_grid", "tf_efficientnet_lite0, 32 × 64 px, cells at once", "gain of 8"),
    "`deterministic=true` on an H200, EfficientNet-Lite0 at 64 px, over torch as it comes": (
        "gpu", "tf_efficientnet_lite0, 32 × 64 px, float32", "deterministic / as it comes"),
    "The colour lookup on an H100, share of a copy's bandwidth": (
        "gpu", "lookup, 256 × 224 px, uint8", "share of a copy's bandwidth"),
    "kornia's colormap and normalisation, over medxfer's lookup": (
        "lookup", "normalised viridis, 64 × 224 px, uint8", "kornia / medxfer"),
    "Later epochs of 160 DICOM files at 224 px, a script over medxfer": (
        "input_pipeline", "later epochs, DICOM, 16 bits, 160 × 224 px", "(a) script / medxfer"),
    "Their first epoch, a script over medxfer (which decodes for all later cells)": (
        "input_pipeline", "first epoch, DICOM, 16 bits, 160 × 224 px", "(a) script / medxfer"),
    "Reading CT slices into HU, pydicom with its rescale over medxfer": (
        "decoding", "reading 60 CT slices, 512 px", "pydicom, rescaled / medxfer"),
    "Reading CT slices into HU, MONAI over medxfer": ("decoding", "reading 60 CT slices, 512 px", "MONAI / medxfer"),
    "The first seed of a frozen network at 224 px over each later one": (
        "training", "EfficientNet-Lite0 frozen, 5,000 images of 224 px, 8 epochs", "first / later"),
    "Memory of setting up 100,000 files": (
        "decoding", "memory of setting up 16 px DICOM, 3 processes", "100,000 files"),
    "A cell beyond its epochs": ("study_overhead", "60 short cells", "a cell beyond its epochs"),
    "`train --help`": ("startup", "start-up", "train --help"),
}  # fmt: skip
STEP = ("training", "EfficientNet-Lite0, 2 × 40 batches of 32 × 64 px", "bare loop")
STEP_IMAGES = 2 * 40 * 32


def write_pages(results: pd.DataFrame, answers: pd.DataFrame | None, docs: Path = DOCS) -> None:
    """Write both pages and their charts from the rows of results.csv and, where there are any, of answers.csv."""
    (docs / "benchmarks_full.md").write_text(full_text(results), encoding="utf-8")
    text = INTRODUCTION
    grid_chart(results, docs / "benchmarks_grid.svg")
    if answers is not None:
        found = costs(answers)
        answer_chart(found, docs / "benchmarks_answer.svg")
        text += ANSWER + answer_table(found, _figure(results, STEP)["value"] / STEP_IMAGES, EPOCHS) + "\n"
    text += "## What else is asked\n\n" + _worth(results) + "\n\n" + _missed(results)
    (docs / "benchmarks.md").write_text(text, encoding="utf-8")


def _figure(results: pd.DataFrame, where: tuple[str, str, str]) -> dict[str, Any] | None:
    """The latest of a figure on any machine."""
    rows = results[(results[["topic", "benchmark", "measured"]] == list(where)).all(axis=1)]
    return rows.iloc[-1].to_dict() if len(rows) else None


def _worth(results: pd.DataFrame) -> str:
    lines = ["| | | |", "|---|--:|---|"]
    for words, where in WORTH.items():
        if row := _figure(results, where):
            lines.append(f"| {words} | {with_unit(row)} | {rounds(row)} |")
    return "\n".join(lines)


def _missed(results: pd.DataFrame) -> str:
    """Every goal that the latest figure does not reach."""
    rows = latest_of(results).drop_duplicates(["topic", "benchmark", "measured"], keep="last")
    rows = rows[rows["goal"].notna()]
    rows = rows[[with_verdict(of["goal"], of["value"]) != of["goal"] for of in rows.to_dict("records")]]
    if rows.empty:
        return ""
    lines = ["## Goals that are missed", "", "| | | figure | goal |", "|---|---|--:|---|"]
    lines += [
        f"| {row['benchmark']} | {row['measured']} | {with_unit(row)} | {row['goal']} |"
        for row in rows.to_dict("records")
    ]
    return "\n".join(lines) + "\n"


def write_all() -> None:
    """From the files beside this one."""
    answers = pd.read_csv(ANSWERS, dtype={"commit": str}) if ANSWERS.is_file() else None
    write_pages(pd.read_csv(RESULTS, dtype={"commit": str}), answers)


if __name__ == "__main__":
    write_all()
