"""Real images as the simulations see them: features of a frozen network, and the images themselves, very small.

    MEDXFER_TEST_DATA=<folder> python tests/simulation/real_images.py

computes them once with the program's own renderer and network, in two colormaps, and keeps them outside the
repository, in ~/.cache/medxfer/simulation or the folder that MEDXFER_SIMULATED_IMAGES names. What is kept names nobody:
features, pixels, labels, and the number of a patient.
"""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from gaussian import Floats
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

DATA = ("breastmnist", "cxr_kermany", "cxr_nih")
POSITIVE = {"cxr_kermany": "pneumonia", "cxr_nih": "abnormal"}
VIEWS = ("none", "viridis")  # the two arms' colormaps
BACKBONE, SIZE, SMALL, BATCH = "tf_efficientnet_lite0", 64, 14, 64
WIDTH = 64  # principal components of the features
KEPT = Path(os.environ.get("MEDXFER_SIMULATED_IMAGES", Path.home() / ".cache" / "medxfer" / "simulation"))


class Images(NamedTuple):
    """A data set."""

    features: Floats  # (views, images, WIDTH), each view centred; an image's squares sum to WIDTH on average
    pixels: Floats  # (views, images, 3, SMALL, SMALL), the colours, each in [0, 1]
    labels: NDArray[np.int64]  # (images,), 0 or 1
    case: NDArray[np.int64]  # (images,), the number of the patient


def there() -> bool:
    """Whether the images of all data sets are kept."""
    return all((KEPT / f"{data}.npz").is_file() for data in DATA)


@cache
def images(data: str) -> Images:
    """A data set, computed where it is not kept and MEDXFER_TEST_DATA has it. Raises FileNotFoundError otherwise."""
    path = KEPT / f"{data}.npz"
    if not path.is_file():
        _compute(Path(os.environ.get("MEDXFER_TEST_DATA", "")), data, path)
    with np.load(path) as file:
        gray, colours = file["gray"], file["colours"]
        pixels = np.moveaxis(colours[:, gray], -1, 2)
        return Images(file["features"].astype(np.float64), pixels.astype(np.float64), file["labels"], file["case"])


def _compute(source: Path, data: str, path: Path) -> None:
    full, labels, case = read(source, data)
    features, colours = _features(full)
    gray = np.stack([_resized(one, SMALL) for one in full])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, features=features, gray=gray, colours=colours, labels=labels, case=case)


def read(source: Path, data: str) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Gray (images, SIZE, SIZE), labels, and the number of the patient."""
    from PIL import Image

    if data == "breastmnist":  # malignant is positive; patients are not known
        with np.load(source / data / "breastmnist.npz") as file:
            gray, labels = (
                np.concatenate([file[f"{s}_{of}"] for s in ("train", "val", "test")]) for of in ("images", "labels")
            )
        full = np.stack([_resized(one, SIZE) for one in gray])
        return full, (labels.ravel() == 0).astype(np.int64), np.arange(len(full))
    table = pd.read_csv(source / data / "labels.csv", dtype=str)
    full = np.stack([_resized(np.asarray(Image.open(source / data / p).convert("L")), SIZE) for p in table["path"]])
    case = pd.factorize(table["patient_id"])[0].astype(np.int64)
    return full, (table["label"] == POSITIVE[data]).to_numpy(np.int64), case


def _resized(gray: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(gray).resize((size, size), Image.Resampling.BILINEAR))


def _features(full: NDArray[np.uint8]) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Principal components (views, images, WIDTH) of what the network's head gets, and the colours (views, 256, 3)."""
    from medxfer.color import colormap_table
    from medxfer.model.backbone import create_backbone

    network = create_backbone(BACKBONE, 2, True, image_size=SIZE)
    colours = np.stack([colormap_table(view).numpy() for view in VIEWS])
    return components(np.stack([of_head(network, full, view) for view in VIEWS])), colours


def of_head(network: "nn.Module", full: NDArray[np.uint8], view: str) -> Floats:
    """What the head of BACKBONE gets (images, D) of gray (images, SIZE, SIZE) in a colormap."""
    import torch

    from medxfer.base.batch import GrayBatch
    from medxfer.color import ColorTransform, Renderer
    from medxfer.model.catalogue import input_statistics
    from medxfer.model.layers import find_head

    caught: list[torch.Tensor] = []
    hook = find_head(network)[0].register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    renderer = Renderer(ColorTransform(view, *input_statistics(BACKBONE)), None)
    network.eval()
    with torch.inference_mode():
        for some in torch.from_numpy(full).split(BATCH):
            none = torch.zeros(len(some), dtype=torch.int64)
            network(renderer(GrayBatch(some, none, none)).pixels)
    hook.remove()
    return np.asarray(torch.cat(caught).double().numpy())


def components(features: Floats) -> NDArray[np.float16]:
    """(views, images, D) → (views, images, WIDTH): each view centred; an image's squares sum to WIDTH on average."""
    centred = features - features.mean(1, keepdims=True)
    main = np.linalg.svd(np.concatenate(list(centred)), full_matrices=False)[2][:WIDTH]
    out = centred @ main.T
    out *= np.sqrt(WIDTH / (out**2).sum(-1).mean())
    return np.asarray(out, np.float16)


if __name__ == "__main__":
    for name in DATA:
        images(name)
