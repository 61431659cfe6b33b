"""The page's pictures in colour: phantoms under each colormap, images that arms disagree on, learned tables.

They are drawn by the renderer that fed the networks.
"""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from medxfer.analysis.judge.results import Block, CellRecord, StudyRecord
from medxfer.analysis.judge.scores import read_scores, unreadable
from medxfer.analysis.judge.selection import select
from medxfer.analysis.page.drawing import Axis, ChangedImage, LearnedDrawing, Line, Picture
from medxfer.analysis.page.layout import Section, block_name
from medxfer.analysis.page.stored import stored_images
from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.base.window import CT_WINDOW, Window, parse_window
from medxfer.base.words import arm_name, listing
from medxfer.color import ColorTransform, Renderer, parse_colormap
from medxfer.color.figure import draw_figure1
from medxfer.data.phantom import example

Colors = NDArray[np.floating]  # (levels, 3) sRGB, black end first; a learned one may leave [0, 1]

MOST_COLORMAPS = 5  # of the phantoms
PHANTOM_SIZE = 320  # px
CHANGED = 4  # images of each data set
SIDE = 192  # px, of each of their pictures
LEARNED = "colors.parquet"  # in the folder of a cell with a learned table
LEARNED_TEXT = (
    "A learned table starts as a colormap and is trained with the network. Bars: the colours that it started from, and "
    "those that it was tested with, a strip for each training. Curves: its channels against gray, dashed where they "
    "started, with a thin line for each training."
)
CHANNELS = (("red", "arm2"), ("green", "arm1"), ("blue", "arm3"))  # and the style sheet's class
LEVELS = 256  # that are drawn of a longer table


def phantom_picture(study: StudyRecord) -> Picture:
    """`phantom_figure` as the page shows it."""
    figure, caption = phantom_figure(study)
    file = io.BytesIO()
    figure.savefig(file, format="webp", dpi=120, bbox_inches="tight", pil_kwargs={"quality": 85})
    return Picture("image/webp", file.getvalue(), caption)


def phantom_figure(study: StudyRecord) -> tuple[Figure, str]:
    """Figure 1 and its caption: a phantom, never a patient, of the study's modality, under its own colormaps: CT, or DX
    for any other; or both.

    The CT phantom is shown through the window of the study's first CT cell.
    """
    names = drawable(["none", *(cell.factors["colormap"] for cell in study.cells)])[:MOST_COLORMAPS]
    kinds = {modality == "CT" for modality in study.modality.values()} or {True, False}
    in_hu = [
        parse_window(str(cell.factors["window"])) for cell in study.done if cell.record["data"]["modality"] == "CT"
    ]
    window = next((window for window in in_hu if window is not None), CT_WINDOW)
    figure = draw_figure1(
        example("CT", PHANTOM_SIZE) if True in kinds else None,
        example("DX", PHANTOM_SIZE) if False in kinds else None,
        names,
        window,
    )
    which = "a CT phantom left and an X-ray phantom right"
    if len(kinds) == 1:
        which = "a CT phantom" if True in kinds else "an X-ray phantom"
    caption = f"Drawn by formula, not the study's images: {which}; {listing(names)} from top to bottom."
    return figure, caption


def most_changed(study: StudyRecord, block: Block, count: int) -> list[ChangedImage]:
    """The images of one block with the largest range of a class' score between arms, at most one for each patient.

    Images that arms put into different classes come first. Empty where fewer than two arms have finished a training.
    """
    cells = [cell for cell in select(study).get(block, []) if cell.status == "done"]
    arms = list(dict.fromkeys(cell.arm for cell in cells))
    if len(arms) < 2:
        return []
    first = read_scores(cells[0])
    runs = [[read_scores(cell).scores for cell in cells if cell.arm == arm] for arm in arms]
    scores = np.array([np.mean(of_arm, axis=0) for of_arm in runs])  # (arms, N, C)
    spread = np.ptp(scores, axis=0)  # (N, C)
    at = [np.mean([read_scores(cell).threshold for cell in cells if cell.arm == arm], axis=0) for arm in arms]
    decided = [_decided(*of_arm, cells[0].record["task"]) for of_arm in zip(scores, at, strict=True)]
    disagree = (np.ptp(np.array(decided, dtype=int), axis=0) > 0).any(axis=1)
    by_patient: dict[str, int] = {}
    for i in np.lexsort((-spread.max(axis=1), ~disagree)):
        by_patient.setdefault(str(first.patients[i]), int(i))
    classes = cells[0].record["classes"]
    return [
        ChangedImage(
            str(block[0]),
            str(first.images[i]),
            _label(first.labels[i], classes),
            str(classes[spread[i].argmax()]),
            {arm: float(scores[a, i, spread[i].argmax()]) for a, arm in enumerate(arms)},
        )
        for i in list(by_patient.values())[:count]
    ]


def _decided(scores: NDArray[np.float64], threshold: NDArray[np.float64], task: str) -> NDArray[np.bool_]:
    """(N, C) and (N,) → which classes or labels an image is given, by the rule that metrics and `predict` have too."""
    if task == "multilabel":
        return scores > threshold[:, None]
    if task == "binary":
        positive = scores[:, 1] > threshold
        return np.stack([~positive, positive], axis=1)
    return np.asarray(scores.argmax(axis=1)[:, None] == np.arange(scores.shape[1]))


def _label(label: NDArray[np.int64], classes: Sequence[str]) -> str:
    if np.ndim(label) == 0:
        return str(classes[int(label)])
    present = [str(name) for name, there in zip(classes, label, strict=True) if there]
    return ", ".join(present) or "none of the classes"


def changed_images(study: StudyRecord, store_root: Path) -> list[ChangedImage]:
    """Test images that arms disagree on, as the networks saw them.

    An image is shown only where its header states that no annotation is burned into it.

    Raises:
        MedxferError: the decoded images of a data set are not under `store_root`.
    """
    shown = []
    for cell, gray, rows, window in stored_images(study, store_root):
        found = [changed for changed in most_changed(study, cell.block, 4 * CHANGED) if changed.image in rows]
        for changed in found[:CHANGED]:
            pixels = np.asarray(gray[rows[changed.image]])
            names = drawable(["none", *(name for name, _ in changed.scores)])
            pictures = [rendered(pixels, name, window, levels_of(study)) for name in names]
            shown.append(replace(changed, pictures=pictures))
    return shown


def levels_of(study: StudyRecord) -> int:
    """Of the tables of colour."""
    return int(study.settings.get("levels", LEVELS))


def learned_tables(study: StudyRecord) -> Section | None:
    """A drawing for each arm with learned colours in each block, or None where the study has none.

    Raises:
        MedxferError: a cell's table cannot be read.
    """
    blocks = select(study)
    found = []
    for block, cells in blocks.items():
        done = [cell for training in cells if training.status == "done" for cell in training.cells]
        trained = [cell for cell in done if (cell.folder / LEARNED).is_file()]
        for arm in dict.fromkeys(cell.arm for cell in trained):
            tables = [_read(cell) for cell in trained if cell.arm == arm]
            start = parse_colormap(arm[0]).table(len(tables[0])).numpy()
            title = f"{block_name(block, blocks)} · {arm_name(arm)}"
            found.append(_learned(title, _sampled(start), [_sampled(table) for table in tables]))
    return Section("learned", "Learned colours", [LEARNED_TEXT], learned=found) if found else None


def rendered(gray: NDArray[Any], colormap: str, window: Window | None, levels: int) -> Picture:
    """A stored image (H, W) as the renderer gives it to a network, before the normalisation."""
    color = ColorTransform(colormap, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), levels)
    none = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        batch = Renderer(color, window)(GrayBatch(torch.from_numpy(gray.copy()).unsqueeze(0), none, none))
    rgb = batch.pixels[0].expand(3, -1, -1).permute(1, 2, 0).numpy()
    return _png(_image(rgb).resize((SIDE, SIDE), Image.Resampling.NEAREST), colormap)


def _image(rgb: Colors) -> Image.Image:
    """(H, W, 3) in [0, 1], clipped, as 8 bits."""
    return Image.fromarray(np.ascontiguousarray((rgb.clip(0, 1) * 255).round().astype(np.uint8)))


def _png(image: Image.Image, caption: str = "") -> Picture:
    file = io.BytesIO()
    image.save(file, "png")
    return Picture("image/png", file.getvalue(), caption)


def drawable(names: Sequence[str]) -> list[str]:
    """Each name once, without learned ones (each training has its own table) and without unknown ones."""
    known = []
    for name in dict.fromkeys(names):
        try:
            colormap = parse_colormap(name)
        except MedxferError:
            continue  # a file that no cell has kept yet
        if colormap.kind != "learned":
            known.append(name)
    return known


def _read(cell: CellRecord) -> Colors:
    path = cell.folder / LEARNED
    try:
        return pd.read_parquet(path, columns=["r", "g", "b"]).to_numpy(dtype=np.float64)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _sampled(table: Colors) -> Colors:
    rows = np.linspace(0, len(table) - 1, min(len(table), LEVELS)).round().astype(int)
    return np.asarray(table[rows])


def _learned(title: str, start: Colors, learned: Sequence[Colors]) -> LearnedDrawing:
    values = np.concatenate([start, *learned])
    gray = np.linspace(0, 1, len(start)).tolist()
    channels = []
    for channel, (name, colour) in enumerate(CHANNELS):
        lines = [Line(gray, table[:, channel].tolist(), colour) for table in learned]
        channels.append((name, [*lines, Line(gray, start[:, channel].tolist(), "arm0", dashed=True)]))
    return LearnedDrawing(
        title,
        len(learned),
        _png(_image(start[None])),
        _png(_image(np.stack(learned))),
        channels,
        Axis(0, 1, 58, 350),
        Axis(min(0.0, float(values.min())), max(1.0, float(values.max())), 72, 10),
    )
