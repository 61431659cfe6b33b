"""The page's later sections: learning curves, ROC, calibration, and how to read the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.contrasts import Arm
from medxfer.analysis.judge.learning_curve import Curve, learning_curves
from medxfer.analysis.judge.phrases import interval, metric_name, points
from medxfer.analysis.judge.results import Cell, StudyRecord
from medxfer.analysis.judge.scores import Predictions, read_predictions
from medxfer.analysis.judge.second_opinion import BOOTSTRAP, MIXED_MODEL, Opinion
from medxfer.analysis.judge.selection import at_fraction, full_fraction
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.charts import Line, across, chart, key_line, up
from medxfer.analysis.page.panels import block_name, colour_classes
from medxfer.analysis.page.svg import Axis
from medxfer.base.words import arm_name


@dataclass(frozen=True)
class Key:
    name: str
    drawing: Markup


@dataclass(frozen=True)
class Chart:
    title: str
    drawing: Markup


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    text: Sequence[str] = ()
    key: Sequence[Key] = ()
    charts: Sequence[Chart] = ()
    table: Table | None = None


READINGS = (
    ("general", "Beyond these data sets"),
    ("controls", "What the controls say"),
    ("normalisation", "Colour or a shifted mean?"),
    ("budget", "Fixed budget and to convergence"),
    ("tuned", "Tuned on validation"),
)


def sections(study: StudyRecord, verdict: Verdict) -> list[Section]:
    """Those that the study has something for, in the page's order."""
    curves = [section for section in (_learning(study, verdict), *_operating(study)) if section]
    readings = [Section(id, title, verdict.readings[id]) for id, title in READINGS if id in verdict.readings]
    return [*curves, *readings, *_second_opinions(verdict)]


def _learning(study: StudyRecord, verdict: Verdict) -> Section | None:
    curves = learning_curves(study)
    if not curves:
        return None
    text = [verdict.worth.sentence] if verdict.worth else []
    text.append(
        f"{metric_name(study.declared.metric).capitalize()} on gray images against the labelled patients trained with; "
        "bands are intervals over trainings and patients."
    )
    blocks = list(dict.fromkeys(curve.block for curve in curves))
    charts = [
        Chart(block_name(block, blocks), _learning_chart([c for c in curves if c.block == block], study))
        for block in blocks
    ]
    key = [Key("pretrained", key_line("arm3", False)), Key("random", key_line("arm2", True))]
    return Section("learning", "How much is pretraining worth?", text, key, charts)


def _learning_chart(curves: Sequence[Curve], study: StudyRecord) -> Markup:
    points = [point for curve in curves for point in curve.points]
    patients = sorted({point.patients for point in points})
    y = Axis.around([100 * end for point in points for end in (point.low, min(point.high, 1))])
    x = across(float(np.log(patients[0])) - 0.1, float(np.log(patients[-1])) + 0.1)
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
    ticks = [(float(np.log(n)), f"{n:,}") for n in patients]
    metric = metric_name(study.declared.metric)
    return chart(
        lines, x, up(y.low, y.high), ("labelled patients for training", f"{metric}, points"),
        f"{metric} against labelled patients, pretrained and random weights", x_ticks=ticks,
    )  # fmt: skip


def _operating(study: StudyRecord) -> Iterator[Section]:
    """ROC and calibration, a chart a data set: blocks that differ in backbone, window or size are pooled."""
    by_data: dict[str, list[Cell]] = {}
    for block, cells in at_fraction(study, full_fraction(study)).items():
        by_data.setdefault(str(block[0]), []).extend(cell for cell in cells if cell.status == "done")
    arms = list(dict.fromkeys(cell.arm for cells in by_data.values() for cell in cells))
    if not arms:
        return
    colours = colour_classes(arms)
    key = [Key(arm_name(arm), key_line(colours[arm], arm[1] is not True)) for arm in arms]
    runs = {name: _runs(cells, arms) for name, cells in by_data.items()}
    about_roc = "Averaged over an arm's trainings, and over classes where there are more than two."
    charts = [Chart(name, _roc_chart(of, colours, name)) for name, of in runs.items()]
    yield Section("roc", "ROC", [about_roc], key, charts)
    about_calibration = (
        "How often a class was there against the score it was given, in tenths of the images; the diagonal is perfect. "
        "All trainings of an arm are pooled."
    )
    charts = [Chart(name, _calibration_chart(of, colours, name)) for name, of in runs.items()]
    yield Section("calibration", "Calibration", [about_calibration], key, charts, _calibration_errors(runs, arms))


def _runs(cells: Sequence[Cell], arms: Sequence[Arm]) -> dict[Arm, list[Predictions]]:
    runs = {arm: [read_predictions(cell.folder) for cell in cells if cell.arm == arm] for arm in arms}
    return {arm: trainings for arm, trainings in runs.items() if trainings}


def _roc_chart(runs: dict[Arm, list[Predictions]], colours: dict[Arm, str], name: str) -> Markup:
    lines = [
        Line([0.0, *operating.GRID], [0.0, *operating.roc(trainings)], colours[arm], dashed=arm[1] is not True)
        for arm, trainings in runs.items()
    ]
    lines = [line for line in lines if np.isfinite(line.y).all()]
    labels = ("false positive rate", "sensitivity")
    return chart(lines, across(0, 1), up(0, 1), labels, f"ROC curves of every arm on {name}", diagonal=True)


def _calibration_chart(runs: dict[Arm, list[Predictions]], colours: dict[Arm, str], name: str) -> Markup:
    lines = []
    for arm, trainings in runs.items():
        said, seen, _ = operating.calibration(trainings)
        lines.append(Line(list(said), list(seen), colours[arm], dashed=arm[1] is not True))
    labels = ("score", "share of positives")
    return chart(lines, across(0, 1), up(0, 1), labels, f"Calibration of every arm on {name}", diagonal=True)


def _calibration_errors(by_data: dict[str, dict[Arm, list[Predictions]]], arms: Sequence[Arm]) -> Table:
    rows = []
    for arm in arms:
        errors = [operating.calibration(runs[arm])[2] if arm in runs else None for runs in by_data.values()]
        rows.append([arm_name(arm), *("" if error is None else f"{error:.3f}" for error in errors)])
    return Table(["Expected calibration error", *by_data], rows)


def _second_opinions(verdict: Verdict) -> Iterator[Section]:
    if not verdict.opinions:
        return
    found = {finding.contrast: finding.figures for answer in verdict.answers for finding in answer.findings}
    by_method = {(opinion.contrast, opinion.method): opinion for opinion in verdict.opinions}
    rows = []
    for contrast in dict.fromkeys(opinion.contrast for opinion in verdict.opinions):
        f, boot = found[contrast], by_method[contrast, BOOTSTRAP]
        assert f is not None
        row = [contrast, f"{points(f.estimate)} ({interval(f.low, f.high)})", _opinion(boot)]
        model = by_method.get((contrast, MIXED_MODEL))
        row.append(_opinion(model) if model else "could not be fitted")
        wins = "" if f.wins is None or boot.wins is None else f"{f.wins:.2f} ({boot.wins[0]:.2f} to {boot.wins[1]:.2f})"
        rows.append((*row, wins))
    text = [
        "The bootstrap draws trainings and patients again, 2,000 times. The mixed model (arms and blocks fixed, seeds "
        "random) sees trainings alone and speaks of these test patients. The last column is the chance that a new "
        "training of the first arm beats a new one of the second: a description, not a test."
    ]
    text += [opinion.sentence for opinion in verdict.opinions if not opinion.agrees]
    head = ("Contrast", "Verdict's method", "Crossed bootstrap", "Mixed model", "One beats the other")
    yield Section("opinions", "Second opinions", text, table=Table(head, rows))


def _opinion(opinion: Opinion) -> str:
    return f"{points(opinion.estimate)} ({interval(opinion.low, opinion.high)})"
