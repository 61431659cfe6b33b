"""The test images on whose class the arms agree least."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medxfer.analysis.judge.contrasts import Arm
from medxfer.analysis.judge.results import Cell, StudyRecord
from medxfer.analysis.judge.scores import Predictions, read_predictions
from medxfer.analysis.judge.selection import Block, at_fraction, full_fraction

Floats = npt.NDArray[np.float64]


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
    cells = [cell for cell in at_fraction(study, full_fraction(study)).get(block, []) if cell.status == "done"]
    arms = list(dict.fromkeys(cell.arm for cell in cells))
    if len(arms) < 2:
        return []
    first = read_predictions(cells[0].folder)
    scores = np.array([_mean(cells, arm) for arm in arms])  # (arms, N, C)
    spread = np.ptp(scores, axis=0)  # (N, C)
    disagree = np.ptp(scores.argmax(axis=2), axis=0) > 0
    order = np.lexsort((-spread.max(axis=1), ~disagree))
    classes = cells[0].record["classes"]
    return [
        Changed(
            block,
            str(first.images[i]),
            _label(first.labels[i], classes),
            str(classes[spread[i].argmax()]),
            {arm: float(scores[a, i, spread[i].argmax()]) for a, arm in enumerate(arms)},
        )
        for i in _one_a_patient(order, first, count)
    ]


def _mean(cells: Sequence[Cell], arm: Arm) -> Floats:
    return np.mean([read_predictions(cell.folder).scores for cell in cells if cell.arm == arm], axis=0)


def _label(label: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    if np.ndim(label) == 0:
        return str(classes[int(label)])
    return (
        ", ".join(str(name) for name, present in zip(classes, label, strict=True) if present) or "none of the classes"
    )


def _one_a_patient(order: npt.NDArray[np.intp], predictions: Predictions, count: int) -> Iterator[int]:
    seen: set[str] = set()
    for i in order:
        patient = str(predictions.patients[i])
        if len(seen) < count and patient not in seen:
            seen.add(patient)
            yield int(i)
