"""What stands beside the primary contrasts: exploratory families, parts of the grid, data sets in general."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from medxfer.analysis.judge.contrasts import CONTROL, PRIMARY, Contrast, Question
from medxfer.analysis.judge.findings import Blocks, Finding, Judge
from medxfer.analysis.judge.phrases import interval, p_value, points
from medxfer.analysis.judge.selection import Block

ENOUGH_DATA_SETS = 6  # the fewest with which a test over data sets can reject at 5 % by ranks (Demšar 2006)


@dataclass(frozen=True)
class Table:
    """Findings that qualify the answers; p values are adjusted within the table, intervals simultaneous in it."""

    title: str
    note: str
    findings: tuple[Finding, ...]


def exploratory(judge: Judge) -> Iterator[Table]:
    """The families beside the primary ones, over all blocks; each table adjusted in itself."""
    for question, family, title, note in _FAMILIES:
        if findings := judge.family(question, family):
            yield Table(title, note, tuple(findings))


_FAMILIES: tuple[tuple[Question, str, str, str], ...] = (
    (
        "RQ1",
        CONTROL,
        "RQ1, controls",
        "Controls explain an effect: order destroyed, luminance alone, one channel.",
    ),
    ("RQ1", "random weights", "RQ1, starting from random weights", ""),
    ("RQ1", "pretrained weights", "RQ1, starting from pretrained weights", ""),
    ("RQ1", "averaged", "RQ1, averaged over both starts", ""),
    ("RQ1", "interaction", "Does colour help pretrained weights more than random ones?", ""),
    ("RQ2", "other colormaps", "RQ2, in the other colormaps", ""),
    ("RQ2", "averaged", "RQ2, averaged over colormaps", ""),
    ("RQ2", "own weights", "Other weights than ImageNet's", ""),
)


def breakdown(judge: Judge) -> Iterator[Table]:
    """The primary contrasts in each part of the blocks, for every way to split them that has several parts."""
    modality = {cell.factors["data"]: cell.record["data"]["modality"] for cell in judge.study.done}
    kinds: Sequence[tuple[str, Callable[[Block], str]]] = (
        ("modality", lambda block: modality.get(block[0], "unknown modality")),
        (
            "data set",
            lambda block: f"{block[0]} ({modality[block[0]]})" if block[0] in modality else block[0],
        ),
        ("backbone", lambda block: str(block[1])),
        ("window", lambda block: str(block[2])),
        ("image size", lambda block: f"{block[3]} px"),
    )
    seen: set[frozenset[frozenset[Block]]] = set()
    for kind, name in kinds:
        parts = _split(judge.blocks, name)
        same = frozenset(frozenset(blocks) for blocks in parts.values())
        if len(parts) > 1 and same not in seen:  # one data set a modality: the two splits are one
            seen.add(same)
            yield _part(kind, parts, judge)


def _split(blocks: Blocks, name: Callable[[Block], str]) -> dict[str, Blocks]:
    parts: dict[str, dict[Block, Sequence]] = {}
    for block, cells in blocks.items():
        parts.setdefault(name(block), {})[block] = cells
    return dict(parts)


def _part(kind: str, parts: dict[str, Blocks], judge: Judge) -> Table:
    primary = [contrast for contrast in judge.contrasts if contrast.family == PRIMARY]
    asked = [
        (replace(contrast, family=f"by {kind}", name=f"{contrast.name} · {name}"), blocks)
        for contrast in primary
        for name, blocks in parts.items()
        if _has(contrast, blocks)
    ]
    findings = judge.findings(asked)
    of = [[f for f in findings if f.contrast.startswith(f"{contrast.name} · ")] for contrast in primary]
    spread = [heterogeneity(group) for group in of] if kind in ("modality", "data set") else []
    return Table(f"By {kind}", " ".join(filter(None, spread)), tuple(findings))


def _has(contrast: Contrast, blocks: Blocks) -> bool:
    return any(set(contrast.weights) <= {cell.arm for cell in cells} for cells in blocks.values())


def heterogeneity(findings: Sequence[Finding]) -> str:
    """Cochran's Q and I² (Higgins 2002, Stat. Med. 21:1539) of one contrast's effects in several parts."""
    figures = [f.figures for f in findings if f.figures]
    if len(figures) < 2 or any(f.trainings == 1 for f in figures):
        return ""
    effects, weights = np.array([f.estimate for f in figures]), np.array([f.se**-2 for f in figures])
    q = float(np.sum(weights * (effects - np.average(effects, weights=weights)) ** 2))
    free = len(figures) - 1
    share = max(0.0, (q - free) / q) if q > 0 else 0.0
    name = findings[0].contrast.rpartition(" · ")[0].partition(", ")[0]
    p = p_value(float(stats.chi2.sf(q, free)))
    return f"{name}: {points(effects.min())} to {points(effects.max())} points (I² {100 * share:.0f} %, {p})."


def in_general(judge: Judge) -> list[str]:
    """Whether the primary contrasts may be said of data sets in general: a t test over data sets' effects.

    Only with six or more data sets; with fewer nothing is said, and the answers hold for those named.
    """
    parts = _split(judge.blocks, lambda block: str(block[0]))
    if len(parts) < ENOUGH_DATA_SETS:
        return []
    said = []
    for contrast in (c for c in judge.contrasts if c.family == PRIMARY):
        findings = judge.findings([(contrast, blocks) for blocks in parts.values() if _has(contrast, blocks)])
        effects = [f.figures.estimate for f in findings if f.figures]
        if len(effects) < ENOUGH_DATA_SETS or any(f.unfinished for f in findings):
            continue
        test = stats.ttest_1samp(effects, 0.0)
        ci = test.confidence_interval(judge.study.declared.level)
        agrees = test.pvalue < 1 - judge.study.declared.level
        said.append(
            f"{contrast.name}: over {len(effects)} data sets as a sample of such data sets, the effect is "
            f"{points(float(np.mean(effects)))} points ({interval(ci.low, ci.high)}, {p_value(float(test.pvalue))}): "
            + ("it may be said in general." if agrees else "it cannot be said in general.")
        )
    return said
