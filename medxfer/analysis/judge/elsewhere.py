"""The primary contrasts on images from elsewhere: external sets, scored by every cell, that no training has seen.

Each set is a family of its own for each question: adjusted within it, not together with the internal answer. A study
that trains on several data sets is answered for each of them, because their cells score the same patients of the set.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medxfer.analysis.judge import operating
from medxfer.analysis.judge.arms import ArmFigures, by_chance, chance, finished_arms, means, ranges, shown
from medxfer.analysis.judge.contrasts import PRIMARY, Question, questions
from medxfer.analysis.judge.external_layer import measured_on
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.headline import headline
from medxfer.analysis.judge.phrases import metric_name
from medxfer.analysis.judge.results import Arm, Block, CellRecord, StudyRecord
from medxfer.analysis.judge.scores import CellScores, read_predictions
from medxfer.analysis.judge.selection import select
from medxfer.base.words import count, listing

PREFIX = "external:"  # of the splits under which scores of external sets lie


@dataclass(frozen=True)
class AnswerElsewhere:
    """One research question on one external set."""

    question: Question
    headline: str
    text: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Elsewhere:
    """One external set, and what it says of the networks that were trained on `data`."""

    name: str
    data: str
    modality: str
    classes: tuple[str, ...]
    received: int  # files
    rejected: Mapping[str, int]  # reason -> files
    left_out: Mapping[str, int]  # images; and the patients and pictures, also in the training's data set, why they are
    images: int
    patients: int
    images_by_class: tuple[int, ...]
    patients_by_class: tuple[int, ...]
    has_ids: bool  # of patients; else each image counts as one
    scored: int  # trainings
    planned: int
    results_before: int | None  # cells that had a result when the set was named; None where that is not recorded
    answers: tuple[AnswerElsewhere, ...]
    arms: tuple[ArmFigures, ...]
    notices: tuple[str, ...] = ()
    series: int | None = None  # that the images are slices of, where series are scored

    @property
    def split(self) -> str:
        return PREFIX + self.name

    def about(self) -> str:
        """'clinic (DX, 240 images of 80 patients: 120 normal, 120 pneumonia)'."""
        classes = [f"{n:,} {name}" for n, name in zip(self.images_by_class, self.classes, strict=True)]
        people = f" of {count(self.patients, 'patient')}" if self.has_ids else ""
        series = "" if self.series is None else f" in {self.series:,} series"
        kind = "" if self.modality == "images" else f"{self.modality}, "  # pictures state no modality
        return f"{self.name} ({kind}{count(self.images, 'image')}{series}{people}: {', '.join(classes)})"


def elsewhere(study: StudyRecord) -> tuple[Elsewhere, ...]:
    """Every external set that a finished cell has scored, for each data set of training."""
    known = [name for cell in study.cells for one in cell.cells for name in one.record.get("external", {})]
    found = []
    for name in dict.fromkeys([*study.external, *known]):
        for data in dict.fromkeys(str(cell.factors["data"]) for cell in study.cells):
            asked = _asking(study, name, data)
            if asked.done:
                found.append(_elsewhere(name, data, asked))
    return tuple(found)


def runs_of(study: StudyRecord, one: Elsewhere) -> dict[Arm, list[CellScores]]:
    """The scores of every network on the set, by arm."""
    found: dict[Arm, list[CellScores]] = {}
    for cells in select(_asking(study, one.name, one.data)).values():
        for network in (network for cell in cells if cell.status == "done" for network in cell.cells):
            found.setdefault(network.arm, []).append(read_predictions(network.folder, one.split))
    return found


def _asking(study: StudyRecord, name: str, data: str) -> StudyRecord:
    """The study's trainings on `data`, those that have not scored the set as missing."""
    cells = [_asked(cell, name) for cell in study.cells if cell.factors["data"] == data]
    return replace(study, cells=tuple(cells))


def _elsewhere(name: str, data: str, study: StudyRecord) -> Elsewhere:
    judge = Judge(study, measure=measured_on(PREFIX + name))
    done = study.done
    record: Mapping[str, Any] = done[0].cells[0].record["external"][name]
    arms = tuple(_figures(*one, judge, PREFIX + name) for one in finished_arms(judge))
    blind = bool(by_chance(arms, study.declared.metric))
    judge = replace(judge, blind=blind)  # what is said of a contrast agrees with the headline
    answers = [_answer(question, judge, blind) for question in questions(study.declared)]
    entered = study.external.get(name, {})
    return Elsewhere(
        name=name,
        data=data,
        modality=record["modality"],
        classes=tuple(map(str, done[0].record["classes"])),
        received=record["received"],
        rejected=record["rejected"],
        left_out=record["left_out"],
        images=record["images"],
        series=record.get("scored", {}).get("series"),
        patients=record["patients"],
        images_by_class=tuple(record["by_class"]["images"]),
        patients_by_class=tuple(record["by_class"]["patients"]),
        has_ids=not any(text.startswith("no patient ids") for text in record["caveats"]),
        scored=len(done),
        planned=len(study.cells),
        results_before=entered.get("done"),
        answers=tuple(answer for answer in answers if answer.findings),
        arms=arms,
        notices=tuple(_notices(name, study, record, entered, blind)),
    )


def _asked(cell: CellRecord, name: str) -> CellRecord:
    """The training as the set sees it: one that has not scored it is missing."""
    scored = all(name in one.record.get("external", {}) for one in cell.cells)
    return cell if scored or cell.status != "done" else replace(cell, status="missing", reason="has not scored it")


def _answer(question: Question, judge: Judge, blind: bool) -> AnswerElsewhere:
    contrasts = [one for one in judge.contrasts if (one.question, one.family) == (question, PRIMARY)]
    findings = judge.findings([(one, judge.blocks_of(one)) for one in contrasts])
    said = headline(findings, judge.study.declared.margin, blind=blind) if findings else ""
    return AnswerElsewhere(question, said, tuple(finding.sentence for finding in findings), tuple(findings))


def _notices(
    name: str, study: StudyRecord, record: Mapping[str, Any], entered: Mapping[str, Any], blind: bool
) -> Iterable[str]:
    """What must be known before the answers on this set are used."""
    if lacking := [cell for cell in study.cells if cell.reason == "has not scored it"]:
        yield (
            f"{count(len(lacking), 'finished training')} {'has' if len(lacking) == 1 else 'have'} not scored {name}: "
            "python -m medxfer.report study=… external=… scores it, without training."
        )
    if before := entered.get("done"):
        yield (
            f"{name} was named on {entered['time'][:10]}, when {count(before, 'cell')} had a result: this was not "
            "planned before the internal results could be seen."
        )
    if study.declared.looks:
        yield f"The figures on {name} are of the trainings that the last look showed, and not adjusted for looks."
    if blind:
        yield f"On {name} no arm beats chance in {metric_name(study.declared.metric)}: there may be nothing to compare."
    left_out = record["left_out"]
    if left_out["images"]:
        why = [count(left_out[f"{noun}s"], noun) for noun in ("patient", "picture") if left_out[f"{noun}s"]]
        yield (
            f"{count(left_out['images'], 'image')} of {name} {'is' if left_out['images'] == 1 else 'are'} left out, "
            f"because {listing(why)} also stand in the training's data set."
        )
    yield from (f"{name}: {text}." for text in record["caveats"])


def _figures(block: Block, arm: Arm, cells: Sequence[CellRecord], judge: Judge, split: str) -> ArmFigures:
    done, declared = [cell for cell in cells if cell.status == "done"], judge.study.declared
    decided, lines, one_class = [], [], 0
    for cell in done:
        runs = [(read_predictions(one.folder, split), one.threshold) for one in cell.cells]
        if cell.record["task"] == "binary":
            decided.append(_mean_of([operating.decide(run, at) for run, at in runs]))
            lines.append(_mean_of([line for run, _ in runs if (line := operating.calibration_line(run))]))
            one_class += all(len(set((run.scores[:, 1] > at).tolist())) == 1 for run, at in runs)
    metrics = means(cells, arm, shown(declared), declared, judge.measure)
    level = chance(declared.metric, read_predictions(done[0].cells[0].folder, split))
    return ArmFigures(block, arm, len(done), len(cells), metrics, level, ranges(decided), ranges(lines), one_class)


def _mean_of(networks: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of one training's networks, without those in which a value is undefined."""
    names = dict.fromkeys(name for one in networks for name in one)
    values = {name: [one[name] for one in networks if np.isfinite(one[name])] for name in names}
    return {name: float(np.mean(of)) for name, of in values.items() if of}
