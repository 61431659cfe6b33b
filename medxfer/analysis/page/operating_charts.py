"""ROC, precision and recall, and calibration: a chart for each data set."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.arms import ArmFigures, Range
from medxfer.analysis.judge.flow import flows
from medxfer.analysis.judge.results import Arm, CellRecord, StudyRecord
from medxfer.analysis.judge.scores import CellScores, read_scores
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Chart, Line, chart_axes
from medxfer.analysis.page.layout import Section, Table, block_title, colour_classes, is_dashed, key_of
from medxfer.analysis.stats.variance import Floats
from medxfer.base.words import arm_name

Runs = Mapping[Arm, Sequence[CellScores]]  # the trainings of each arm
CALIBRATION = ("Arm", "slope", "intercept")
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
        by_arm = {arm: [read_scores(cell) for cell in cells if cell.arm == arm] for arm in arms}
        runs, share = {arm: of_arm for arm, of_arm in by_arm.items() if of_arm}, prevalence[name]
        roc.append(roc_chart(name, runs, colours, f"ROC curves of every arm on {name}"))
        calibration.append(calibration_chart(name, runs, colours, f"Calibration of every arm on {name}"))
        if share is not None and 0 < min(share, 1 - share) < RARE:
            lines = [
                Line(
                    operating.GRID[1:].tolist(), list(operating.precision_recall(of_arm)), colours[arm], is_dashed(arm)
                )
                for arm, of_arm in runs.items()
            ]
            about = f"Precision of every arm on {name}"
            recall.append(share_chart(name, lines, "sensitivity", "precision", about, share))
    key = key_of(colours)
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
        if rows := calibration_rows([one for one in verdict.arms if one.block == block]):
            yield Table(CALIBRATION, rows, block_title(block, blocks))


def calibration_rows(arms: Sequence[ArmFigures]) -> list[list[str]]:
    """A row an arm: its name, slope and intercept as means over trainings with their range."""
    known = [one for one in arms if one.calibration]
    return [[arm_name(one.arm), *(_line(one.calibration[name]) for name in CALIBRATION[1:])] for one in known]


def _line(found: Range) -> str:
    text = f"{found.mean:.2f} ({found.lowest:.2f} to {found.highest:.2f})"
    return (text if found.lowest < found.highest else f"{found.mean:.2f}").replace("-", "−")


def roc_chart(title: str, runs: Runs, colours: Mapping[Arm, str], about: str) -> Chart:
    """The mean curve of each arm."""
    lines = [roc_line(operating.roc(of_arm), colours[arm], is_dashed(arm)) for arm, of_arm in runs.items()]
    known = [line for line in lines if np.isfinite(line.y).all()]
    return share_chart(title, known, "false positive rate", "sensitivity", about)


def roc_line(sensitivity: Floats, colour: str, dashed: bool) -> Line:
    """`sensitivity` at the false positive rates of operating.GRID."""
    return Line([0.0, *operating.GRID], [0.0, *sensitivity], colour, dashed)


def calibration_chart(title: str, runs: Runs, colours: Mapping[Arm, str], about: str) -> Chart:
    lines = []
    for arm, of_arm in runs.items():
        said, seen = operating.calibration(of_arm)
        lines.append(Line(list(said), list(seen), colours[arm], is_dashed(arm)))
    return share_chart(title, lines, "score", "share of positives", about)


def share_chart(title: str, lines: Sequence[Line], x: str, y: str, about: str, level: float | None = None) -> Chart:
    """A chart of shares against shares, with the diagonal, or with a line at `level` in its place."""
    axes = chart_axes((0, 1), (0, 1))
    return Chart(title, lines, *axes, (x, y), about, diagonal=level is None, level=level)
