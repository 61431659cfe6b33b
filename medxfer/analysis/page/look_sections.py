"""The page's sections on looks: what each one spent and decided, and validation of trainings that wait for the next."""

from collections.abc import Iterator

from medxfer.analysis.judge.look_words import LOOK_HEAD, look_rows, looks_in_words
from medxfer.analysis.judge.phrases import metric_name, percent
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.layout import Section, Table, block_title
from medxfer.base.words import arm_name


def look_sections(study: StudyRecord, verdict: Verdict) -> Iterator[Section]:
    """Nothing without declared looks."""
    if not study.declared.looks:
        return
    text = [
        looks_in_words(study, verdict.looks),
        f"The p values and intervals of the answers hold at all looks together, at {percent(study.declared.level)}. "
        "Other metrics and exploratory contrasts are of the same trainings and are not adjusted for looks.",
    ]
    rows = look_rows(verdict.looks)
    yield Section("looks", "Looks", text, tables=[Table(LOOK_HEAD, rows)] if rows else (), folded=True)
    yield from _validation(study)


def _validation(study: StudyRecord) -> Iterator[Section]:
    """Each arm's trainings, those that wait included, on validation images."""
    if not any(cell.status == "waiting" for cell in study.cells):
        return
    blocks, tables = select(study), []
    for block, cells in blocks.items():
        rows = []
        for arm in dict.fromkeys(cell.arm for cell in cells):
            scores = [cell.score(f"val/{study.declared.metric}") for cell in cells if cell.arm == arm and cell.record]
            known = [score for score in scores if score == score]
            mean = f"{100 * sum(known) / len(known):.1f}".replace("-", "−") if known else ""
            rows.append([arm_name(arm), str(len(scores)), mean])
        head = ["Arm", "trainings", metric_name(study.declared.metric)]
        tables.append(Table(head, rows, block_title(block, blocks)))
    text = "Means in points on validation images, of every training so far. Test results wait for their look."
    yield Section("validation", "Validation", [text], tables=tables)
