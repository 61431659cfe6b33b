"""report.html: one self-contained file, made from a study's folder and its verdict; everything is escaped."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from markupsafe import Markup

from medxfer.analysis.judge.phrases import UNIT, metric_name
from medxfer.analysis.judge.provenance import provenance
from medxfer.analysis.judge.results import CellRecord, StudyRecord, hydra_value, tested_metrics
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page import panels
from medxfer.analysis.page.drawing import Picture, environment, number, read
from medxfer.analysis.page.sections import Section, sections
from medxfer.study.identity import FACTORS


@dataclass(frozen=True)
class Shown:
    """A test image that arms disagree on: what it is, and each arm's score of one class."""

    title: str
    said: str
    pictures: Sequence[Picture]  # the caption is the colormap
    scores: Sequence[tuple[str, str]]  # by arm


@dataclass(frozen=True)
class Column:
    """A column of the table of cells; numbers stand right, with three digits."""

    name: str
    value: Callable[[CellRecord], Any]
    number: bool = False

    def text(self, cell: CellRecord) -> str:
        value = self.value(cell)
        if self.number:
            return "" if value is None else f"{value:.3f}"
        return number(value) if isinstance(value, float) else str(value)

    def key(self, cell: CellRecord) -> str:
        """What the table sorts by."""
        value = self.value(cell)
        return str(value) if not self.number else "" if value is None else f"{value:.10g}"


def columns(study: StudyRecord) -> list[Column]:
    """The table of cells from left to right: another column is another entry here."""

    def factor(key: str) -> Callable[[CellRecord], Any]:
        return lambda cell: hydra_value(cell.factors.get(key))

    def metric(key: str) -> Callable[[CellRecord], Any]:
        return lambda cell: cell.metrics.get(key)

    return [
        *(Column(key, factor(key)) for key in (*FACTORS, *study.declared.tuned)),
        *(Column(key.removeprefix("test/"), metric(key), number=True) for key in tested_metrics(study)),
        Column("status", attrgetter("status")),
    ]


def render_page(
    study: StudyRecord,
    verdict: Verdict,
    phantoms: Picture | None = None,
    changed: Sequence[Shown] = (),
    learned: Section | None = None,
) -> str:
    """The page's HTML; `changed` are pictures of patients: leave them out unless asked for."""
    style, script = read("page.css"), read("page.js")
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            study=study,
            verdict=verdict,
            metric=metric_name(study.declared.metric),
            unit=UNIT,
            style=Markup(style),
            style_hash=_hash(style),
            script=Markup(script),
            script_hash=_hash(script),
            primary=panels.answers(verdict),
            dots=panels.trainings(study),
            forest=panels.contrasts(verdict),
            sections=[*sections(study, verdict), *([learned] if learned else [])],
            phantoms=phantoms,
            changed=changed,
            columns=columns(study),
            how=provenance(study),
        )
    )


def _hash(text: str) -> Markup:
    """The source hash by which the page's security policy admits this text alone (CSP Level 3, 2.3.1)."""
    return Markup("sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())
