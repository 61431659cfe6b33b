"""The page's later sections: learning curves, ROC, calibration, and how to read the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.learning_curve import Curve, learning_curves
from medxfer.analysis.judge.phrases import metric_name
from medxfer.analysis.judge.readings import TITLES
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.scores import read_predictions
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Axis, Chart, LearnedTable, Line, chart_axes
from medxfer.analysis.page.panels import block_name, colour_classes
from medxfer.base.words import arm_name


class Key(NamedTuple):
    name: str
    colour: str
    dashed: bool


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    text: Sequence[str] = ()
    key: Sequence[Key] = ()
    charts: Sequence[Chart] = ()
    learned: Sequence[LearnedTable] = ()
    head: Sequence[str] = ()  # of a table
    rows: Sequence[Sequence[str]] = ()


def sections(study: StudyRecord, verdict: Verdict) -> list[Section]:
    """Those that the study has content for, in the page's order."""
    curves = [*_learning(study, verdict), *_operating(study)]
    return curves + [Section(id, title, verdict.readings[id]) for id, title in TITLES.items() if id in verdict.readings]


def _learning(study: StudyRecord, verdict: Verdict) -> Iterator[Section]:
    curves, metric = learning_curves(study), metric_name(study.declared.metric)
    if not curves:
        return
    text = [verdict.worth.sentence] if verdict.worth else []
    text.append(
        f"{metric.capitalize()} on gray images against the labelled patients trained with; "
        "bands are intervals over trainings and patients."
    )
    blocks = list(dict.fromkeys(curve.block for curve in curves))
    charts = [
        _learning_chart(block_name(block, blocks), [c for c in curves if c.block == block], metric) for block in blocks
    ]
    key = [Key("pretrained", "arm3", False), Key("random", "arm2", True)]
    yield Section("learning", "How much is pretraining worth?", text, key, charts)


def _learning_chart(title: str, curves: Sequence[Curve], metric: str) -> Chart:
    points = [point for curve in curves for point in curve.points]
    patients = sorted({point.patients for point in points})
    y = Axis.around([100 * end for point in points for end in (point.low, min(point.high, 1))])
    lines = [
        Line(
            x=[float(np.log(point.patients)) for point in curve.points],
            y=[100 * point.mean for point in curve.points],
            colour="arm3" if curve.pretrained else "arm2",
            dashed=not curve.pretrained,
            band=[(100 * point.low, 100 * min(point.high, 1)) for point in curve.points],
            marks=True,
        )
        for curve in curves
    ]
    ends = float(np.log(patients[0])) - 0.1, float(np.log(patients[-1])) + 0.1
    labels = "labelled patients for training", f"{metric}, points"
    about = f"{metric} against labelled patients, pretrained and random weights"
    ticks = [(float(np.log(n)), f"{n:,}") for n in patients]
    return Chart(title, lines, *chart_axes(ends, (y.low, y.high)), labels, about, ticks)


def _operating(study: StudyRecord) -> Iterator[Section]:
    """ROC and calibration, a chart for each data set: blocks that differ in backbone, window or size are pooled."""
    by_data: dict[str, list[CellRecord]] = {}
    for block, cells in select(study).items():
        by_data.setdefault(str(block[0]), []).extend(cell for cell in cells if cell.status == "done")
    arms = list(dict.fromkeys(cell.arm for cells in by_data.values() for cell in cells))
    if not arms:
        return
    colours, errors = colour_classes(arms), {arm: [arm_name(arm)] for arm in arms}
    roc, calibration = [], []
    for name, cells in by_data.items():
        roc_lines, calibration_lines = [], []
        for arm in arms:
            runs = [read_predictions(cell.folder) for cell in cells if cell.arm == arm]
            if not runs:
                errors[arm].append("")
                continue
            style = (colours[arm], arm[1] is not True)
            sensitivity = operating.roc(runs)
            if np.isfinite(sensitivity).all():
                roc_lines.append(Line([0.0, *operating.GRID], [0.0, *sensitivity], *style))
            said, seen, error = operating.calibration(runs)
            calibration_lines.append(Line(list(said), list(seen), *style))
            errors[arm].append(f"{error:.3f}")
        roc.append(_share_chart(name, roc_lines, "false positive rate", "sensitivity", "ROC curves"))
        calibration.append(_share_chart(name, calibration_lines, "score", "share of positives", "Calibration"))
    key = [Key(arm_name(arm), colours[arm], arm[1] is not True) for arm in arms]
    about = "Averaged over an arm's trainings, and over classes where there are more than two."
    yield Section("roc", "ROC", [about], key, roc)
    about = (
        "How often a class was there against the score it was given, in tenths of the images; the diagonal is perfect. "
        "All trainings of an arm are pooled."
    )
    head = ["Expected calibration error", *by_data]
    yield Section("calibration", "Calibration", [about], key, calibration, (), head, list(errors.values()))


def _share_chart(data: str, lines: Sequence[Line], x: str, y: str, what: str) -> Chart:
    """A chart of shares against shares, with the diagonal."""
    axes = chart_axes((0, 1), (0, 1))
    return Chart(data, lines, *axes, (x, y), f"{what} of every arm on {data}", diagonal=True)
