"""A verdict and its study → the rows that the page draws: intervals against the margin, and every training."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from medxfer.analysis.judge.contrasts import Arm, images_name
from medxfer.analysis.judge.evidence import arm_mean
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.phrases import interval, margin_points, metric_name, percent, points
from medxfer.analysis.judge.results import Cell, StudyRecord
from medxfer.analysis.judge.selection import Block, at_fraction, full_fraction
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.rows import axis_row, dot_row, interval_row
from medxfer.analysis.page.svg import Axis
from medxfer.base.errors import MedxferError
from medxfer.base.words import listing, weights_name
from medxfer.study.declared import read_rules

PROVISIONAL = ("one training", "incomplete")
COLOURS = 6  # classes arm0 … arm5 of the style sheet; more colormaps than that repeat them


@dataclass(frozen=True)
class Row:
    name: str
    drawing: Markup
    figures: str
    colour: str = ""


@dataclass(frozen=True)
class Group:
    title: str
    rows: Sequence[Row]
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """Groups of rows on one axis."""

    groups: Sequence[Group]
    axis: Markup
    caption: str = ""


def answers(verdict: Verdict) -> Panel | None:
    """The first screen's plot: every primary contrast's interval against the margin."""
    findings = [finding for answer in verdict.answers for finding in answer.findings]
    level, metric = verdict.declared["level"], metric_name(verdict.declared["metric"])
    rules = read_rules(verdict.declared["rq1"], verdict.declared["rq2"])
    shared = [f.question for f in findings if f.figures and f.figures.level > level + 1e-9]
    simultaneous = f", those of {listing(list(dict.fromkeys(shared)))} simultaneous" if shared else ""
    caption = (
        f"Difference in {metric}, in points (hundredths); right is better. The band is the margin declared "
        f"beforehand, ±{margin_points(verdict.declared['margin'])}: what lies inside does not matter. Lines are "
        f"{percent(level)} intervals{simultaneous}. Colours are compared with {weights_name(rules.weights)} "
        f"weights, weights on {images_name(rules.colormap)}.{_provisional(findings)}"
    )
    return _intervals([("", findings, "")], verdict.declared["margin"], caption)


def contrasts(verdict: Verdict) -> Panel | None:
    """The forest: every table of the verdict, on one axis."""
    primary = [finding for answer in verdict.answers for finding in answer.findings]
    tables = [(table.title, [*table.findings], table.note) for table in verdict.tables]
    tables = [("RQ1 and RQ2", primary, ""), *tables] if tables else []
    return _intervals(tables, verdict.declared["margin"], "")


def trainings(study: StudyRecord) -> list[Panel]:
    """One panel a block: every finished training of every arm, in the declared metric."""
    blocks = at_fraction(study, full_fraction(study))
    colours = colour_classes(cell.arm for cells in blocks.values() for cell in cells)
    panels = []
    for block, cells in blocks.items():
        arms = _by_arm(cells, f"test/{study.declared.metric}")
        if arms:
            spread = {arm: _mean(cells, arm, values, study) for arm, values in arms.items()}
            axis = Axis.around(
                [100 * end for of in spread.values() for end in of] + [100 * v for a in arms.values() for v in a]
            )
            rows = [_dots(arm, values, spread[arm], axis, colours[arm]) for arm, values in arms.items()]
            panels.append(Panel([Group(block_name(block, blocks), rows)], axis_row(axis)))
    return panels


def colour_classes(arms: Iterable[Arm]) -> dict[Arm, str]:
    """A class of the style sheet for every arm: one a colormap, gray for none."""
    arms = list(dict.fromkeys(arms))
    colormaps = ["none", *dict.fromkeys(colormap for colormap, _ in arms if colormap != "none")]
    place = {name: 1 + (i - 1) % (COLOURS - 1) if i else 0 for i, name in enumerate(colormaps)}
    return {arm: f"arm{place[arm[0]]}" for arm in arms}


def mark(arm: Arm) -> str:
    """The mark that tells initial weights apart without colour."""
    if isinstance(arm[1], str):
        return "diamond"
    return "solid" if arm[1] else "hollow"


def block_name(block: Block, blocks: Iterable[Block]) -> str:
    """The block's factors, without those that all blocks share (data always stays)."""
    others = list(blocks)
    texts = [str(block[0])]
    for place, unit in ((1, ""), (2, " window"), (3, " px")):
        if len({other[place] for other in others}) > 1:
            texts.append(f"{block[place]}{unit}")
    return " · ".join(texts)


def _mean(cells: Sequence[Cell], arm: Arm, values: Sequence[float], study: StudyRecord) -> tuple[float, float, float]:
    """(mean, low, high); both ends are the mean where no interval can be made."""
    declared = study.declared
    try:
        found = arm_mean(cells, arm, declared.metric, declared.level, declared.threshold)
    except MedxferError:
        found = None
    mean = sum(values) / len(values)
    return (mean, found[1], min(found[2], 1.0)) if found else (mean, mean, mean)


def _dots(arm: Arm, values: Sequence[float], spread: tuple[float, float, float], axis: Axis, colour: str) -> Row:
    mean, low, high = (100 * value for value in spread)
    drawing = dot_row([100 * value for value in values], axis, mark(arm), mean, (low, high))
    figures = f"{mean:.1f} ({low:.1f} to {high:.1f})".replace("-", "−") if low < high else f"{mean:.1f}"
    return Row(f"{arm[0]} · {weights_name(arm[1])}", drawing, figures, colour)


def _by_arm(cells: Sequence[Cell], key: str) -> dict[Arm, list[float]]:
    arms: dict[Arm, list[float]] = {}
    for cell in cells:
        if not math.isnan(score := cell.score(key)):
            arms.setdefault(cell.arm, []).append(score)
    return arms


def _intervals(tables: Sequence[tuple[str, Sequence[Finding], str]], margin: float, caption: str) -> Panel | None:
    known = [finding.figures for _, findings, _ in tables for finding in findings if finding.figures]
    if not known:
        return None
    axis = Axis.around([100 * end for f in known for end in (f.low, f.high)] + [-100 * margin, 100 * margin])
    groups = [Group(title, [_row(f, axis, margin) for f in findings], note) for title, findings, note in tables]
    return Panel(groups, axis_row(axis, signed=True, band=100 * margin), caption)


def _provisional(findings: Sequence[Finding]) -> str:
    parts = []
    if any(finding.conclusion in PROVISIONAL for finding in findings):
        parts.append(" Hollow marks: one training, or not every cell finished.")
    if any(finding.figures and finding.figures.trainings == 1 for finding in findings):
        parts.append(" With one training, a line is over patients alone.")
    return "".join(parts)


def _row(finding: Finding, axis: Axis, margin: float) -> Row:
    f = finding.figures
    if f is None:
        return Row(_label(finding), Markup(), finding.conclusion)
    kind = "hollow" if finding.conclusion in PROVISIONAL else "solid"
    drawing = interval_row(100 * f.estimate, 100 * f.low, 100 * f.high, axis, 100 * margin, kind)
    return Row(_label(finding), drawing, f"{points(f.estimate)} ({interval(f.low, f.high)})")


def _label(finding: Finding) -> str:
    """The contrast's name without what its table's title says."""
    if finding.family in ("other colormaps", "own weights"):
        return finding.contrast
    name, dot, part = finding.contrast.partition(" · ")
    return name.partition(", ")[0] + dot + part
