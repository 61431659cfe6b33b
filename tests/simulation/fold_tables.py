"""What docs/simulations.md says of folds: level in three worlds, power at equal cost, looks."""

from collections.abc import Sequence

import pandas as pd

GOAL = 6.5  # percent: false positives at nominal 5 %
SEEDS = (1, 2, 3, 5)
POWER_GOALS = {100: 3.0, 300: 1.8}  # patients -> power of folds over that of one split, at ten trainings an arm
KEYS = {
    "folds": ["images", "features", "folds", "patients", "positive"],
    "heads": ["data", "null", "learner", "folds", "patients", "positive"],
    "networks": ["data", "null", "folds", "patients", "positive"],
}

LEVELS = """\
## Folds

Two recipes of equal worth on exchangeable features (`folded.py`): ridge regressions whose training images have random
weights in the place of seeds, AUROC within folds, patients divided anew with each seed. With 10 features learners are
stable, with 60 they are not. "Several": 1 to 4 images a patient. False positives in percent (5 being nominal) at R
seeds, with the share ½ of a training's own patient variance that folds add and, after the stroke, without it. With one
seed the program says that it speaks of these trainings alone. "Lacks" is the share that would be exact at 5 seeds: what
the variance of the estimates over studies has beyond the parts that are estimated, over a training's own patient
variance. The share was chosen by simulations of such worlds with other random numbers, for an error of at most 6.5 %.
With five positive patients and several images of each it is too small: there ¾ would hold. Elsewhere ¾ would widen
intervals by 7 to 13 %, and arms that are good or learners that are stable need less than ½. Errors with a share of ¼, ¾
and 1 are in `simulations.csv`.
"""

HEADS = """\
## Folds: heads on frozen features of real images

Logistic regressions on 64 principal components of the frozen features of EfficientNet-Lite0 (`heads.py`), arms without
colour and in viridis; studies are whole patients drawn from BreastMNIST (780 images, patients not known), Kermany's
chest radiographs (940 patients with 1,645 images) and 797 images of 194 patients of ChestX-ray14. "Colours": the two
colormaps are swapped patient by patient at random, which makes the arms exchangeable; "labels": patients get each
other's labels, so that there is nothing to learn. Stable heads are penalised and stop early; unstable ones fit their
images, which they weigh at random. Where no number of positive patients is given, it is what the draw has. Columns as
above.
"""

NETWORKS = """\
## Folds: small networks on real images

Convolutional networks of two layers on the same images at 14 × 14 pixels (`tiny_networks.py`), trained by Adam from
random weights. Columns as above.
"""

POWER = """\
## Folds: power at equal cost

Ten trainings an arm (`folded.py`), spent on one split with ten seeds, which tests a fifth of the patients, on five
folds with two seeds, and on ten folds with one. "Found" in percent; at a true difference of 0, which are
the rows without a ratio, that is the level. "Signal" is that of one arm's features, by which arms reach an AUROC
between .6 and .95. Differences and half-widths in points of AUROC; the difference is the mean that five folds find.
"""

LOOKS = """\
## Folds: declared looks

Looks at 3, 5 and 10 seeds of five folds (`folded_looks.py`), patients half positive: a difference is found at any of
them, and what share of the trainings it took. "Gain" is by how much more the second arm's classes are apart; with 0 it
is the total error.
"""


def levels(frame: pd.DataFrame, table: str) -> list[str]:
    """A row a setting."""
    seeds = [r for r in SEEDS if f"R{r} error" in frame]
    more = [name for name in ("R2", "R5") if f"{name} error balanced accuracy" in frame]
    keys = KEYS[table]
    head = [*keys, *(f"R = {r}" for r in seeds), *(f"{r}, balanced accuracy" for r in more), "lacks"]
    lines = [_row(head), "|" + " --- |" * len(keys) + " --: |" * (len(head) - len(keys))]
    for _, row in frame.sort_values(keys).iterrows():
        cells = [f"{100 * row[f'R{r} error']:.1f} / {100 * row[f'R{r} error at 0']:.1f}" for r in seeds]
        cells += [f"{100 * row[f'{r} error balanced accuracy']:.1f}" for r in more]
        lines.append(_row([*(_shown(row[key]) for key in keys), *cells, f"{row[f'R{seeds[-1]} share needed']:.2f}"]))
    return [*lines, ""]


def power(frame: pd.DataFrame) -> list[str]:
    lines = [
        "| patients | positive | features | signal | difference | one split × 10: found | half-width "
        "| 5 folds × 2: found | half-width | 10 folds × 1: found | half-width | 5 × 2 over one split |",
        "|" + " --: |" * 12,
    ]
    for key, of in frame.groupby(["patients", "positive", "features", "signal", "gain"]):
        ways = of.set_index("folds")
        cells = [f"{ways['difference'].get(5, float('nan')):.1f}"]
        for folds in (1, 5, 10):
            there = folds in ways.index
            cells += [f"{100 * ways['found'][folds]:.1f}", f"{ways['half-width'][folds]:.1f}"] if there else ["", ""]
        cells.append(f"{ratio:.1f} ×" if (ratio := _ratio(ways)) and key[4] else "")
        lines.append(_row([*(f"{value:g}" for value in key[:4]), *cells]))
    return [*lines, ""]


def looks(frame: pd.DataFrame) -> list[str]:
    lines = ["| patients | features | gain | found % | trainings % |", "| --: | --: | --: | --: | --: |"]
    for _, row in frame.sort_values(["gain", "features", "patients"]).iterrows():
        cells = [f"{100 * row['found']:.1f}", f"{100 * row['trainings']:.0f}"]
        lines.append(_row([f"{row['patients']:g}", f"{row['features']:g}", f"{row['gain']:g}", *cells]))
    return [*lines, ""]


def goals(tables: dict[str, pd.DataFrame]) -> list[str]:
    """What was aimed at for folds, and where it is missed."""
    lines = []
    names = {"folds": "ridge regressions", "heads": "heads on frozen features", "networks": "small networks"}
    for table, name in names.items():
        if table not in tables:
            continue
        frame = tables[table]
        errors = [column for column in frame if " error" in column and " at " not in column]
        for wanted, about in (("R1 ", ", one seed"), ("", "")):
            columns = [c for c in errors if c.startswith("R1 ") == bool(wanted) and "balanced" not in c]
            lines += _missed(frame, columns, f"folds, {name}{about}") if columns else []
        balanced = [c for c in errors if "balanced" in c and not c.startswith("R1 ")]
        lines += _missed(frame, balanced, f"folds, {name}, balanced accuracy") if balanced else []
    return lines + _power_goals(tables["fold power"]) if "fold power" in tables else lines


def _missed(frame: pd.DataFrame, columns: Sequence[str], name: str) -> list[str]:
    rates = 100 * frame[list(columns)].stack()
    over = rates[rates > GOAL].sort_values(ascending=False)
    text = f"- False positives at most {GOAL:g} %, {name}: highest {rates.max():.1f} % in {len(rates)} settings."
    lines = [text + (f" Above {GOAL:g} % in {len(over)}:" if len(over) else "")]
    return lines + [f"  - {rate:.1f} %: {column.split()[0]} {setting}" for (setting, column), rate in over.items()]


def _power_goals(frame: pd.DataFrame) -> list[str]:
    lines = []
    for patients, goal in POWER_GOALS.items():
        of = frame[(frame["patients"] == patients) & (frame["gain"] > 0)]
        ratios = [
            r
            for _, ways in of.groupby(["positive", "features", "signal", "gain"])
            if (r := _ratio(ways.set_index("folds")))
        ]
        if ratios:
            lines.append(
                f"- Power of 5 folds × 2 seeds at least {goal:g} times that of one split × 10 at {patients} patients: "
                f"{min(ratios):.1f} to {max(ratios):.1f} times in {len(ratios)} settings, below {goal:g} in "
                f"{sum(ratio < goal for ratio in ratios)}."
            )
    return lines


def _ratio(ways: pd.DataFrame) -> float | None:
    """Found by five folds, over found by one split."""
    if not {1, 5} <= set(ways.index) or not ways["found"][1]:
        return None
    return float(ways["found"][5] / ways["found"][1])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) and value else str(value or "drawn")
