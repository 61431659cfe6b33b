"""Other divisions of the patients at equal cost, a row each, where one cannot tell yet."""

from collections.abc import Iterator

from medxfer.analysis.judge.other_designs import division
from medxfer.analysis.judge.phrases import points
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.layout import Section, Table

TEXT = (
    "What the same number of cells would tell if the patients were divided otherwise: ± is half of the interval to "
    "expect, in points, by the trainings that are finished. How much smaller each training part is, is not counted. "
    "Another division is another study."
)


def design_section(verdict: Verdict) -> Iterator[Section]:
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
    yield Section("designs", "Other divisions", [TEXT], tables=[table], folded=True)
