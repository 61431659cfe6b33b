"""A verdict and its study → the rows that the page draws: intervals against the margin, and every training."""

import math
from collections.abc import Iterable, Sequence

from medxfer.analysis.judge.contrasts import images_name
from medxfer.analysis.judge.evidence import arm_mean
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.phrases import UNIT, interval, margin_points, metric_name, percent, points
from medxfer.analysis.judge.results import Arm, Block, CellRecord, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import Axis, Panel, Row, RowGroup
from medxfer.base.errors import MedxferError
from medxfer.base.words import listing, weights_name
from medxfer.study.declared import read_rules

PROVISIONAL = ("one training", "incomplete")
COLOURS = 6  # classes arm0 … arm5 of the style sheet; more colormaps than that repeat them


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
    return _intervals([("", findings, "")], declared["margin"], caption)


def contrasts(verdict: Verdict) -> Panel | None:
    """The forest: every family beside the primary ones, on one axis."""
    families = [(family.title, family.findings, family.note) for family in verdict.tables]
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
            panels.append(Panel([RowGroup(block_name(block, blocks), rows)], axis))
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
    families: Sequence[tuple[str, Sequence[Finding], str]], margin: float, caption: str = ""
) -> Panel | None:
    known = [finding.figures for _, findings, _ in families for finding in findings if finding.figures]
    if not known:
        return None
    axis = Axis.around([100 * end for f in known for end in (f.low, f.high)] + [-100 * margin, 100 * margin])
    groups = [RowGroup(title, list(map(_row, findings)), note) for title, findings, note in families]
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
