"""What stands beside the primary contrasts: exploratory families, and the primary contrasts in parts of the grid."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from medxfer.analysis.judge.contrasts import CONTROL, PRIMARY, Contrast, Question
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.level import heterogeneity_note
from medxfer.analysis.judge.phrases import interval, p_value, points
from medxfer.analysis.judge.reached import Blocks
from medxfer.analysis.judge.results import BLOCK, Block, level_of
from medxfer.analysis.stats.critical import ONE, half_width
from medxfer.analysis.stats.decisions import heterogeneity
from medxfer.analysis.stats.effects import Effect
from medxfer.analysis.stats.variance import Term
from medxfer.base.words import site_noun, weights_name
from medxfer.study.declared import Rules

GENERAL = 4  # sites from which on something may be said of sites in general


@dataclass(frozen=True)
class ContrastFamily:
    """Findings that qualify the answers; p values are adjusted within the family, intervals simultaneous in it."""

    title: str
    note: str
    findings: tuple[Finding, ...]


def exploratory(judge: Judge) -> Iterator[ContrastFamily]:
    """The families beside the primary ones, over all blocks; each adjusted in itself."""
    for question, family, title, note in _families(judge.study.declared.rules):
        if findings := judge.family(question, family):
            yield ContrastFamily(title, note, tuple(findings))


def _families(rules: Rules) -> Iterator[tuple[Question, str, str, str]]:
    """(question, family, title, note), in the order in which they are shown."""
    treated, reference = weights_name(rules.treated), weights_name(rules.reference)
    yield "RQ1", CONTROL, "RQ1, controls", "Controls explain an effect: order destroyed, luminance alone, one channel."
    for start in (reference, treated):
        yield "RQ1", f"{start} weights", f"RQ1, starting from {start} weights", ""
    yield "RQ1", "averaged", "RQ1, averaged over both starts", ""
    yield "RQ1", "interaction", f"Does colour help {treated} weights more than {reference} ones?", ""
    yield "RQ2", "other colormaps", "RQ2, in the other colormaps", ""
    yield "RQ2", "averaged", "RQ2, averaged over colormaps", ""
    yield "RQ2", "other weights", "Weights that RQ2 does not ask about", ""


def breakdown(judge: Judge) -> Iterator[ContrastFamily]:
    """The primary contrasts in each part of the blocks, for every way to split them that has several parts."""
    modality = judge.study.modality
    kinds: Sequence[tuple[str, Callable[[Block], str]]] = (
        ("modality", lambda block: modality.get(block[0], "unknown modality")),
        ("data set", lambda block: f"{block[0]} ({modality[block[0]]})" if block[0] in modality else block[0]),
        ("backbone", lambda block: str(block[1])),
        ("window", lambda block: str(block[2])),
        ("image size", lambda block: f"{block[3]} px"),
        *((key, partial(level_of, place=len(BLOCK) + n)) for n, key in enumerate(judge.study.declared.settings)),
    )
    seen: set[frozenset[frozenset[Block]]] = set()
    for kind, name in kinds:
        parts = split(judge.blocks, name)
        same = frozenset(frozenset(blocks) for blocks in parts.values())
        if len(parts) > 1 and same not in seen:  # one data set for each modality: the two splits are one
            seen.add(same)
            yield _part(kind, parts, judge)


def by_site(judge: Judge) -> Iterator[ContrastFamily]:
    """The primary contrasts at each site that is a fold, by the networks that saw none of it; a family a data set."""
    for blocks in split(judge.blocks, lambda block: str(block[0])).values():
        divided = [t for of in blocks.values() for t in of if t.status == "done" and "sites" in t.record["data"]]
        if not divided:
            continue
        data = divided[0].record["data"]
        parts = {str(site): _at_site(blocks, k) for k, site in enumerate(data["sites"])}
        found = _part(site_noun(str(data["groups"])), parts, judge)
        yield replace(found, note=" ".join(filter(None, [in_general(judge, parts), found.note])))


def _at_site(blocks: Blocks, site: int) -> Blocks:
    """The networks that test one site, each as a training of its own."""
    return {
        block: [
            replace(training.folds[site], factors=training.factors) for training in of if len(training.folds) > site
        ]
        for block, of in blocks.items()
    }


def in_general(judge: Judge, parts: Mapping[str, Blocks]) -> str:
    """What may be said of sites in general: with fewer than GENERAL sites nothing, else the wider of two intervals."""
    sites, alpha, said = len(parts), 1 - judge.study.declared.level, []
    if sites < GENERAL:
        return (
            f"The answer is the mean over these {sites} sites, which weigh the same: {sites} sites cannot say what "
            f"holds at others (it takes {GENERAL})."
        )
    primary = [c for c in judge.contrasts if c.family == PRIMARY and c.compared is None]
    for contrast in primary:
        effects = [judge.effect(contrast, blocks) for blocks in parts.values()]
        known = [effect.estimate for effect in effects if effect is not None]
        whole = judge.effect(contrast)
        if whole is None or len(known) < sites:
            continue
        mean = float(np.mean(known))
        spread = Term(np.array(np.var(known, ddof=1) / sites), np.array(sites - 1.0))
        half = max(half_width([spread], ONE, alpha)[0], whole.half_width(alpha))
        low, high = mean - half, mean + half
        may = "may" if low > 0 or high < 0 else "cannot"
        name = contrast.name.partition(", ")[0]
        said.append(
            f"{name}, for sites in general: {points(mean)} points ({interval(low, high)}); a difference {may} be said "
            "of sites in general."
        )
    return " ".join(["The answer is the mean over these sites, which weigh the same.", *said])


def split(blocks: Blocks, name: Callable[[Block], str]) -> dict[str, Blocks]:
    """The blocks by their `name`."""
    parts: dict[str, dict[Block, Sequence[Any]]] = {}
    for block, cells in blocks.items():
        parts.setdefault(name(block), {})[block] = cells
    return dict(parts)


def has_arms(contrast: Contrast, blocks: Blocks) -> bool:
    """Whether any of the blocks plans every arm of the contrast."""
    return any(set(contrast.weights) <= {cell.arm for cell in cells} for cells in blocks.values())


def _part(kind: str, parts: dict[str, Blocks], judge: Judge) -> ContrastFamily:
    primary = [c for c in judge.contrasts if c.family == PRIMARY and c.compared is None]
    asked = [
        (replace(contrast, family=f"by {kind}", name=f"{contrast.name} · {name}"), blocks)
        for contrast in primary
        for name, blocks in parts.items()
        if has_arms(contrast, blocks)
    ]
    findings = judge.findings(asked)
    spread, notes = list[str](), list[str]()
    if kind in ("modality", "data set"):
        for contrast in primary:
            effects = [
                judge.effect(c, blocks)
                for c, blocks in asked
                if c.name.startswith(f"{contrast.name} · ") and not {b[0] for b in blocks} <= judge.study.repeated
            ]
            known = [effect for effect in effects if effect is not None]
            spread.append(heterogeneity_sentence(contrast.name, known))
            notes.append(_level_note(known))
    return ContrastFamily(f"By {kind}", " ".join(filter(None, [*spread, *dict.fromkeys(notes)])), tuple(findings))


def _level_note(effects: Sequence[Effect]) -> str:
    trainings = [
        float(effect.trainings.variance) / effect.variance for effect in effects if effect.trainings is not None
    ]
    if len(effects) < 2 or len(trainings) < len(effects):
        return ""
    return heterogeneity_note(min(effect.seeds for effect in effects), len(effects), sum(trainings) / len(trainings))


def heterogeneity_sentence(name: str, effects: Sequence[Effect]) -> str:
    """Cochran's Q and I² (Higgins 2002, Stat. Med. 21:1539) of one contrast's effects in several parts."""
    if len(effects) < 2 or any(effect.trainings is None for effect in effects):
        return ""
    q, p = heterogeneity(effects)
    free = len(effects) - 1
    share = max(0.0, (q - free) / q) if q > 0 else 0.0
    estimates = [effect.estimate for effect in effects]
    return (
        f"{name.partition(', ')[0]}: {points(min(estimates))} to {points(max(estimates))} points "
        f"(I² {100 * share:.0f} %, {p_value(p)})."
    )
