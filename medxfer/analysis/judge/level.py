"""Which simulated setting a primary contrast is in, and how often its family erred there (docs/simulations.md)."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from medxfer.analysis.judge.figures import Figures
from medxfer.analysis.judge.phrases import percent

NOMINAL = 0.05  # the error of the simulated families; other levels were not simulated
MOST, LEAST = 0.06, 0.04  # the goals for a family's error, the second at ENOUGH seeds if trainings dominate
ENOUGH, DOMINATE = 5, 0.9
WIDEST: Mapping[int, float] = {2: 1.6, 3: 1.25, 5: 1.12}  # the goals for the width, by seeds
SPREADS: Mapping[float, str] = {1.0: "equal", 1.5: "gray v1.5", 2.25: "gray s1.5"}  # by gray's variance over others'

SHARE = "trainings {share:.0%} of the variance"
OF_REFERENCE = {  # what all arms of the question are compared with
    "equal": "",
    "gray v1.5": ", {reference} with 1.5 times the variance of the other arms",
    "gray s1.5": ", {reference} with 1.5 times the deviation of the other arms",
}
NAMED = ("arms", "taken")  # whose values are no numbers

Value = float | str
Setting = Mapping[str, Value]


@dataclass(frozen=True)
class Simulated:
    """The nearest simulated setting. Errors are rates, widths are over that of an interval with known variances."""

    table: str  # of docs/simulations.csv
    setting: str  # in words
    error: float  # of the family, 0.05 being nominal
    width: float
    missed: str  # which goal was missed there, and what follows; empty where none was

    @property
    def errs_too_often(self) -> bool:
        return self.error > MOST


def simulated(question: str, figures: Figures, level: float) -> Simulated | None:
    """The setting nearest to a primary contrast's: contrasts, seeds, shares, correlation, blocks, gray's variance.

    What a study cannot know (whose weights vary more) is taken at its worst. Variances and correlations are known from
    few trainings, so that the setting is a likely one, not a known one. None with one training, at a level other than
    95 %, and with folds, which these settings do not have.
    """
    if (
        figures.from_shared_training is not None
        or figures.trainings < 2
        or figures.from_trainings is None
        or abs(1 - level - NOMINAL) > 1e-9
    ):
        return None
    part: Setting = {"seeds": float(figures.trainings)}
    share: Setting = {"share": figures.from_trainings}
    correlation = max(figures.seed_correlation or 0.0, 0.0)
    if question == "RQ2":
        words = "{seeds:g} seeds, correlated by {within:g} within the same weights, " + SHARE
        return _found("weights", {"between": 0.0, "within": correlation, **part, **share}, words)
    spread = SPREADS[_nearest("ratio", figures.reference_ratio or 1.0, list(SPREADS))]
    asked: Setting = {
        "arms": spread,
        "contrasts": float(figures.contrasts),
        **part,
        "correlation": correlation,
        **share,
    }
    words = "{contrasts:g} contrasts, {seeds:g} seeds, correlated by {correlation:g}, " + SHARE
    words += OF_REFERENCE[spread].replace("{reference}", "gray" if question == "RQ1" else "the reference")
    alone = _found("levels", asked, words)
    sets, blocks = float(len(figures.datasets)), float(figures.blocks)
    if sets == blocks == 1:
        return alone
    words = (
        "{sets:g} data sets, each with {blocks:g} blocks that share {shared:.0%} of a seed's effect, {seeds:g} seeds, "
    )
    several = {"sets": sets, "blocks": blocks, "shared": _shared(figures), **part, **share}
    together = _found("blocks", several, words + SHARE)
    return together if spread == "equal" else max(together, alone, key=lambda one: one.error)


def level_note(findings: Sequence[Simulated | None]) -> str:
    """Says beside an answer that its family errs too often in a simulated setting like it; of several, the worst."""
    often = [one for one in findings if one is not None and one.errs_too_often]
    return max(often, key=lambda one: one.error).missed if often else ""


def heterogeneity_note(seeds: int, sets: int, share: float) -> str:
    """Says of Cochran's Q over data sets that it errs too often in the nearest simulated setting; else empty."""
    asked: Setting = {"seeds": float(seeds), "sets": float(sets), "share": share}
    words = "{sets:g} data sets, {seeds:g} seeds, " + SHARE
    one = _found("heterogeneity", asked, words)
    if not one.errs_too_often:
        return ""
    rate = percent(round(one.error, 3))
    return f"In simulated studies like this one ({one.setting}) equal data sets had such a p below {NOMINAL} in {rate}."


def _found(table: str, asked: Setting, words: str) -> Simulated:
    """The settings nearest in each value in turn; of those that are left, the highest error and width."""
    left = [(setting, error, width) for setting, error, width in _table()[table]]
    chosen: dict[str, Value] = {}
    for name, value in asked.items():
        there = list(dict.fromkeys(setting[name] for setting, _, _ in left))
        chosen[name] = value if isinstance(value, str) else _nearest(name, value, [float(one) for one in there])
        left = [row for row in left if row[0][name] == chosen[name]]
    error, width = max(error for _, error, _ in left), max(width for _, _, width in left)
    text = words.format(**chosen).replace("%", " %").replace("1 contrasts", "1 contrast")
    text = text.replace("1 data sets, each with", "1 data set with").replace("with 1 blocks that", "with 1 block that")
    text = text.replace("with 1 block that share 0 % of a seed's effect", "with 1 block")
    return Simulated(table, text, error, width, _missed(text, error, width, float(chosen["seeds"]), chosen))


def _missed(text: str, error: float, width: float, seeds: float, chosen: Setting) -> str:
    start = f"In simulated studies like this one ({text})"
    if error > MOST:
        return (
            f"{start} {percent(round(error, 3))} of families erred, not {percent(NOMINAL)}: take an adjusted p "
            f"just below {NOMINAL} as undecided."
        )
    if seeds >= ENOUGH and float(chosen["share"]) >= DOMINATE and error < LEAST:
        return f"{start} {percent(round(error, 3))} of families erred, not {percent(NOMINAL)}: intervals are too wide."
    if width > WIDEST.get(int(seeds), math.inf):
        return f"{start} intervals were {width:.1f} times as wide as with known variances: more seeds narrow them."
    return ""


def _shared(figures: Figures) -> float:
    """The share of a seed's effect that blocks have in common, from their covariance and the trainings' variance."""
    if figures.block_covariance is None or not figures.from_trainings or figures.blocks < 2:
        return 0.0
    mean = figures.from_trainings * figures.se**2 * len(figures.datasets)  # of one data set's mean over blocks
    covariance = max(figures.block_covariance, 0.0)
    alone = figures.blocks * mean - (figures.blocks - 1) * covariance  # of one block
    return min(covariance / alone, 1.0) if alone > 0 else 1.0


def _nearest(name: str, value: float, there: Sequence[float]) -> float:
    """Counts and ratios are compared by their logarithms; of two as near, the smaller."""
    if name in ("seeds", "contrasts", "sets", "blocks", "ratio"):
        return min(sorted(there), key=lambda one: round(abs(math.log(one / value)), 9))
    return min(sorted(there), key=lambda one: round(abs(one - value), 9))


@cache
def _table() -> Mapping[str, Sequence[tuple[Setting, float, float]]]:
    """simulated.csv, which holds the errors and widths of docs/simulations.csv."""
    out: dict[str, list[tuple[Setting, float, float]]] = {}
    with files("medxfer.analysis.judge").joinpath("simulated.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            pairs = [item.partition("=") for item in row["setting"].split(";")]
            setting = {name: value if name in NAMED else float(value) for name, _, value in pairs}
            width = float(row["width"] or "nan")
            out.setdefault(row["table"], []).append((setting, float(row["error"]), width))
    return out
