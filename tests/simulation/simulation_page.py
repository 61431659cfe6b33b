"""docs/simulations.md from the simulations' figures."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import fold_tables
import look_tables
import pandas as pd

GOAL = 6.0  # percent: false positives at nominal 5 %

DESIGNS = {"images": "several images a patient", "classes": "several classes", "labels": "several labels"}

INTRODUCTION = """\
# Does the method hold what it says?

A verdict of this program says "95 % interval" and "p". Whether these are what they say was checked on simulated
studies, whose truth is known. `tests/simulation/` holds the code, which calls the program's own functions for many
studies at once, and `docs/simulations.csv` every figure.

    python tests/simulation/run.py --out docs/simulations.md

writes this page. Repetitions of a setting:

{counts}.

The Monte-Carlo standard error of a rate near 5 % is 0.2
points at 10,000 repetitions, 0.3 at 5,000, 0.5 at 2,000 and 0.7 at 1,000. Two
of the method (level of the F test, degrees of freedom of the prior) were chosen by other draws of these kinds; the
draws here are new. Where arms differ by more than was simulated, seeds correlate within weights alone above .6,
or contrasts are ten and more with few seeds, the level is not known to be between 4 and 6 %.

Two kinds of studies are simulated. **Components** (`gaussian.py`): the metric of every cell is Gaussian, with the
shares of trainings, seeds and patients that a setting names, and the patients' variance is taken as known.
**Scores** (`scored.py`, `designs.py`): each image has a score, metrics and influences are computed from them as in a
study, and nothing is taken as known.

## Goals, and where they are missed

{goals}
"""

SECTIONS = {
    "levels": """\
## Colormaps against gray: false positives and width

Components. None of the colormaps differs from gray; the rate of studies in which at least one simultaneous interval
excludes 0 (family-wise error, nominal 5 %). Each cell: lowest to highest over shares of trainings in the variance
of 10, 50, 90 and 99 %. "Correlation" is that of seeds between arms.
""",
    "weights": """\
## Weights compared: false positives and width

Components, three colormaps with pretrained and random weights, compared at gray. Lowest to highest over shares of
trainings and over a deviation of random arms of a third, one and three times that of pretrained ones.
""",
    "blocks": """\
## Blocks that share seeds, and several data sets

Components, two colormaps against gray: family-wise error. Blocks (backbones, windows) of one data set have the same
seed numbers; "shared" is how much of a seed's effect they have in common. Lowest to highest over shares of
trainings of 30, 70 and 99 %.
""",
    "scores": """\
## Simulated scores

Error of RQ1 (two colormaps, family-wise) and RQ2, AUROC and balanced accuracy, two amounts of seed noise.
""",
    "images": """\
## Patients with several images

Scores (`designs.py`), three colormaps with two weights; two metrics, decisions at a fixed threshold. Each patient has
2 to 10 images, whose scores correlate: 60 % of what a patient, an arm and a training add to a score is the same for
all of a patient's images. The label is the patient's or, "image", that of about half of a positive patient's images.
"Positive" are patients. Patients are left out with all images, as everywhere in the program.
""",
    "classes": """\
## Several classes

Scores, an image a patient, AUROC of each class against the rest and balanced accuracy of the highest score. Classes
are equally common, or one is rare: 5 % of the patients, and at least five (with fewer nothing is judged).
""",
    "labels": """\
## Several labels

Scores, an image a patient, three or five labels that half to 5 % of the patients have; means over labels.
""",
    "tests": """\
## Why not a t test?

The same simulated studies: how often usual tests find a difference between two arms that do not differ (nominal 5
%). Tests over runs take the test patients for the whole world, and more seeds make them worse. DeLong's test takes
two trained networks for their recipes.
""",
    "equivalence": """\
## Equivalence

Components. Two one-sided tests of arms that differ by exactly the margin: rate at which they are called equivalent
(nominal: at most 5 %).
""",
    "general": """\
## "May be said in general"

Components: data sets in the place of seeds, effects that differ between data sets by chance alone. Rate of studies
in which any colormap is said to help in general, and what an unadjusted t test a colormap does. "One differs": one
arm's effects vary 2.25 times as much between data sets.
""",
    "heterogeneity": """\
## Do data sets differ? Cochran's Q

Components, data sets with the same effect: rate of p below 5 %, by the bootstrap and by the χ² of the textbook.
Lowest to highest over shares of trainings.
""",
    "means": """\
## One arm's AUROC

Scores: how often the interval of one arm's AUROC misses the truth, within [0, 1] and plain. "No variance" are
studies in which no training errs, so that the interval rests on the number of patients alone.
""",
    "forecast": """\
## The half-width to expect

Components: the half-width that a study foretells for more seeds, over the one that it then has (means), and the
median error of one study's forecast.
""",
    "resample": """\
## Training images drawn anew with each seed

A linear learner; each seed draws a fraction of one pool. How often the interval (trainings alone) misses the mean
over other draws *out of this pool*, and over other pools. The program claims the first alone.
""",
    "folds": fold_tables.LEVELS,
    "heads": fold_tables.HEADS,
    "networks": fold_tables.NETWORKS,
    "fold power": fold_tables.POWER,
    "fold looks": fold_tables.LOOKS,
    "looks": look_tables.DECLARED,
    "undeclared": look_tables.UNDECLARED,
}


def table_of(results: pd.DataFrame, table: str) -> pd.DataFrame:
    """One row a setting, with its values and figures; rates are percent."""
    rows = results[results["table"] == table]
    wide = rows.pivot(index="setting", columns="figure", values="value")
    values = pd.DataFrame([dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", name)) for name in wide.index], index=wide.index)
    for name in values:
        numbers = pd.to_numeric(values[name], errors="coerce")
        values[name] = numbers if numbers.notna().all() else values[name]
    return pd.concat([values, wide], axis=1)


def _span(values: pd.Series, scale: float, digits: int) -> str:
    low, high = scale * values.min(), scale * values.max()
    return f"{low:.{digits}f}" if f"{low:.{digits}f}" == f"{high:.{digits}f}" else f"{low:.{digits}f}–{high:.{digits}f}"


def grid(
    frame: pd.DataFrame, rows: Sequence[str], column: str, figure: str, scale: float = 100, digits: int = 1
) -> list[str]:
    """A Markdown table: lowest to highest of a figure over all that rows and columns do not name."""
    columns = sorted(frame[column].unique())
    head = [*rows, *(f"{column} {value}" for value in columns)]
    lines = [" | ".join(head), " | ".join([*(["---"] * len(rows)), *(["--:"] * len(columns))])]
    for key, part in frame.groupby(list(rows), sort=True):
        cells = [_span(of, scale, digits) if len(of := part[part[column] == c][figure]) else "" for c in columns]
        lines.append(" | ".join([*(f"{value:g}" if isinstance(value, float) else str(value) for value in key), *cells]))
    return [f"| {line} |" for line in lines] + [""]


def _levels(frame: pd.DataFrame) -> list[str]:
    equal = frame[frame["arms"] == "equal"]
    lines = [
        "Family-wise error in %, arms that vary alike:",
        "",
        *grid(equal, ["contrasts", "correlation"], "seeds", "error"),
    ]
    lines += ["One arm at 1.5 times the variance (v) or the deviation (s) of the others, shares of 50 and 99 %:", ""]
    lines += grid(frame[frame["arms"] != "equal"], ["arms", "contrasts"], "seeds", "error")
    lines += ["Mean width of the interval for two colormaps, over that of one who knows both variances:", ""]
    return lines + grid(equal[equal["contrasts"] == 2], ["correlation", "share"], "seeds", "width", 1, 2)


def _weights(frame: pd.DataFrame) -> list[str]:
    lines = ["Error in %:", "", *grid(frame, ["within", "between"], "seeds", "error")]
    alone = frame[(frame["within"] == 0) & (frame["between"] == 0)]
    return [
        *lines,
        "Width, seeds uncorrelated:",
        "",
        *grid(alone, ["share", "random_deviation"], "seeds", "width", 1, 2),
    ]


def _scores(frame: pd.DataFrame) -> list[str]:
    lines = []
    for question in ("RQ1", "RQ2"):
        lines += [f"{question}, error in %:", "", *grid(frame, ["metric", "patients", "positive"], "seeds", question)]
    return lines


def _designs(frame: pd.DataFrame, rows: Sequence[str]) -> list[str]:
    lines = []
    for metric in ("AUROC", "balanced accuracy"):
        for question in ("RQ1", "RQ2"):
            lines += [f"{question}, {metric}, error in %:", "", *grid(frame, rows, "seeds", f"{question} {metric}")]
    return lines


def _tests(frame: pd.DataFrame) -> list[str]:
    lines = []
    for test in ("Welch", "paired t", "DeLong, one run"):
        lines += [f"{test}, error in %:", "", *grid(frame, ["metric", "patients"], "seeds", test)]
    return lines


def _general(frame: pd.DataFrame) -> list[str]:
    lines = ["Error in %:", "", *grid(frame, ["arms", "contrasts"], "sets", "error"), "Unadjusted t tests:", ""]
    return lines + grid(frame, ["arms", "contrasts"], "sets", "unadjusted")


def _heterogeneity(frame: pd.DataFrame) -> list[str]:
    both = frame.assign(all="all")
    lines = ["Error in %:", "", *grid(both, ["sets", "all"], "seeds", "error"), "By χ²:", ""]
    return lines + grid(both, ["sets", "all"], "seeds", "chi-square")


def _means(frame: pd.DataFrame) -> list[str]:
    frame = frame.assign(AUROC=frame["AUROC"].round(3))
    lines: list[str] = []
    for title, figure in (
        ("Misses in %", "misses"),
        ("Plain interval", "plain misses"),
        ("No variance", "no variance"),
    ):
        lines += [f"{title}:", "", *grid(frame, ["AUROC", "patients", "positive"], "seeds", figure)]
    return lines


def _forecast(frame: pd.DataFrame) -> list[str]:
    lines = ["Foretold over real:", "", *grid(frame, ["seeds", "later"], "share", "ratio", 1, 2)]
    return [*lines, "Median error in %:", "", *grid(frame, ["seeds", "later"], "share", "median error")]


def _resample(frame: pd.DataFrame) -> list[str]:
    lines = ["Other draws of this pool, misses in %:", "", *grid(frame, ["fraction", "draws"], "seeds", "this pool")]
    return [*lines, "Other pools:", "", *grid(frame, ["fraction", "draws"], "seeds", "beyond")]


def goals(results: pd.DataFrame) -> list[str]:
    """What was aimed at, what came out, and every setting that misses."""
    levels, blocks, weights, scores = (table_of(results, name) for name in ("levels", "blocks", "weights", "scores"))
    lines = []
    for name, frame, figure in (
        ("colormaps against gray", levels, "error"), ("blocks and data sets", blocks, "error"),
        ("weights compared", weights, "error"), ("scores, RQ1", scores, "RQ1"), ("scores, RQ2", scores, "RQ2"),
        *(
            (f"{name}, {figure}", table_of(results, table), figure)
            for table, name in DESIGNS.items()
            for figure in ("RQ1 AUROC", "RQ2 AUROC", "RQ1 balanced accuracy", "RQ2 balanced accuracy")
        ),
        ("said in general", table_of(results, "general"), "error"),
        ("data sets differ (Cochran's Q)", table_of(results, "heterogeneity"), "error"),
        ("one arm's AUROC", table_of(results, "means"), "misses"),
        ("equivalence at the margin", table_of(results, "equivalence"), "wrongly"),
    ):  # fmt: skip
        missed = frame[100 * frame[figure] > GOAL]
        highest = 100 * frame[figure].max()
        text = f"- False positives at most 6 %, {name}: highest {highest:.1f} % in {len(frame)} settings."
        lines.append(text + (f" Above 6 % in {len(missed)}:" if len(missed) else ""))
        lines += [f"  - {100 * row[figure]:.1f} %: {key}" for key, row in missed.iterrows()]
    whole = levels[(levels["seeds"] >= 5) & (levels["share"] >= 0.9) & (levels["arms"] == "equal")]
    together = blocks[(blocks["seeds"] >= 5) & (blocks["share"] >= 0.9)]
    lines.append(
        "- At 5 and more seeds not below 4 % where trainings are 90 % or more: lowest "
        f"{100 * whole['error'].min():.1f} % with one block, {100 * together['error'].min():.1f} % with several. "
        "Below 4 %:"
    )
    for frame in (whole, together):
        lines += [f"  - {100 * row['error']:.1f} %: {key}" for key, row in frame[100 * frame["error"] < 4].iterrows()]
    two = levels[(levels["contrasts"] == 2) & (levels["arms"] == "equal")]
    for seeds, goal in ((2, 1.6), (3, 1.25), (5, 1.12)):
        of = two[two["seeds"] == seeds]
        missed = of[of["width"] > goal]
        widest = of[of["correlation"] == 0]["width"].max()
        lines.append(
            f"- Mean width at most {goal:g} at {seeds} seeds: {widest:.2f} at most with uncorrelated seeds."
            + (" Missed:" if len(missed) else "")
        )
        lines += [f"  - {row['width']:.2f}: {key}" for key, row in missed.iterrows()]
    forecast = table_of(results, "forecast")["ratio"]
    lines.append(f"- Forecasts within a tenth, on average: {forecast.min():.2f} to {forecast.max():.2f} of what came.")
    lines += look_tables.goals(table_of(results, "looks"))
    there = set(results["table"])
    lines += fold_tables.goals({t: table_of(results, t) for t in (*fold_tables.KEYS, "fold power") if t in there})
    lines.append(
        "- Not simulated: multi-label tasks with several images a patient, blocks of different variance, declared "
        "looks at weights compared or at several data sets, folds that are the same for all seeds, plain accuracy and "
        f"several classes with folds{'' if 'networks' in there else ', small networks with folds'}."
    )
    return lines


def write_page(path: Path, results: pd.DataFrame, planned: Mapping[str, int]) -> None:
    """Write what there is; tables that were not run are left out, and settings that were not are counted.

    `planned` is how many settings each table has.
    """
    there = set(results["table"])
    makers = {
        "levels": _levels, "weights": _weights, "scores": _scores, "general": _general, "heterogeneity": _heterogeneity,
        "means": _means, "forecast": _forecast, "resample": _resample,
        "images": lambda frame: _designs(frame, ["label", "patients", "positive"]),
        "classes": lambda frame: _designs(frame, ["classes", "shares", "patients"]),
        "labels": lambda frame: _designs(frame, ["labels", "patients"]),
        **{name: partial(fold_tables.levels, table=name) for name in fold_tables.KEYS},
        "fold power": fold_tables.power, "fold looks": fold_tables.looks,
        "looks": look_tables.declared, "undeclared": look_tables.undeclared,
        "blocks": lambda frame: grid(frame, ["sets", "blocks", "shared"], "seeds", "error"),
        "equivalence": lambda frame: grid(frame.assign(all="all"), ["share", "all"], "seeds", "wrongly"),
    }  # fmt: skip
    counts = results.groupby("table", sort=False)["repetitions"].agg(["min", "max"])
    said = [f"{name} {_count(row['min'], row['max'])}" for name, row in counts.iterrows()]
    needed = {"levels", "blocks", "weights", "scores", "forecast", "general", "heterogeneity", "means", "equivalence"}
    needed |= {"looks", *DESIGNS}
    run = results.groupby("table")["setting"].nunique()
    short = [f"{name} {run[name]} of {n}" for name, n in planned.items() if name in there and run[name] < n]
    if short:
        said[-1] += f". Not all settings were run: {', '.join(short)}"
    aims = goals(results) if needed <= there else ["Not all tables were run."]
    text = [INTRODUCTION.format(counts=", ".join(said), goals="\n".join(aims))]
    for table, about in SECTIONS.items():
        if table == "tests" and "scores" in there:
            text += [about, *_tests(table_of(results, "scores"))]
        elif table in there:
            text += [about, *makers[table](table_of(results, table))]
    permuted = path.with_name("permuted_arms.csv")
    if permuted.is_file():
        text += _permuted(pd.read_csv(permuted))
    path.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


def _count(low: float, high: float) -> str:
    return f"{high:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def _permuted(frame: pd.DataFrame) -> list[str]:
    lines = [
        "## Arms of real networks, permuted\n\n"
        "Networks of one recipe, trained on BreastMNIST (MedMNIST v2, Yang et al. 2023; CC BY 4.0) from a seed each\n"
        "and drawn into two arms at random, so that whatever `compare` finds between the arms is false\n"
        "(`permuted_arms.py`). Nominal 5 %. This checks the trainings' side, on real scores. The test patients stay\n"
        "the same, so that the chance in patients, which the intervals allow for, is not at work, and rates below\n"
        "5 % are as they should be.\n",
        "| metric | trainings | wrongly found % | refused | draws |", "| --- | --: | --: | --: | --: |",
    ]  # fmt: skip
    for row in frame.itertuples(index=False):
        metric, trainings, wrong, refused, splits, networks = row
        lines.append(f"| {metric} | {trainings} | {100 * wrong:.1f} | {refused} | {splits:,} of {networks} networks |")
    return lines
