"""Intervals and trainings, a row each on a common axis: the answers, every training, exploratory contrasts."""

import math
from collections.abc import Sequence

from medxfer.analysis.judge.conclusion import PROVISIONAL
from medxfer.analysis.judge.contrasts import images_name
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.layer import score_on_test
from medxfer.analysis.judge.phrases import UNIT, interval, margin_points, metric_name, percent, points
from medxfer.analysis.judge.results import Arm, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Axis, Panel, Row
from medxfer.analysis.page.layout import block_name, colour_classes
from medxfer.base.words import NO_START, arm_name, listing, weights_name
from medxfer.study.declared import read_rules


def answers(verdict: Verdict) -> Panel | None:
    """The first screen's plot: every primary contrast's interval against the margin."""
    findings, declared = verdict.primary, verdict.declared
    shared = [f.question for f in findings if f.figures and f.figures.simultaneous]
    simultaneous = f", those of {listing(dict.fromkeys(shared))} simultaneous" if shared else ""
    margin, level = margin_points(declared["margin"]), percent(declared["level"])
    caption = (
        f"Difference in {metric_name(declared['metric'])}, in {UNIT}; right is better. Band: the margin "
        f"{'that was given' if declared['table'] else 'declared beforehand'}, ±{margin}. "
        f"Lines: {level} intervals{simultaneous}"
        f"{', which hold at all looks together' if declared['looks'] else ''}."
    )
    if not declared["arms"]:
        rules = read_rules(declared["rq1"], declared["rq2"])
        caption += f" Colours within {weights_name(rules.weights)} weights, weights on {images_name(rules.colormap)}."
    if any(finding.conclusion in PROVISIONAL for finding in findings):
        caption += " Hollow marks: one training, too few patients, no arm above chance, or not every cell finished."
    if any(finding.figures and finding.figures.trainings == 1 for finding in findings):
        caption += " With one training, a line is over patients alone."
    return intervals([("", "", findings)], declared["margin"], caption)


def trainings(study: StudyRecord, verdict: Verdict) -> list[Panel]:
    """One panel for each block: every finished training of every arm, in the declared metric."""
    blocks, metric = select(study), study.declared.metric
    colours = colour_classes(cell.arm for cells in blocks.values() for cell in cells)
    panels = []
    for block, cells in blocks.items():
        rows, ends, chances = [], [], []
        for one in (one for one in verdict.arms if one.block == block):
            scores = [score_on_test(cell, metric) for cell in cells if cell.arm == one.arm]
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


def _dots(arm: Arm, values: list[float], mean: float, low: float, high: float, colour: str) -> Row:
    kind = "solid" if arm[1] in (True, NO_START) else "diamond" if isinstance(arm[1], str) else "hollow"
    figures = f"{mean:.1f} ({low:.1f} to {high:.1f})" if low < high else f"{mean:.1f}"
    return Row(arm_name(arm, "·"), figures.replace("-", "−"), kind, (mean, low, high), values, colour)


def intervals(families: Sequence[tuple[str, str, Sequence[Finding]]], margin: float, caption: str = "") -> Panel | None:
    known = [finding.figures for _, _, findings in families for finding in findings if finding.figures]
    if not known:
        return None
    axis = Axis.around([100 * end for f in known for end in (f.low, f.high)] + [-100 * margin, 100 * margin])
    groups = [(title, note, [_row(finding, margin) for finding in findings]) for title, note, findings in families]
    return Panel(groups, axis, 100 * margin, caption)


def _row(finding: Finding, margin: float) -> Row:
    """Named without what its family's title says."""
    name, dot, part = finding.contrast.partition(" · ")
    label = name.partition(", ")[0] + dot + part
    if finding.family in ("other colormaps", "other weights") or finding.question not in ("RQ1", "RQ2"):
        label = finding.contrast
    f = finding.figures
    if f is None:
        return Row(label, finding.conclusion)
    kind = "hollow" if finding.conclusion in PROVISIONAL else "solid"
    figures = f"{points(f.estimate)} ({interval(f.low, f.high, margin)})"
    return Row(label, figures, kind, (100 * f.estimate, 100 * f.low, 100 * f.high))
