"""What each arm reached: metrics with their intervals, decisions at the declared threshold, classes, confusions."""

from collections.abc import Iterator, Sequence

import numpy as np

from medxfer.analysis.judge.arms import ArmFigures, Range
from medxfer.analysis.judge.figures import Mean, words_of
from medxfer.analysis.judge.operating import confusion
from medxfer.analysis.judge.phrases import metric_name, percent
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.scores import read_scores
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.layout import Section, Table, block_title
from medxfer.base.words import arm_name
from medxfer.study.declared import VALIDATION


def arm_sections(verdict: Verdict) -> Iterator[Section]:
    """Metrics with their intervals, decisions at the declared threshold, and each class: a table for each block."""
    blocks = list(dict.fromkeys(one.block for one in verdict.arms))
    metrics = list(dict.fromkeys(metric for one in verdict.arms for metric in one.metrics))
    scored, decided, by_class = [], [], []
    for block in blocks:
        arms = [one for one in verdict.arms if one.block == block]
        title = block_title(block, blocks)
        scored.append(Table(["Arm", "trainings", *map(metric_name, metrics)], arm_rows(arms, metrics), title))
        if decisions := decision_rows(arms):
            decided.append(Table(*decisions, title))
        if any(one.classes for one in arms):
            of_class = ("sensitivity", "specificity", "auroc")
            rows = [
                [arm_name(one.arm), of.name, str(of.patients), *words_of(of.metrics, of_class)]
                for one in arms
                for of in one.classes
            ]
            by_class.append(Table(["Arm", "class or label", "patients", *map(metric_name, of_class)], rows, title))
    level = percent(verdict.declared["level"])
    if scored:
        text = f"Test means in points with {level} intervals, not adjusted."
        yield Section("arms", "Metrics", [text], tables=scored, folded=True)
    if decided:
        chosen = verdict.declared["threshold"]
        where = "threshold chosen on validation" if chosen == VALIDATION else f"threshold {chosen:g}"
        text = (
            f"At the {where}; means in percent with {level} intervals over trainings and patients, not adjusted. "
            "Images, and shares that are not defined in each training: means with the range of the trainings."
        )
        yield Section("decisions", "Decisions", [text], tables=decided, folded=True)
    if by_class:
        text = (
            f"Each against the rest, in percent, with {level} intervals over trainings and patients, not adjusted. "
            "Empty: not defined in each training, or without one of the patients."
        )
        yield Section("by-class", "Classes", [text], tables=by_class, folded=True)


def confusion_section(study: StudyRecord) -> Iterator[Section]:
    """A table for each arm of each block; of two classes the table of decisions has the same counts."""
    blocks, tables = select(study), []
    for block, cells in blocks.items():
        done = [cell for cell in cells if cell.status == "done" and cell.record["task"] == "multiclass"]
        for arm in dict.fromkeys(cell.arm for cell in done):
            of_arm = [cell for cell in done if cell.arm == arm]
            names = [str(name) for name in of_arm[0].record["classes"]]
            counts = np.mean([confusion(read_scores(cell)) for cell in of_arm], axis=0)
            rows = [_of_class(name, of_class, k) for k, (name, of_class) in enumerate(zip(names, counts, strict=True))]
            head = ["Images of", *(f"called {name}" for name in names), "sensitivity"]
            tables.append(Table(head, rows, block_title(block, blocks, arm)))
    if tables:
        text = "Test images, means over trainings; each is given the class with the highest score."
        yield Section("confusion", "Confusion matrices", [text], tables=tables, folded=True)


def _of_class(name: str, counts: np.ndarray, own: int) -> list[str]:
    found = f"{100 * counts[own] / counts.sum():.0f} %" if counts.sum() else ""
    return [name, *(f"{count:.1f}".removesuffix(".0") for count in counts), found]


def arm_rows(arms: Sequence[ArmFigures], metrics: Sequence[str]) -> list[list[str]]:
    """A row an arm: its name, its trainings, and each of the metrics with its interval."""
    return [[arm_name(one.arm), str(one.trainings), *words_of(one.metrics, metrics)] for one in arms]


def decision_rows(arms: Sequence[ArmFigures]) -> tuple[list[str], list[list[str]]] | None:
    """(head, rows) of the arms' decisions; None where there are none."""
    if not any(one.decisions for one in arms):
        return None
    shown = ("sensitivity", "specificity", "PPV", "NPV", "TP", "FP", "FN", "TN")
    rows = [
        [arm_name(one.arm), *(_decided(one.decisions.get(n), 1 if len(n) == 2 else 100) for n in shown)] for one in arms
    ]
    return ["Arm", *shown], rows


def _decided(found: Mean | Range | None, scale: float) -> str:
    """'85 (70 to 93)', an interval; '85 (80–90)', what trainings had."""
    if found is None:
        return ""
    if isinstance(found, Mean):
        mean, low, high = (f"{scale * value:.0f}" for value in (found.mean, found.low, found.high))
        return f"{mean} ({low} to {high})"
    low, high = f"{scale * found.lowest:.0f}", f"{scale * found.highest:.0f}"
    return f"{scale * found.mean:.0f}" + (f" ({low}–{high})" if low != high else "")
