"""The test images on whose class the arms agree least."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medxfer.analysis.judge.results import Arm, Block, StudyRecord
from medxfer.analysis.judge.scores import read_predictions
from medxfer.analysis.judge.selection import select


@dataclass(frozen=True)
class Changed:
    """One test image, by its pseudonym; `scores` is each arm's score of `said`, averaged over trainings."""

    block: Block
    image: str
    label: str  # its own class, or classes
    said: str  # the class whose score changed most
    scores: Mapping[Arm, float]


def most_changed(study: StudyRecord, block: Block, count: int) -> list[Changed]:
    """The images of one block with the largest range of a class' score between arms, at most one a patient.

    Images that arms put into different classes come first. Empty where fewer than two arms have finished a training.
    """
    cells = [cell for cell in select(study).get(block, []) if cell.status == "done"]
    arms = list(dict.fromkeys(cell.arm for cell in cells))
    if len(arms) < 2:
        return []
    first = read_predictions(cells[0].folder)
    runs = [[read_predictions(cell.folder).scores for cell in cells if cell.arm == arm] for arm in arms]
    scores = np.array([np.mean(of_arm, axis=0) for of_arm in runs])  # (arms, N, C)
    spread = np.ptp(scores, axis=0)  # (N, C)
    disagree = np.ptp(scores.argmax(axis=2), axis=0) > 0
    by_patient: dict[str, int] = {}
    for i in np.lexsort((-spread.max(axis=1), ~disagree)):
        by_patient.setdefault(str(first.patients[i]), int(i))
    classes = cells[0].record["classes"]
    return [
        Changed(
            block,
            str(first.images[i]),
            _label(first.labels[i], classes),
            str(classes[spread[i].argmax()]),
            {arm: float(scores[a, i, spread[i].argmax()]) for a, arm in enumerate(arms)},
        )
        for i in list(by_patient.values())[:count]
    ]


def _label(label: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    if np.ndim(label) == 0:
        return str(classes[int(label)])
    present = [str(name) for name, there in zip(classes, label, strict=True) if there]
    return ", ".join(present) or "none of the classes"
