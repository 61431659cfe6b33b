"""report.html: one self-contained file, made from a study's folder and its verdict; everything is escaped."""

import base64
import hashlib
from collections.abc import Sequence

from markupsafe import Markup

from medxfer.analysis.judge.phrases import UNIT, metric_name, percent
from medxfer.analysis.judge.provenance import provenance
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.results_table import columns, said, shared_factors
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.drawing import ChangedImage, Picture, SeenImage, environment, read
from medxfer.analysis.page.layout import Section
from medxfer.analysis.page.look_sections import look_sections
from medxfer.analysis.page.panels import answers, trainings
from medxfer.analysis.page.sections import exploratory, sections

TOLD_APART = ("colormap", "pretrained", "seed")  # by these a reader looks for a cell, so that they keep a column


def render_page(
    study: StudyRecord,
    verdict: Verdict,
    phantoms: Picture | None = None,
    changed: Sequence[ChangedImage] = (),
    learned: Section | None = None,
    seen: Sequence[SeenImage] = (),
    withheld: Sequence[str] = (),
) -> str:
    """The page's HTML; `changed` and `seen` are pictures of patients: leave them out unless asked for.

    `phantoms` stand in where there is nothing in `seen`; `withheld` says what of the pictures asked for is not shown.
    """
    style, script = read("page.css"), read("page.js")
    shown = columns(study)  # as results.csv; a column of the page alone is one entry more: | {"name": function}
    shared = {key: value for key, value in shared_factors(study).items() if key not in TOLD_APART}
    for key in shared:
        del shown[key]
    template = environment().get_template("page.html.j2")
    return template.render(
        study=study,
        verdict=verdict,
        metric=metric_name(study.declared.metric),
        unit=UNIT,
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
        primary=answers(verdict),
        level=percent(study.declared.level),
        dots=trainings(study, verdict),
        exploratory=exploratory(study, verdict),
        sections=[*look_sections(study, verdict), *sections(study, verdict), *([learned] if learned else [])],
        phantoms=phantoms,
        changed=changed,
        seen=seen,
        withheld=withheld,
        columns=shown,
        shared=said(shared),
        how=provenance(study),
    )


def _hash(text: str) -> Markup:
    """The source hash by which the page's security policy admits this text alone (CSP Level 3, 2.3.1)."""
    return Markup("sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())
