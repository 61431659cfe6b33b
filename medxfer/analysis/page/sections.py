"""A verdict and its study → the page's sections, in the page's order."""

from collections.abc import Sequence
from dataclasses import dataclass

from medxfer.analysis.judge.readings import TITLES
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.arm_tables import arm_sections, confusion_section
from medxfer.analysis.page.drawing import Panel
from medxfer.analysis.page.ensemble_table import ensemble_section
from medxfer.analysis.page.external_sections import external_sections
from medxfer.analysis.page.flow_table import flow_sections
from medxfer.analysis.page.layout import Section
from medxfer.analysis.page.learning_charts import learning_sections
from medxfer.analysis.page.operating_charts import operating_sections
from medxfer.analysis.page.panels import intervals
from medxfer.analysis.page.roc_pairs import roc_pairs
from medxfer.analysis.page.training_curves import training_curves
from medxfer.analysis.page.uncertainty_table import design_section, uncertainty_section


@dataclass(frozen=True)
class Exploratory:
    """What does not answer the questions: shown folded, once."""

    forest: Panel | None
    sections: Sequence[Section]


def exploratory(study: StudyRecord, verdict: Verdict) -> Exploratory | None:
    """Other contrasts on one axis, the curve over labelled patients, and how to read the answers."""
    families = [(family.title, family.note, family.findings) for family in verdict.tables]
    readings = [Section(id, title, verdict.readings[id]) for id, title in TITLES.items() if id in verdict.readings]
    found = [*learning_sections(study, verdict), *ensemble_section(study), *readings]
    forest = intervals(families, verdict.declared["margin"])
    return Exploratory(forest, found) if forest or found else None


def sections(study: StudyRecord, verdict: Verdict) -> list[Section]:
    """Those that the study has content for, in the page's order: first what is not folded."""
    pairs = list(roc_pairs(study))
    found = [
        *pairs,
        *external_sections(study, verdict),
        *uncertainty_section(verdict),
        *design_section(verdict),
        *arm_sections(verdict),
        *confusion_section(study),
        *operating_sections(study, verdict, folded=bool(pairs)),
        *training_curves(study),
        *flow_sections(study),
    ]
    return sorted(found, key=lambda section: section.folded)
