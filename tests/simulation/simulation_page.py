"""docs/simulations.md from the simulations' figures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from corrections import corrections
from measures import MOST
from tables import MARGIN, REAL, all_settings

INTRODUCTION = """\
# Does the method hold what it says?

A verdict of this program says "95 % interval" and "p". Whether these are what they say was checked on simulated
studies, whose truth is known: many studies, each judged as a real one would be. `tests/simulation/` holds the code,
and `docs/simulations.csv` every figure.

    python tests/simulation/run.py --repetitions 10000 --out docs/simulations.md

writes this page. {counts}

**How scores are simulated** (`studies.py`). A network's score of an image is the sum of: the class, times how well
this training separates classes (it differs between trainings by the *seed noise*); the patient's own difficulty,
for all networks alike; how an arm sees this patient, whatever the seed; how this training sees this patient; and
the image. Standard deviations are 0.6, 0.5, 0.4 and 0.5 for the last four; classes are 1.5 apart. Arms with the
same separation have no true difference. With several images a patient, there are one to four or six of them, and
every fifth has a class of its own. Rates below are given with their Monte-Carlo standard error where it is above
0.2 points.
"""

SECTIONS = {
    "other tests": """\
## Why not a t test?

Rate of "significant" results at a nominal 5 % where there is no difference at all: AUROC, two data sets, three
backbones. Tests over runs take the test patients for the whole world, and more seeds make them worse. DeLong's test
takes the two trained networks for their recipes: it is right about those two networks, and wrong about the next
two.
""",
    "false positives": """\
## False positives

Rate of 95 % intervals that miss a true difference of 0. "Plain" is Obuchowski–Rockette with Hillis' degrees of
freedom; up to four trainings the program corrects it (next section), from five on the two are one. "From trainings"
is the mean share of trainings in the estimate's variance, the rest is patients'.
""",
    "correction": """\
## The correction for few trainings

Exact, by quadrature, for one block and a patients' covariance that is known, over shares of trainings in the
variance from 1 % to 97 %. Widths are means, with 1 for the interval of one who knows both variances. The fiducial
interval (Behrens and Fisher) is the classical answer.
""",
    "coverage": f"""\
## Coverage where there is a difference

Rate of 95 % intervals that hold a true difference of {100 * REAL:g} points, and how often it is found.
""",
    "equivalence": f"""\
## Equivalence

Two one-sided tests at a margin of {100 * MARGIN:g} points, accuracy: how often arms are called equivalent that
differ by the margin (nominal: at most 5 %), and how often arms that do not differ.
""",
    "families": """\
## Several colormaps at once

Every other arm against the first, none of which differ: rate of studies with at least one false finding.
"Simultaneous" is that at least one Bonferroni interval excludes 0.
""",
    "permuted arms": """\
## Arms of real networks, permuted

Networks of one recipe, trained on BreastMNIST (MedMNIST v2, Yang et al. 2023; CC BY 4.0) from a seed each and drawn
into two arms at random, so that whatever is found between the arms is false (`permuted_arms.py`). Nominal 5 %.
This checks the trainings' side, on real scores. The test patients stay the same, so that the chance in patients, which
the intervals allow for, is not at work, and rates below 5 % are as they should be.
""",
    "forecast": f"""\
## "About N more trainings are needed"

A pilot without a conclusion (an interval without 0, or equivalence at {100 * MARGIN:g} points) says how many more
trainings would give one with 80 % probability, were everything as the pilot estimates it. They are then added,
tested on the same patients. "Out of reach": the pilot says that no number will do, or more than {MOST} trainings in
all. The forecast knows the difference no better than its pilot does.
""",
}


def write_page(results: pd.DataFrame, path: Path) -> None:
    """Write the page from the rows of `run.py`; tables that were not run are left out."""
    repetitions = results.groupby("table", sort=False)["repetitions"].agg(["min", "max"])
    counts = "; ".join(f"{table}: {_range(*few_many)}" for table, *few_many in repetitions.itertuples())
    text = [INTRODUCTION.format(counts=f"Repetitions of each setting: {counts}.")]
    for table, words in SECTIONS.items():
        if table == "correction":
            text += [words, *_corrections()]
        elif table == "permuted arms":
            text += [words, *_permuted(path.with_name("permuted_arms.csv"))]
        elif table in repetitions.index:
            text += [words, *_TABLES[table](_wide(results, table))]
    path.write_text("\n".join(text), encoding="utf-8")


def _range(fewest: int, most: int) -> str:
    return f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"


def _wide(results: pd.DataFrame, table: str) -> pd.DataFrame:
    """A row a setting, with its truth and a (value, error) a figure, in the order of `tables.py`."""
    rows = []
    for setting in all_settings()[table]:
        own = results[(results["table"] == table) & (results["setting"] == setting.name)]
        if len(own):
            figures = {row.figure: (row.value, row.error) for row in own.itertuples()}
            rows.append({"truth": setting.truth, "name": setting.name.split(" trainings, ", 1)[1]} | figures)
    return pd.DataFrame(rows)


def _rate(figure: tuple[float, float] | float) -> str:
    if not isinstance(figure, tuple) or pd.isna(figure[0]):
        return "–"
    value, error = figure
    return f"{100 * value:.1f}" + (f" ± {100 * error:.1f}" if error > 0.002 else "")


def _markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [list(header), ["---", *["--:"] * (len(header) - 1)], *rows]
    return [*("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines), ""]


def _false_positives(wide: pd.DataFrame) -> list[str]:
    trainings = wide["truth"].map(lambda truth: truth.trainings)
    summary = []
    for r, own in wide.groupby(trainings):
        ours, plain = (sorted(own[figure], key=lambda f: f[0]) for figure in ("misses", "plain misses"))
        few = [_rate(ours[0]), _rate(ours[-1]), _rate(plain[0]), _rate(plain[-1])]
        summary.append([r, *few, len(own), _rate(max(own["refused"]))])
    header = ["trainings", "lowest %", "highest %", "plain: lowest", "highest", "settings", "refused, at most %"]
    rows = [
        [name, *(_cell(own, trainings, r) for r in sorted(set(trainings)))]
        for name, own in wide.groupby("name", sort=False)
    ]
    columns = [f"{r} trainings" for r in sorted(set(trainings))]
    note = 'Each cell: the rate in %; the plain one where it differs, in brackets; "from trainings".\n'
    return [*_markdown(header, summary), note, *_markdown(["setting", *columns], rows)]


def _cell(own: pd.DataFrame, trainings: pd.Series, r: int) -> str:
    found = own[trainings[own.index] == r]
    if found.empty:
        return "–"
    row = found.iloc[0]
    plain = f" ({_rate(row['plain misses'])})" if r < 5 else ""
    return f"{_rate(row['misses'])}{plain}, {100 * row['from trainings'][0]:.0f} %"


def _corrections() -> list[str]:
    names = {"plain": "plain", "ours": "corrected", "fiducial": "fiducial"}
    parts = []
    for level in (0.95, 0.99):
        rows = [
            [f"{r.trainings}, {names[r.method]}", f"{100 * r.lowest:.1f}", f"{100 * r.highest:.1f}"]
            + [f"{width:.2f}" for width in list(r)[-3:]]
            for r in corrections(level).itertuples()
            if not (r.trainings == 5 and r.method == "ours")
        ]
        header = ["trainings, method", "lowest %", "highest %"]
        widths = [f"width where trainings are {share} %" for share in (10, 50, 90)]
        parts += [f"Nominal {100 * (1 - level):.0f} %:\n", *_markdown([*header, *widths], rows)]
    return parts


def _permuted(path: Path) -> list[str]:
    if not path.is_file():
        return []
    frame = pd.read_csv(path)
    rows = [
        [f"{metric}, {trainings} trainings", f"{100 * found:.1f}", refused, f"{splits:,} of {networks} networks"]
        for metric, trainings, found, refused, splits, networks in frame.itertuples(index=False)
    ]
    return _markdown(["setting", "wrongly found %", "refused", "draws"], rows)


def _coverage(wide: pd.DataFrame) -> list[str]:
    rows = [
        [f"{r.truth.trainings} trainings, {r.name_}", f"{100 * (1 - r.misses[0]):.1f}", _rate(r.finds)]
        for r in wide.rename(columns={"name": "name_"}).itertuples()
    ]
    return _markdown(["setting", "covered %", "found %"], rows)


def _plainly(*figures: str) -> Callable[[pd.DataFrame], list[str]]:
    def render(wide: pd.DataFrame) -> list[str]:
        kept = [figure for figure in figures if figure in wide]
        rows = [
            [f"{row['truth'].trainings} trainings, {row['name']}", *(_rate(row[figure]) for figure in kept)]
            for _, row in wide.iterrows()
        ]
        return _markdown(["setting", *(f"{figure} %" for figure in kept)], rows)

    return render


def _forecast(wide: pd.DataFrame) -> list[str]:
    header = ["setting", "pilot concludes %", "out of reach %", "more trainings, mean", "then concludes %",
              "half-width foretold, points", "then"]  # fmt: skip
    rows = [
        [
            f"{row['truth'].trainings} trainings, {row['name']}",
            _rate(row["pilot concludes"]),
            _rate(row["out of reach"]),
            f"{row['more'][0]:.0f}",
            _rate(row["later concludes"]),
            *(f"{100 * row[figure][0]:.2f}" for figure in ("foretold half-width", "half-width")),
        ]
        for _, row in wide.iterrows()
    ]
    return _markdown(header, rows)


_TABLES = {
    "other tests": _plainly(
        "Welch, all runs",
        "paired t, all runs",
        "Wilcoxon, all runs",
        "DeLong, one run an arm",
        "trainings and patients",
    ),
    "false positives": _false_positives,
    "coverage": _coverage,
    "equivalence": _plainly("wrongly", "rightly"),
    "families": _plainly("unadjusted", "Holm", "simultaneous"),
    "forecast": _forecast,
}
