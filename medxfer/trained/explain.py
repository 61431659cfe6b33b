"""Pictures of a trained cell's decisions: gray, what the network saw, and Grad-CAM of the decided class."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import RESEARCH_ONLY, MedxferError
from medxfer.color import Renderer
from medxfer.data.serve.module import NewImages
from medxfer.model.gradcam import MapLayer, find_map_layer, grad_cam
from medxfer.study.identity import safe_name
from medxfer.trained.trained_cell import TrainedCell

_PANEL = 2.6  # inches


def explain(cell: TrainedCell, table: pd.DataFrame, images: NewImages, folder: Path) -> list[str]:
    """Draw a picture for each of `images` into `folder`; their paths. `table` has a row for each, made by `score`.

    They are named as the images are, with a number before; the pictures themselves hold no name.

    Raises:
        MedxferError: the network has no map to explain, grad-cam is not installed, or `folder` cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MedxferError(f"cam={folder}: cannot be made ({error.strerror}); give a writable folder") from error
    layer: MapLayer | None = None
    paths: list[str] = []
    for batch in images.batches():
        for gray in batch.gray:
            row = table.iloc[len(paths)]
            scores = [float(row[f"score_{name}"]) for name in cell.classes]
            index = explained(cell, row["decision"], scores)
            pixels = cell.pixels(gray.unsqueeze(0))
            layer = layer or find_map_layer(cell.model.backbone, pixels)
            heat = grad_cam(cell.model.backbone, layer, pixels, index)
            title = f"{cell.classes[index]} {scores[index]:.3f}\n{layer.name}, {layer.side} × {layer.side}"
            name = safe_name(Path(row["path"]).stem)
            path = folder / f"{len(paths):05d}-{name}.png"
            _save(draw(cell, gray, pixels, heat, title), path)
            paths.append(str(path))
    return paths


def explained(cell: TrainedCell, decision: str, scores: list[float]) -> int:
    """The class whose score is explained: the decided one; in a multi-label task the one with the highest score."""
    return int(np.argmax(scores)) if cell.model.task == "multilabel" else cell.classes.index(decision)


def draw(cell: TrainedCell, gray: torch.Tensor, pixels: torch.Tensor, heat: NDArray[np.float32], title: str) -> Figure:
    """Three panels: `gray` (H, W) as displayed, `pixels` (1, C, H, W) as colours, and `heat` (H, W) over the gray."""
    none = torch.zeros(1, dtype=torch.int64)
    shown = Renderer(None, cell.design.window)(GrayBatch(gray.unsqueeze(0), none, none)).pixels[0, 0].numpy()
    figure = Figure(figsize=(3 * _PANEL + 0.8, _PANEL + 0.9), layout="compressed")
    left, middle, right = figure.subplots(1, 3)
    for axes in (left, middle, right):
        axes.set_axis_off()
    left.imshow(shown, cmap="gray", vmin=0, vmax=1)
    left.set_title("gray", fontsize=9)
    middle.imshow(_colors(cell, pixels))
    middle.set_title(f"as the network saw it\n{cell.config.colormap}", fontsize=9)
    right.imshow(shown, cmap="gray", vmin=0, vmax=1)
    drawn = right.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=0.15 + 0.55 * heat)
    right.set_title(f"Grad-CAM: {title}", fontsize=9)
    bar = figure.colorbar(drawn, ax=right, shrink=0.8, ticks=[0, 1])
    bar.ax.set_yticklabels(["not", "most"], fontsize=8)
    bar.set_label("raised this score", fontsize=8)
    figure.text(0.5, 0.01, RESEARCH_ONLY, ha="center", fontsize=9, fontweight="bold")
    return figure


def _colors(cell: TrainedCell, pixels: torch.Tensor) -> NDArray[np.float32]:
    """The colours (H, W, 3) in [0, 1] behind normalised `pixels`."""
    mean, std = torch.tensor(cell.color.mean), torch.tensor(cell.color.std)
    if cell.color.in_channels == 1:
        mean, std = mean.mean().view(1), std.mean().view(1)
    rgb = pixels[0].permute(1, 2, 0) * std + mean
    return rgb.clamp(0, 1).expand(-1, -1, 3).numpy()


def _save(figure: Figure, path: Path) -> None:
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise MedxferError(f"{path} cannot be written: {error.strerror}") from error
