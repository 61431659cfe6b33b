"""ROC, precision and recall, and calibration: a chart for each data set."""

from collections.abc import Iterator, Sequence

import numpy as np

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.arms import ArmFigures, Range
from medxfer.analysis.judge.flow import flows
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.scores import read_scores
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Chart, Line, chart_axes
from medxfer.analysis.page.layout import Section, Table, block_name, colour_classes, is_dashed
from medxfer.base.words import arm_name

RARE = 0.2  # share of the rarer class below which a ROC curve alone misleads


def operating_sections(study: StudyRecord, verdict: Verdict, folded: bool = False) -> Iterator[Section]:
    """ROC and calibration, a chart for each data set: blocks that differ in backbone, window or size are pooled.

    `folded`: whether the ROC curves of all arms are shown on demand, as the other charts are.
    """
    by_data: dict[str, list[CellRecord]] = {}
    for block, cells in select(study).items():
        by_data.setdefault(str(block[0]), []).extend(cell for cell in cells if cell.status == "done")
    arms = list(dict.fromkeys(cell.arm for cells in by_data.values() for cell in cells))
    if not arms:
        return
    colours, prevalence = colour_classes(arms), {flow.data: flow.prevalence for flow in flows(study)}
    roc, recall, calibration = [], [], []
    for name, cells in by_data.items():
        roc_lines, recall_lines, calibration_lines = [], [], []
        share = prevalence[name]
        rare = share is not None and 0 < min(share, 1 - share) < RARE
        for arm in arms:
            runs = [read_scores(cell) for cell in cells if cell.arm == arm]
            if not runs:
                continue
            style = (colours[arm], is_dashed(arm))
            sensitivity = operating.roc(runs)
            if np.isfinite(sensitivity).all():
                roc_lines.append(Line([0.0, *operating.GRID], [0.0, *sensitivity], *style))
            if rare:
                recall_lines.append(Line(list(operating.GRID[1:]), list(operating.precision_recall(runs)), *style))
            said, seen = operating.calibration(runs)
            calibration_lines.append(Line(list(said), list(seen), *style))
        roc.append(
            share_chart(name, roc_lines, "false positive rate", "sensitivity", f"ROC curves of every arm on {name}")
        )
        if rare:
            recall.append(
                share_chart(name, recall_lines, "sensitivity", "precision", f"Precision of every arm on {name}", share)
            )
        about = f"Calibration of every arm on {name}"
        calibration.append(share_chart(name, calibration_lines, "score", "share of positives", about))
    key = [(arm_name(arm), colours[arm], is_dashed(arm)) for arm in arms]
    several = any(run.record["task"] != "binary" for cells in by_data.values() for run in cells)
    averaged = "Averaged over trainings" + (" and classes" if several else "")
    yield Section("roc", "All ROC curves", [f"{averaged}; the diagonal is chance."], key, roc, folded=folded)
    if recall:
        text = f"{averaged}, at the best precision with at least that sensitivity; the dotted line is chance."
        yield Section("recall", "Precision and recall", [text], key, recall, folded=True)
    about = "Share of positives against the score, in tenths of the images; the diagonal is perfect."
    tables = list(_calibration(verdict))
    if tables:
        about += " Slope 1 and intercept 0 are perfect; means over trainings and their range."
    yield Section("calibration", "Calibration", [about], key, calibration, tables=tables, folded=True)


def _calibration(verdict: Verdict) -> Iterator[Table]:
    blocks = list(dict.fromkeys(one.block for one in verdict.arms))
    for block in blocks:
        arms = [one for one in verdict.arms if one.block == block and one.calibration]
        if rows := calibration_rows(arms):
            yield Table(["Arm", "slope", "intercept"], rows, block_name(block, blocks) if len(blocks) > 1 else "")


def calibration_rows(arms: Sequence[ArmFigures]) -> list[list[str]]:
    """A row an arm: its name, slope and intercept as means over trainings with their range."""
    return [[arm_name(one.arm), *(_line(one.calibration[name]) for name in ("slope", "intercept"))] for one in arms]


def _line(found: Range) -> str:
    text = f"{found.mean:.2f} ({found.lowest:.2f} to {found.highest:.2f})"
    return (text if found.lowest < found.highest else f"{found.mean:.2f}").replace("-", "−")


def share_chart(title: str, lines: Sequence[Line], x: str, y: str, about: str, level: float | None = None) -> Chart:
    """A chart of shares against shares, with the diagonal, or with a line at `level` in its place."""
    axes = chart_axes((0, 1), (0, 1))
    return Chart(title, lines, *axes, (x, y), about, diagonal=level is None, level=level)
