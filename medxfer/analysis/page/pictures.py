"""Pictures for the page, drawn by the renderer that fed the networks: Figure 1, and images that arms disagree on."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image

from medxfer.analysis.judge.changed import Changed, most_changed
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.page.page import Figure1, Picture, Shown
from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.base.window import Window, parse_window
from medxfer.base.words import arm_name
from medxfer.color import ColorTransform, Renderer, parse_colormap
from medxfer.color.figure import draw_figure1
from medxfer.data.phantom import example

MOST_COLORMAPS = 5  # in Figure 1
PHANTOM_SIZE = 320  # px
CHANGED = 4  # images of each data set
SIDE = 192  # px, of each of their pictures


def figure1(study: StudyRecord) -> Figure1:
    """Figure 1 with the study's own colormaps, on a CT and a DX phantom: never a patient."""
    names = _drawable(["none", *(cell.factors["colormap"] for cell in study.cells)])[:MOST_COLORMAPS]
    file = io.BytesIO()
    figure = draw_figure1(example("CT", PHANTOM_SIZE), example("DX", PHANTOM_SIZE), names)
    figure.savefig(file, format="webp", dpi=120, bbox_inches="tight", pil_kwargs={"quality": 85})
    return Figure1(Picture("image/webp", file.getvalue()), tuple(names))


def changed_images(study: StudyRecord, store_root: Path) -> list[Shown]:
    """Test images that arms disagree on, as the networks saw them.

    An image is shown only where its store says that no annotation is burned into it.

    Raises:
        MedxferError: the decoded images of a data set are not under `store_root`.
    """
    firsts = {cell.factors["data"]: cell for cell in reversed(study.done)}
    shown = []
    for cell in reversed(firsts.values()):
        gray, images = _open(store_root, cell.record["data"]["fingerprint"], cell.factors)
        clean = set(images.loc[~images["burned_in"].astype(bool), "image"]) if "burned_in" in images else set()
        rows = {image: row for row, image in enumerate(images["image"]) if image in clean}
        found = [changed for changed in most_changed(study, cell.block, 4 * CHANGED) if changed.image in rows]
        shown += [_show(changed, np.asarray(gray[rows[changed.image]])) for changed in found[:CHANGED]]
    return shown


def _show(changed: Changed, gray: NDArray) -> Shown:
    window = parse_window(str(changed.block[2]))
    names = _drawable(["none", *(name for name, _ in changed.scores)])
    pictures = [(name, _picture(gray, name, window)) for name in names]
    scores = [(arm_name(arm), f"{score:.2f}") for arm, score in changed.scores.items()]
    return Shown(f"{changed.block[0]}: {changed.label}", f"score of {changed.said}", pictures, scores)


def _picture(gray: NDArray, colormap: str, window: Window | None) -> Picture:
    color = ColorTransform(colormap, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    none = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        batch = Renderer(color, window)(GrayBatch(torch.from_numpy(gray.copy()).unsqueeze(0), none, none))
    rgb = batch.pixels[0].expand(3, -1, -1).permute(1, 2, 0).clamp(0, 1).mul(255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(file, "png")
    return Picture("image/png", file.getvalue())


def _open(store_root: Path, fingerprint: str, factors: Mapping[str, Any]) -> tuple[np.memmap, pd.DataFrame]:
    kind = "gray" if factors["window"] == "file" else "hu"
    folders = sorted(store_root.glob(f"*-{fingerprint}/v*-{factors['image_size']}px-{kind}/store.json"))
    if not folders:
        raise MedxferError(
            f"report.images=true: the decoded images of {factors['data']} are not under {store_root}: give store.root= "
            "as in training, or leave report.images out"
        )
    folder = folders[-1].parent
    return np.load(folder / "gray.npy", mmap_mode="r"), pd.read_parquet(folder / "images.parquet")


def _drawable(names: Sequence[str]) -> list[str]:
    """Each once, without learned ones, whose tables are the trainings', and those that are no colormaps."""
    known = []
    for name in dict.fromkeys(names):
        try:
            colormap = parse_colormap(name)
        except MedxferError:
            continue  # its cells are recorded as failed
        if colormap.kind != "learned":
            known.append(name)
    return known
