"""A trained cell from its folder, ready to score new images: the parts that `wire` made for its training."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError
from medxfer.base.window import Window, parse_window
from medxfer.color import ColorTransform, Renderer, take_single_channel
from medxfer.model.backbone import create_backbone
from medxfer.model.catalogue import find
from medxfer.model.classifier import Classifier
from medxfer.training.compute import Compute


@dataclass(frozen=True, eq=False)
class TrainedCell:
    """A cell that is done, with the weights of its tested epoch; on the CPU, in eval mode."""

    folder: Path
    config: DictConfig
    record: dict[str, Any]  # its metrics.json
    model: Classifier
    renderer: Renderer  # gray as in the store → what the model takes
    window: Window | None  # in HU; None for display gray

    @property
    def classes(self) -> list[str]:
        return self.model.classes

    @property
    def gray(self) -> np.dtype:
        """The dtype of the store: uint8 or uint16 display gray, int16 for Hounsfield units."""
        return np.dtype(self.record["input"]["gray"])

    @property
    def hounsfield(self) -> bool:
        return self.window is not None

    @property
    def color(self) -> ColorTransform:
        color = self.renderer.color or self.model.color
        assert isinstance(color, ColorTransform)
        return color

    @torch.no_grad()
    def pixels(self, gray: Tensor) -> Tensor:
        """What the network is given for `gray` (B, H, W) of the store's dtype: (B, C, H, W), normalised; on the CPU."""
        none = torch.zeros(len(gray), dtype=torch.int64)
        pixels = self.renderer.cpu()(GrayBatch(gray, none, none)).pixels
        return pixels if self.model.color is None else self.model.color(pixels)

    def decide(self, scores: NDArray[np.float32]) -> list[str]:
        """The decision on each row of `scores` (N, C): a class name; of a multi-label task, those above 0.5.

        A binary decision is at the threshold chosen on validation, where there is one; else the highest score decides.
        """
        if self.model.task == "multilabel":
            return ["+".join(np.array(self.classes)[row > 0.5]) for row in scores]
        threshold = self.record["threshold"]
        binary = self.model.task == "binary" and threshold is not None
        chosen = (scores[:, 1] > threshold).astype(int) if binary else scores.argmax(axis=1)
        return [self.classes[index] for index in chosen]


def open_cell(folder: Path) -> TrainedCell:
    """The cell in `folder`.

    Raises:
        MedxferError: it is no cell's folder, the cell is not done, or its records or weights are missing or damaged.
    """
    _check_done(folder)
    try:
        record = json.loads((folder / "metrics.json").read_text())
        config = OmegaConf.load(folder / "config.yaml")
        assert isinstance(config, DictConfig)
        return _assemble(folder, config, record)
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise MedxferError(
            f"cell={folder}: it has no {name}; copy the cell's folder whole, or train it again"
        ) from error
    except (KeyError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise MedxferError(
            f"cell={folder}: its records and its weights are damaged or of another version of medxfer ({reason}); "
            "train it again"
        ) from error


def _check_done(folder: Path) -> None:
    if not folder.is_dir():
        raise MedxferError(f"cell={folder}: no such folder; give a cell's folder, <study>/cells/<cell>")
    if (folder / "metrics.json").is_file():
        return
    if (folder / "study.json").is_file() or folder.name == "cells":
        raise MedxferError(f"cell={folder}: this holds a whole study; give one of its cells, <study>/cells/<cell>")
    if (folder / "failed.json").is_file():
        reason = json.loads((folder / "failed.json").read_text())["reason"]
        raise MedxferError(f"cell={folder}: it failed ({reason}); mend that and run its study's command again")
    if folder.parent.name == "cells" or (folder / "checkpoints").is_dir():
        raise MedxferError(f"cell={folder}: it is not done; run its study's command again, which goes on with it")
    raise MedxferError(f"cell={folder}: this is no cell's folder; give <study>/cells/<cell>")


def _assemble(folder: Path, config: DictConfig, record: dict[str, Any]) -> TrainedCell:
    mean, std = record["input"]["mean"], record["input"]["std"]
    window = parse_window(record["factors"]["window"])
    color = ColorTransform(config.colormap, mean, std, config.levels)
    learned = color.learned is not None
    name = find(config.backbone, config.pretrained).shown  # with the weights' tag, which can change the network
    backbone = create_backbone(name, len(record["classes"]), False, image_size=config.image_size)
    if color.in_channels == 1:
        take_single_channel(backbone, mean, std)
    model = Classifier.load_from_checkpoint(
        folder / "checkpoints" / "best.ckpt",
        map_location="cpu",
        weights_only=True,
        backbone=backbone,
        color=color if learned else None,
    )
    Compute(channels_last=record["compute"]["channels_last"]).apply(model)
    return TrainedCell(folder, config, record, model.eval(), Renderer(None if learned else color, window), window)
