"""Real images through frozen networks of both starting points: the pretrained one, and random ones of many seeds.

    MEDXFER_TEST_DATA=<folder> python tests/simulation/starting_points.py

computes them once and keeps them beside the simulations' images (`real_images.py`).
"""

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import real_images
from gaussian import Floats
from numpy.typing import NDArray
from real_images import BACKBONE, KEPT, SIZE, VIEWS

DATA = ("breastmnist", "cxr_kermany")
RANDOM = 12  # networks of random weights


class Seen(NamedTuple):
    """A data set as the networks see it, each in the colormaps VIEWS."""

    pretrained: Floats  # (views, images, WIDTH), principal components, each of mean 0 and variance 1
    random: Floats  # (RANDOM, views, images, WIDTH), likewise
    labels: NDArray[np.int64]  # (images,), 0 or 1
    case: NDArray[np.int64]  # (images,), the number of the patient


@cache
def seen(data: str) -> Seen:
    """A data set, computed where it is not kept and MEDXFER_TEST_DATA has it. Raises FileNotFoundError otherwise."""
    path = KEPT / f"starts-{data}.npz"
    if not path.is_file():
        _compute(Path(os.environ.get("MEDXFER_TEST_DATA", "")), data, path)
    with np.load(path) as file:
        features = (file[name].astype(np.float32) for name in ("pretrained", "random"))
        return Seen(*(of / of.std(-2, keepdims=True) for of in features), file["labels"], file["case"])


def _compute(source: Path, data: str, path: Path) -> None:
    from medxfer.model.backbone import create_backbone

    full, labels, case = real_images.read(source, data)

    def features(pretrained: bool, seed: int) -> NDArray[np.float16]:
        network = create_backbone(BACKBONE, 2, pretrained, image_size=SIZE, seed=seed)
        return real_images.components(np.stack([real_images.of_head(network, full, view) for view in VIEWS]))

    random = np.stack([features(False, seed) for seed in range(RANDOM)])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, pretrained=features(True, 0), random=random, labels=labels, case=case)


if __name__ == "__main__":
    for name in DATA:
        seen(name)
