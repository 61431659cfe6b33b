"""report.html: one self-contained file, made from a study's folder and its verdict; everything is escaped."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from medxfer.analysis.judge import provenance
from medxfer.analysis.judge.phrases import metric_name
from medxfer.analysis.judge.results import StudyRecord, results_table
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page import panels
from medxfer.analysis.page.sections import Section, sections
from medxfer.analysis.page.svg import number
from medxfer.base.files import write_text
from medxfer.base.words import listing


@dataclass(frozen=True)
class Picture:
    kind: str  # media type
    content: bytes

    @property
    def url(self) -> str:
        return f"data:{self.kind};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Figure1:
    """Phantoms under each colormap; `colormaps` are the picture's rows, from top to bottom."""

    picture: Picture
    colormaps: tuple[str, ...]

    @property
    def caption(self) -> str:
        return f"Phantoms, not patients: CT left, X-ray right; {listing(self.colormaps)} from top to bottom."


@dataclass(frozen=True)
class Shown:
    """A test image that arms disagree on: what it is, and each arm's score of one class."""

    title: str
    said: str
    pictures: Sequence[tuple[str, Picture]]  # by colormap
    scores: Sequence[tuple[str, str]]  # by arm


@dataclass(frozen=True)
class Column:
    name: str
    number: bool


@dataclass(frozen=True)
class Entry:
    text: str
    value: str  # what the table sorts by
    number: bool


@dataclass(frozen=True)
class TableRow:
    cells: tuple[Entry, ...]
    unfinished: bool


def render_page(
    study: StudyRecord,
    verdict: Verdict,
    figure1: Figure1 | None = None,
    changed: Sequence[Shown] = (),
    learned: Section | None = None,
) -> str:
    """The page's HTML; `changed` are pictures of patients: leave them out unless asked for."""
    style, script = _read("page.css"), _read("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            study=study,
            metric=metric_name(study.declared.metric),
            verdict=verdict,
            style=Markup(style),
            style_hash=_hash(style),
            script=Markup(script),
            script_hash=_hash(script),
            primary=panels.answers(verdict),
            dots=panels.trainings(study),
            forest=panels.contrasts(verdict),
            sections=[*sections(study, verdict), *([learned] if learned else [])],
            figure1=figure1,
            changed=changed,
            table=_table(study),
            how=provenance.groups(study),
        )
    )


def write_page(
    study: StudyRecord,
    verdict: Verdict,
    figure1: Figure1 | None = None,
    changed: Sequence[Shown] = (),
    learned: Section | None = None,
) -> Path:
    """Write <study>/report.html and return its path."""
    path = study.folder / "report.html"
    write_text(path, render_page(study, verdict, figure1, changed, learned))
    return path


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["glued"] = _glued
    return environment


def _glued(text: str) -> str:
    """Figures keep their unit and their sign of comparison on the same line."""
    return re.sub(r"(?<=\d) (?=%|points?\b)|(?<=\bp) (?=[=<>])|(?<=[=<>]) (?=\d)", "\u00a0", text)


def _read(name: str) -> str:
    return files("medxfer.analysis.page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> Markup:
    """The source hash by which the page's security policy admits this text alone (CSP Level 3, 2.3.1)."""
    return Markup("sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


def _table(study: StudyRecord) -> dict[str, Any]:
    frame = results_table(study)
    columns = [Column(name.removeprefix("test/").replace("_", " "), _is_metric(name)) for name in frame.columns]
    rows = [
        TableRow(
            tuple(_entry(value, _is_metric(name)) for name, value in zip(frame.columns, row, strict=True)),
            cell.status != "done",
        )
        for cell, row in zip(study.cells, frame.itertuples(index=False, name=None), strict=True)
    ]
    return {"columns": columns, "rows": rows}


def _is_metric(name: str) -> bool:
    return name.startswith("test/")


def _entry(value: Any, metric: bool) -> Entry:
    if metric:
        return Entry("", "", True) if value != value else Entry(f"{value:.3f}", f"{value:.10g}", True)
    text = number(value) if isinstance(value, float) else str(value)
    return Entry(text, str(value), False)
