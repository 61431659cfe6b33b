"""A verdict and its study → what the page shows: answers, trainings, contrasts, curves, and how to read the answers."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.arms import Mean, Range
from medxfer.analysis.judge.conclusion import is_simultaneous
from medxfer.analysis.judge.contrasts import images_name
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.learning_curve import Curve, learning_curves
from medxfer.analysis.judge.phrases import UNIT, interval, margin_points, metric_name, percent, points
from medxfer.analysis.judge.provenance import flows
from medxfer.analysis.judge.readings import TITLES
from medxfer.analysis.judge.results import Arm, Block, CellRecord, StudyRecord, level_of
from medxfer.analysis.judge.scores import read_predictions
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Axis, Chart, LearnedDrawing, Line, Panel, Row, chart_axes
from medxfer.base.words import arm_name, listing, weights_name
from medxfer.study.declared import read_rules

PROVISIONAL = ("one training", "too few patients", "incomplete")
RARE = 0.2  # share of the rarer class below which a ROC curve alone misleads
COLOURS = 6  # classes arm0 … arm5 of the style sheet; more colormaps than that repeat them


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    text: Sequence[str] = ()
    key: Sequence[tuple[str, str, bool]] = ()  # (name, colour, dashed)
    charts: Sequence[Chart] = ()
    learned: Sequence[LearnedDrawing] = ()
    tables: Sequence[Table] = ()
    folded: bool = False  # shown on demand


@dataclass(frozen=True)
class Exploratory:
    """What does not answer the questions: shown folded, once."""

    forest: Panel | None
    sections: Sequence[Section]


def answers(verdict: Verdict) -> Panel | None:
    """The first screen's plot: every primary contrast's interval against the margin."""
    findings, declared = verdict.primary, verdict.declared
    rules = read_rules(declared["rq1"], declared["rq2"])
    shared = [f.question for f in findings if f.figures and is_simultaneous(f.figures, declared["level"])]
    simultaneous = f", those of {listing(list(dict.fromkeys(shared)))} simultaneous" if shared else ""
    margin, level = margin_points(declared["margin"]), percent(declared["level"])
    caption = (
        f"Difference in {metric_name(declared['metric'])}, in {UNIT}; right is better. Band: the margin declared "
        f"beforehand, ±{margin}. Lines: {level} intervals{simultaneous}. "
        f"Colours within {weights_name(rules.weights)} weights, weights on {images_name(rules.colormap)}."
    )
    if any(finding.conclusion in PROVISIONAL for finding in findings):
        caption += " Hollow marks: one training, too few patients, or not every cell finished."
    if any(finding.figures and finding.figures.trainings == 1 for finding in findings):
        caption += " With one training, a line is over patients alone."
    return _intervals([("", "", findings)], declared["margin"], caption)


def exploratory(study: StudyRecord, verdict: Verdict) -> Exploratory | None:
    """Other contrasts on one axis, the curve over labelled patients, and how to read the answers."""
    families = [(family.title, family.note, family.findings) for family in verdict.tables]
    readings = [Section(id, title, verdict.readings[id]) for id, title in TITLES.items() if id in verdict.readings]
    found = [*_learning(study, verdict), *readings]
    forest = _intervals(families, verdict.declared["margin"])
    return Exploratory(forest, found) if forest or found else None


def trainings(study: StudyRecord, verdict: Verdict) -> list[Panel]:
    """One panel for each block: every finished training of every arm, in the declared metric."""
    blocks, metric = select(study), study.declared.metric
    colours = colour_classes(cell.arm for cells in blocks.values() for cell in cells)
    panels = []
    for block, cells in blocks.items():
        rows, ends, chances = [], [], []
        for one in (one for one in verdict.arms if one.block == block):
            scores = [cell.score(f"test/{metric}") for cell in cells if cell.arm == one.arm]
            dots = [100 * score for score in scores if not math.isnan(score)]
            if dots:
                mean = sum(dots) / len(dots)
                of = one.metrics.get(metric)
                span = (100 * of.mean, 100 * of.low, 100 * of.high) if of else (mean, mean, mean)
                rows.append(_dots(one.arm, dots, *span, colours[one.arm]))
                ends += [*dots, *span]
                chances += [100 * one.chance] if one.chance is not None else []
        if rows:
            axis = Axis.around(ends)
            panels.append(Panel([(block_name(block, blocks), "", rows)], axis, chance=chances[0] if chances else None))
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
    varied = [place for place in range(1, len(block)) if len({other[place] for other in others}) > 1]
    return " · ".join([str(block[0]), *(level_of(block, place) for place in varied)])


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
    if finding.family in ("other colormaps", "other weights") or finding.question not in ("RQ1", "RQ2"):
        label = finding.contrast
    f = finding.figures
    if f is None:
        return Row(label, finding.conclusion)
    kind = "hollow" if finding.conclusion in PROVISIONAL else "solid"
    figures = f"{points(f.estimate)} ({interval(f.low, f.high)})"
    return Row(label, figures, kind, (100 * f.estimate, 100 * f.low, 100 * f.high))


def sections(study: StudyRecord, verdict: Verdict) -> list[Section]:
    """Those that the study has content for, in the page's order: first what is not folded."""
    found = [*_arms(verdict), *_operating(study, verdict), *_data(study)]
    return sorted(found, key=lambda section: section.folded)


def _arms(verdict: Verdict) -> Iterator[Section]:
    """Metrics with their intervals, and decisions at validation's threshold: a table for each block."""
    blocks = list(dict.fromkeys(one.block for one in verdict.arms))
    several = len(blocks) > 1
    metrics = list(dict.fromkeys(metric for one in verdict.arms for metric in one.metrics))
    scored, decided = [], []
    for block in blocks:
        arms = [one for one in verdict.arms if one.block == block]
        title = block_name(block, blocks) if several else ""
        rows = [[arm_name(one.arm), str(one.trainings), *(_mean(one.metrics.get(m)) for m in metrics)] for one in arms]
        scored.append(Table(["Arm", "trainings", *map(metric_name, metrics)], rows, title))
        if any(one.decisions for one in arms):
            shown = ("sensitivity", "specificity", "PPV", "NPV", "TP", "FP", "FN", "TN")
            rows = [
                [arm_name(one.arm), *(_range(one.decisions.get(n), 1 if len(n) == 2 else 100) for n in shown)]
                for one in arms
            ]
            decided.append(Table(["Arm", *shown], rows, title))
    if scored:
        text = f"Test means in points with {percent(verdict.declared['level'])} intervals, not adjusted."
        yield Section("arms", "Every metric", [text], tables=scored, folded=True)
    if decided:
        text = "At the threshold chosen on validation; means over trainings and their range, in percent and images."
        yield Section("decisions", "Decisions: sensitivity, specificity, counts", [text], tables=decided, folded=True)


def _mean(found: Mean | None) -> str:
    if found is None:
        return ""
    ends = [f"{100 * value:.1f}".replace("-", "−") for value in (found.mean, found.low, found.high)]
    return f"{ends[0]} ({ends[1]} to {ends[2]})" if found.low < found.high else ends[0]


def _range(found: Range | None, scale: float) -> str:
    if found is None:
        return ""
    low, high = f"{scale * found.lowest:.0f}", f"{scale * found.highest:.0f}"
    return f"{scale * found.mean:.0f}" + (f" ({low}–{high})" if low != high else "")


def _data(study: StudyRecord) -> Iterator[Section]:
    """What was classified, and the way of images and patients into the parts."""
    text, tables = [], []
    found = flows(study)
    for flow in found:
        if flow.positive:
            share = f", {percent(flow.prevalence)} of the test images" if flow.prevalence is not None else ""
            what = f"{flow.positive} (positive{share}) against {flow.classes[0]}"
        else:
            what = listing(flow.classes)
        text.append(f"{flow.data}, {flow.modality}: {what}.")
        names = [f"{name}" for name in flow.classes]
        rows = [["received", f"{flow.received:,}", "", *[""] * len(names)]]
        rows += [[f"refused: {reason}", f"{n:,}", "", *[""] * len(names)] for reason, n in flow.refused.items()]
        for name, part in flow.parts.items():
            classes = [
                f"{images:,} / {patients:,}"
                for images, patients in zip(part.images_by_class, part.patients_by_class, strict=True)
            ]
            patients = f"{part.patients:,}" if flow.has_ids else "no ids"
            rows.append([name, f"{part.images:,}", patients, *(classes or [""] * len(names))])
        tables.append(Table(["Part", "images", "patients", *names], rows, flow.data if len(found) > 1 else ""))
    if tables:
        yield Section(
            "data", "Images and patients", [*text, "By class: images / patients."], tables=tables, folded=True
        )


def _learning(study: StudyRecord, verdict: Verdict) -> Iterator[Section]:
    curves, metric = learning_curves(study), metric_name(study.declared.metric)
    if not curves:
        return
    text = [verdict.worth.sentence] if verdict.worth else []
    text.append(
        f"{metric[0].upper()}{metric[1:]} on gray images against the labelled patients trained with; bands are "
        f"{percent(study.declared.level)} intervals over trainings and patients, the dotted line is chance."
    )
    blocks = list(dict.fromkeys(curve.block for curve in curves))
    chances = {one.block: one.chance for one in verdict.arms}
    charts = [
        _learning_chart(block_name(block, blocks), [c for c in curves if c.block == block], study, chances.get(block))
        for block in blocks
    ]
    rules = study.declared.rules
    key = [(weights_name(rules.treated), "arm3", False), (weights_name(rules.reference), "arm2", True)]
    usual = (rules.treated, rules.reference) == (True, False)
    yield Section(
        "learning", f"How {'much is pretraining' if usual else 'many patients is the start'} worth?", text, key, charts
    )


def _learning_chart(title: str, curves: Sequence[Curve], study: StudyRecord, chance: float | None) -> Chart:
    rules, metric = study.declared.rules, metric_name(study.declared.metric)
    points = [point for curve in curves for point in curve.points]
    patients = sorted({point.patients for point in points})
    y = Axis.around([100 * end for point in points for end in (point.low, min(point.high, 1))])
    lines = [
        Line(
            x=[float(np.log(point.patients)) for point in curve.points],
            y=[100 * point.mean for point in curve.points],
            colour="arm3" if curve.start == rules.treated else "arm2",
            dashed=curve.start != rules.treated,
            band=[(100 * point.low, 100 * min(point.high, 1)) for point in curve.points],
            marks=True,
        )
        for curve in curves
    ]
    ends = float(np.log(patients[0])) - 0.1, float(np.log(patients[-1])) + 0.1
    labels = "labelled patients for training", f"{metric}, points"
    about = (
        f"{metric} against labelled patients, {weights_name(rules.treated)} and {weights_name(rules.reference)} weights"
    )
    ticks = [(float(np.log(n)), f"{n:,}") for n in patients]
    level = None if chance is None else 100 * chance
    return Chart(title, lines, *chart_axes(ends, (y.low, y.high)), labels, about, ticks, level=level)


def _operating(study: StudyRecord, verdict: Verdict) -> Iterator[Section]:
    """ROC and calibration, a chart for each data set: blocks that differ in backbone, window or size are pooled."""
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
            runs = [read_predictions(cell.folder) for cell in cells if cell.arm == arm]
            if not runs:
                continue
            style = (colours[arm], arm[1] is not True)
            sensitivity = operating.roc(runs)
            if np.isfinite(sensitivity).all():
                roc_lines.append(Line([0.0, *operating.GRID], [0.0, *sensitivity], *style))
            if rare:
                recall_lines.append(Line(list(operating.GRID[1:]), list(operating.precision_recall(runs)), *style))
            said, seen = operating.calibration(runs)
            calibration_lines.append(Line(list(said), list(seen), *style))
        roc.append(_share_chart(name, roc_lines, "false positive rate", "sensitivity", "ROC curves"))
        if rare:
            recall.append(_share_chart(name, recall_lines, "sensitivity", "precision", "Precision", share))
        calibration.append(_share_chart(name, calibration_lines, "score", "share of positives", "Calibration"))
    key = [(arm_name(arm), colours[arm], arm[1] is not True) for arm in arms]
    several = any(run.record["task"] != "binary" for cells in by_data.values() for run in cells)
    averaged = "Averaged over trainings" + (" and classes" if several else "")
    yield Section("roc", "ROC", [f"{averaged}; the diagonal is chance."], key, roc)
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
        rows = [[arm_name(one.arm), *(_line(one.calibration[name]) for name in ("slope", "intercept"))] for one in arms]
        if rows:
            yield Table(["Arm", "slope", "intercept"], rows, block_name(block, blocks) if len(blocks) > 1 else "")


def _line(found: Range) -> str:
    text = f"{found.mean:.2f} ({found.lowest:.2f} to {found.highest:.2f})"
    return (text if found.lowest < found.highest else f"{found.mean:.2f}").replace("-", "−")


def _share_chart(data: str, lines: Sequence[Line], x: str, y: str, what: str, level: float | None = None) -> Chart:
    """A chart of shares against shares, with the diagonal, or with a line at `level` in its place."""
    axes = chart_axes((0, 1), (0, 1))
    return Chart(data, lines, *axes, (x, y), f"{what} of every arm on {data}", diagonal=level is None, level=level)
