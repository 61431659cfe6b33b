"""Where the uncertainty of each primary contrast comes from, and what other divisions of the patients would tell."""

from collections.abc import Iterator

from medxfer.analysis.judge.figures import Figures
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.other_designs import division
from medxfer.analysis.judge.phrases import figure, percent, points
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.layout import Section, Table

TEXT = (
    "Trainings vary with the seed, patients are a sample: each has its share of the variance and its degrees of "
    "freedom (df). Correlation: between arms over the seeds that they share. Highest to lowest variance: of arms over "
    "seeds."
)
OF_RQ2 = "Of RQ2, both are of its differences at each colormap."
REFERENCE = "Reference: the arm that the others are compared with."
FOLDS = (
    "Shared training patients: the networks of a training's folds test each other's training patients, which makes "
    "trainings more alike than their variance shows; the share is bounded by simulation."
)
_REFERENCE = "reference's variance to others'"
COVARIANCE = "Covariance over blocks: of trainings with the same seed, in points²; below 0 it is taken as 0."
SIMULATED = (
    "Simulated error: how often such a family erred in the nearest simulated setting, 5 % being nominal. Simulated "
    "width: of its intervals, where known variances have 1."
)

DESIGNS = (
    "What the same number of cells would tell if the patients were divided otherwise: ± is half of the interval to "
    "expect, in points, by the trainings that are finished. How much smaller each training part is, is not counted. "
    "Another division is another study."
)


def uncertainty_section(verdict: Verdict) -> Iterator[Section]:
    """A column for each primary contrast that has figures; rows that no contrast has are left out."""
    found = [(finding, finding.figures) for finding in verdict.primary if finding.figures is not None]
    if not found:
        return
    columns = [_column(finding, figures) for finding, figures in found]
    names = [name for name in columns[0] if any(column[name] for column in columns)]
    head = ["In figures", *(f"{finding.question}: {finding.contrast.partition(', ')[0]}" for finding, _ in found)]
    rows = [[name, *(column[name] for column in columns)] for name in names]
    about = [TEXT]
    about += [OF_RQ2] if any(finding.question == "RQ2" for finding, _ in found) else []
    about += [REFERENCE] if _REFERENCE in names else []
    text = [" ".join(about), *([COVARIANCE] if "covariance over blocks" in names else [])]
    text += [FOLDS] if "of it, shared training patients" in names else []
    text += [SIMULATED] if "simulated error" in names else []
    text += dict.fromkeys(f.simulated.missed for f, _ in found if f.simulated and f.simulated.missed)
    yield Section("uncertainty", "Where the uncertainty comes from", text, tables=[Table(head, rows)], folded=True)


def design_section(verdict: Verdict) -> Iterator[Section]:
    """Other divisions of the patients at equal cost, a row each, where one cannot tell yet."""
    if not verdict.designs:
        return
    head = ["At equal cost", "trainings an arm", "cells an arm", "patients tested"]
    rows = [
        [
            division(ways[0].folds),
            str(ways[0].seeds),
            str(ways[0].cells),
            f"{ways[0].patients:,}",
            *("describes only" if w.half_width is None else f"±{points(w.half_width, signed=False)}" for w in ways),
        ]
        for ways in zip(*(one.designs for one in verdict.designs), strict=True)
    ]
    table = Table([*head, *(one.question for one in verdict.designs)], rows)
    yield Section("designs", "Other divisions", [DESIGNS], tables=[table], folded=True)


def _column(finding: Finding, f: Figures) -> dict[str, str]:
    known = finding.simulated
    return {
        "standard error, points": points(f.se, signed=False),
        "variance from trainings": _share(f.from_trainings),
        "variance from patients": _share(None if f.from_trainings is None else 1 - f.from_trainings),
        "of it, shared training patients": _share(f.from_shared_training),
        "df of trainings": _figure(f.df_trainings),
        "df of patients": _figure(f.df_patients),
        "df of the interval": _figure(f.df),
        "correlation over seeds": _figure(f.seed_correlation, 2),
        "highest to lowest variance": _figure(f.variance_ratio),
        _REFERENCE: _figure(f.reference_ratio),
        "covariance over blocks": _figure(None if f.block_covariance is None else 1e4 * f.block_covariance, 2),
        "simulated error": percent(round(known.error, 3)) if known else "",
        "simulated width": f"{known.width:.2f}" if known else "",
    }


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _figure(value: float | None, digits: int = 1) -> str:
    return "" if value is None else figure(value, digits)
