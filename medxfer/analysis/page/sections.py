"""A verdict and its study → what the page shows: answers, trainings, contrasts, curves, and how to read the answers."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.contrasts import images_name
from medxfer.analysis.judge.evidence import arm_mean
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.learning_curve import Curve, learning_curves
from medxfer.analysis.judge.phrases import UNIT, interval, margin_points, metric_name, percent, points
from medxfer.analysis.judge.readings import TITLES
from medxfer.analysis.judge.results import Arm, Block, CellRecord, StudyRecord
from medxfer.analysis.judge.scores import read_predictions
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Axis, Chart, LearnedDrawing, Line, Panel, Row, chart_axes
from medxfer.base.errors import MedxferError
from medxfer.base.words import arm_name, listing, weights_name
from medxfer.study.declared import read_rules

PROVISIONAL = ("one training", "incomplete")
COLOURS = 6  # classes arm0 … arm5 of the style sheet; more colormaps than that repeat them


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    text: Sequence[str] = ()
    key: Sequence[tuple[str, str, bool]] = ()  # (name, colour, dashed)
    charts: Sequence[Chart] = ()
    learned: Sequence[LearnedDrawing] = ()
    head: Sequence[str] = ()  # of a table
    rows: Sequence[Sequence[str]] = ()


def answers(verdict: Verdict) -> Panel | None:
    """The first screen's plot: every primary contrast's interval against the margin."""
    findings, declared = verdict.primary, verdict.declared
    rules = read_rules(declared["rq1"], declared["rq2"])
    shared = [f.question for f in findings if f.figures and f.figures.level > declared["level"] + 1e-9]
    simultaneous = f", those of {listing(list(dict.fromkeys(shared)))} simultaneous" if shared else ""
    caption = (
        f"Difference in {metric_name(declared['metric'])}, in {UNIT}; right is better. The band is the margin declared "
        f"beforehand, ±{margin_points(declared['margin'])}: what lies inside does not matter. Lines are "
        f"{percent(declared['level'])} intervals{simultaneous}. Colours are compared with "
        f"{weights_name(rules.weights)} weights, weights on {images_name(rules.colormap)}."
    )
    if any(finding.conclusion in PROVISIONAL for finding in findings):
        caption += " Hollow marks: one training, or not every cell finished."
    if any(finding.figures and finding.figures.trainings == 1 for finding in findings):
        caption += " With one training, a line is over patients alone."
    return _intervals([("", "", findings)], declared["margin"], caption)


def contrasts(verdict: Verdict) -> Panel | None:
    """The forest: every family beside the primary ones, on one axis."""
    families = [(family.title, family.note, family.findings) for family in verdict.tables]
    return _intervals(families, verdict.declared["margin"])


def trainings(study: StudyRecord) -> list[Panel]:
    """One panel for each block: every finished training of every arm, in the declared metric."""
    blocks = select(study)
    colours = colour_classes(cell.arm for cells in blocks.values() for cell in cells)
    panels = []
    for block, cells in blocks.items():
        arms = {arm: _in_points(cells, arm, study) for arm in dict.fromkeys(cell.arm for cell in cells)}
        arms = {arm: of for arm, of in arms.items() if of[0]}
        if arms:
            axis = Axis.around([end for values, *ends in arms.values() for end in (*values, *ends)])
            rows = [_dots(arm, *of, colours[arm]) for arm, of in arms.items()]
            panels.append(Panel([(block_name(block, blocks), "", rows)], axis))
    return panels


def colour_classes(arms: Iterable[Arm]) -> dict[Arm, str]:
    """A class of the style sheet for every arm: one for each colormap, gray for none."""
    arms = list(dict.fromkeys(arms))
    colormaps = ["none", *dict.fromkeys(colormap for colormap, _ in arms if colormap != "none")]
    place = {name: 1 + (i - 1) % (COLOURS - 1) if i else 0 for i, name in enumerate(colormaps)}
    return {arm: f"arm{place[arm[0]]}" for arm in arms}


def block_name(block: Block, blocks: Iterable[Block]) -> str:
    """The block's factors, without those that all blocks share (data always stays)."""
    others = list(blocks)
    texts = [str(block[0])]
    for place, unit in ((1, ""), (2, " window"), (3, " px")):
        if len({other[place] for other in others}) > 1:
            texts.append(f"{block[place]}{unit}")
    return " · ".join(texts)


def _in_points(cells: Sequence[CellRecord], arm: Arm, study: StudyRecord) -> tuple[list[float], float, float, float]:
    """(trainings, their mean, low, high); both ends are the mean where no interval can be made."""
    scores = [cell.score(f"test/{study.declared.metric}") for cell in cells if cell.arm == arm]
    values = [score for score in scores if not math.isnan(score)]
    mean = low = high = sum(values) / max(len(values), 1)
    try:
        found = arm_mean(cells, arm, study.declared)
        low, high = (found.low, min(found.high, 1.0)) if found else (low, high)
    except MedxferError:
        pass  # undefined on this test set; the findings say why
    return [100 * value for value in values], 100 * mean, 100 * low, 100 * high


def _dots(arm: Arm, values: list[float], mean: float, low: float, high: float, colour: str) -> Row:
    kind = "diamond" if isinstance(arm[1], str) else "solid" if arm[1] else "hollow"
    figures = f"{mean:.1f} ({low:.1f} to {high:.1f})" if low < high else f"{mean:.1f}"
    name = f"{arm[0]} · {weights_name(arm[1])}"
    return Row(name, figures.replace("-", "−"), kind, (mean, low, high), values, colour)


def _intervals(
    families: Sequence[tuple[str, str, Sequence[Finding]]], margin: float, caption: str = ""
) -> Panel | None:
    known = [finding.figures for _, _, findings in families for finding in findings if finding.figures]
    if not known:
        return None
    axis = Axis.around([100 * end for f in known for end in (f.low, f.high)] + [-100 * margin, 100 * margin])
    groups = [(title, note, list(map(_row, findings))) for title, note, findings in families]
    return Panel(groups, axis, 100 * margin, caption)


def _row(finding: Finding) -> Row:
    """Named without what its family's title says."""
    name, dot, part = finding.contrast.partition(" · ")
    label = name.partition(", ")[0] + dot + part
    if finding.family in ("other colormaps", "own weights"):
        label = finding.contrast
    f = finding.figures
    if f is None:
        return Row(label, finding.conclusion)
    kind = "hollow" if finding.conclusion in PROVISIONAL else "solid"
    figures = f"{points(f.estimate)} ({interval(f.low, f.high)})"
    return Row(label, figures, kind, (100 * f.estimate, 100 * f.low, 100 * f.high))


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
    key = [("pretrained", "arm3", False), ("random", "arm2", True)]
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
    key = [(arm_name(arm), colours[arm], arm[1] is not True) for arm in arms]
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
