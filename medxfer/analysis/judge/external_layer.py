"""Finished trainings → one layer on an external set: the layer of the test parts, of images that no training has.

Every network scores all of its images. With folds a training is several networks: its θ, and what a patient does to it,
are means over them; no patient of the set is in any network's training part, so that nothing is owed for folds.
"""

from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path

import numpy as np

from medxfer.analysis.judge.layer import Layer, Measure, Measured, finished_blocks, tested_on
from medxfer.analysis.judge.results import CellRecord, Network
from medxfer.analysis.judge.scores import read_predictions
from medxfer.analysis.stats.influence import NotComparable, check_cases, influences

Networks = tuple[Network, ...]  # of one training


def measured_on(split: str) -> Measure:
    """`layer.measured`, on the images of the external set whose scores lie under `split`."""
    return partial(_measured, split=split)


def _measured(cells: Iterable[CellRecord], metric: str, split: str) -> Layer:
    """Raises MedxferError where predictions cannot be read."""
    layer: dict[Path, Measured | NotComparable] = {}
    for same in finished_blocks(cells):
        names = tuple(map(str, same[0].record.get("classes", ())))
        trainings = tuple(cell.networks for cell in same)
        found = _measure(trainings, split, metric, names)
        layer |= {cell.folder: found[one] for cell, one in zip(same, trainings, strict=True)}
    return layer


@cache
def _measure(
    trainings: tuple[Networks, ...], split: str, metric: str, classes: tuple[str, ...]
) -> dict[Networks, Measured | NotComparable]:
    networks = [network for training in trainings for network in training]
    runs = [read_predictions(network.folder, split) for network in networks]
    first = runs[0]
    try:
        for network, run in zip(networks, runs, strict=True):
            if not run.same_images(first):
                raise NotComparable(
                    f"{network.folder.name} and {networks[0].folder.name} scored other images or labels of it"
                )
            if not np.isfinite(run.scores).all():
                raise NotComparable(f"some scores of {network.folder.name} on it are not finite")
        tested = tested_on(first, classes)
        cases = check_cases(np.stack([run.judged for run in runs]), first.labels, first.patients)
        full, influence = influences(cases, metric, np.array([network.threshold for network in networks]))
    except NotComparable as reason:
        return dict.fromkeys(trainings, reason)
    found, start = {}, 0
    for training in trainings:
        of = slice(start, start + len(training))
        found[training] = Measured(float(full[of].mean()), influence[of].mean(axis=0), tested)
        start += len(training)
    return dict(found)
