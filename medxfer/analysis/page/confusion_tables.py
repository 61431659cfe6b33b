"""Which class the images of each class were given, where there are more than two."""

from collections.abc import Iterator

import numpy as np

from medxfer.analysis.judge.operating import confusion
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.scores import read_scores
from medxfer.analysis.judge.selection import select
from medxfer.analysis.page.layout import Section, Table, block_name
from medxfer.base.words import arm_name


def confusion_section(study: StudyRecord) -> Iterator[Section]:
    """A table for each arm of each block; of two classes the table of decisions has the same counts."""
    blocks, tables = select(study), []
    for block, cells in blocks.items():
        done = [cell for cell in cells if cell.status == "done" and cell.record["task"] == "multiclass"]
        for arm in dict.fromkeys(cell.arm for cell in done):
            of_arm = [cell for cell in done if cell.arm == arm]
            names = [str(name) for name in of_arm[0].record["classes"]]
            counts = np.mean([confusion(read_scores(cell)) for cell in of_arm], axis=0)
            rows = [_row(name, of_class, k) for k, (name, of_class) in enumerate(zip(names, counts, strict=True))]
            title = arm_name(arm) if len(blocks) == 1 else f"{arm_name(arm)} · {block_name(block, blocks)}"
            tables.append(Table(["Images of", *(f"called {name}" for name in names), "sensitivity"], rows, title))
    if tables:
        text = "Test images, means over trainings; each is given the class with the highest score."
        yield Section("confusion", "Confusion matrices", [text], tables=tables, folded=True)


def _row(name: str, counts: np.ndarray, own: int) -> list[str]:
    found = f"{100 * counts[own] / counts.sum():.0f} %" if counts.sum() else ""
    return [name, *(f"{count:.1f}".removesuffix(".0") for count in counts), found]
