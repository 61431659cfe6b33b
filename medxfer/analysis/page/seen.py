"""What the networks see, on the study's own test images: one of each class, the same under every colormap."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.scores import read_scores
from medxfer.analysis.page.drawing import SeenImage
from medxfer.analysis.page.pictures import drawable, levels_of, rendered
from medxfer.analysis.page.stored import stored_images
from medxfer.base.window import Window

MOST_CLASSES = 4  # of a data set, an image each


def seen_images(study: StudyRecord, store_root: Path) -> list[SeenImage]:
    """Test images of every data set, one of each class and each of another patient.

    They are the first by pseudonym, whatever the scores. Of a binary task there is a negative and a positive one; of a
    multi-label task an image without a label, then one of each label, if possible without another label. An image is
    shown only where its header states that no annotation is burned into it.

    Raises:
        MedxferError: the decoded images of a data set are not under `store_root`.
    """
    shown = []
    for cell, gray, rows, window in stored_images(study, store_root):
        data, tested = str(cell.factors["data"]), read_scores(cell)
        names = drawable(["none", *(str(c.factors["colormap"]) for c in study.cells if c.factors["data"] == data)])
        classes = [str(name) for name in cell.record["classes"]]
        positive = classes[1] if cell.record["task"] == "binary" else ""
        order = np.argsort(tested.images, kind="stable")
        patients: set[str] = set()
        for label, among in _kinds(tested.labels, classes):
            found = (
                i for i in order if among[i] and tested.images[i] in rows and str(tested.patients[i]) not in patients
            )
            i = next(found, None)
            if i is None:
                continue
            patients.add(str(tested.patients[i]))
            pixels, said = np.asarray(gray[rows[str(tested.images[i])]]), " (positive)" if label == positive else ""
            pictures = [rendered(pixels, name, window, levels_of(study)) for name in names]
            shown.append(SeenImage(data, f"{label}{said}", _window(window, cell.factors), pictures))
    return shown


def _kinds(labels: NDArray[np.int64], classes: list[str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """(what an image shows, which images do), at most MOST_CLASSES."""
    if labels.ndim == 1:
        for c, name in enumerate(classes[:MOST_CLASSES]):
            yield name, labels == c
        return
    yield "none of the labels", labels.sum(axis=1) == 0
    for c, name in enumerate(classes[: MOST_CLASSES - 1]):
        alone = (labels[:, c] == 1) & (labels.sum(axis=1) == 1)
        yield (name, alone) if alone.any() else (f"{name}, with other labels", labels[:, c] == 1)


def _window(window: Window | None, factors: Mapping[str, object]) -> str:
    return "" if window is None else f"window {factors['window']}"
