"""The curve over labelled patients, where `train_fraction` was swept."""

from collections.abc import Iterator, Sequence

import numpy as np

from medxfer.analysis.judge.learning_curve import Curve, learning_curves
from medxfer.analysis.judge.phrases import metric_name, percent
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Axis, Chart, Line, chart_axes
from medxfer.analysis.page.layout import Section, block_name
from medxfer.base.words import weights_name


def learning_sections(study: StudyRecord, verdict: Verdict) -> Iterator[Section]:
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
        _chart(block_name(block, blocks), [c for c in curves if c.block == block], study, chances.get(block))
        for block in blocks
    ]
    rules = study.declared.rules
    key = [(weights_name(rules.treated), "arm3", False), (weights_name(rules.reference), "arm2", True)]
    usual = (rules.treated, rules.reference) == (True, False)
    yield Section(
        "learning", f"How {'much is pretraining' if usual else 'many patients is the start'} worth?", text, key, charts
    )


def _chart(title: str, curves: Sequence[Curve], study: StudyRecord, chance: float | None) -> Chart:
    rules, metric = study.declared.rules, metric_name(study.declared.metric)
    points = [point for curve in curves for point in curve.points]
    patients = sorted({point.patients for point in points})
    y = Axis.around([100 * end for point in points for end in (point.low, point.high)])
    lines = [
        Line(
            x=[float(np.log(point.patients)) for point in curve.points],
            y=[100 * point.mean for point in curve.points],
            colour="arm3" if curve.start == rules.treated else "arm2",
            dashed=curve.start != rules.treated,
            band=[(100 * point.low, 100 * point.high) for point in curve.points],
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
