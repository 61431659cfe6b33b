"""A trained cell from its folder, ready to score new images."""

from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from medxfer.base.batch import GrayBatch
from medxfer.base.errors import MedxferError, first_line
from medxfer.base.files import read_json
from medxfer.base.series import IMAGE, IN_WORDS, score_of
from medxfer.base.window import parse_window
from medxfer.color import ColorTransform, Renderer, kept_files
from medxfer.model.catalogue import find
from medxfer.model.classifier import Classifier
from medxfer.study.cell import COLOR_FILE
from medxfer.study.checkpoints import BEST
from medxfer.training.wire import Design

# What is read of a cell after it is opened; an old cell without one of these is refused then.
_SETTINGS = ("batch_size", "deterministic", "data.keep_aspect", "data.source._target_")
_RECORDED = (
    "cell", "input.gray", "data.modality", "compute.precision", "threshold", "weights", "versions",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TrainedCell:
    """A cell that is done, with the weights of its tested epoch; on the CPU, in eval mode."""

    folder: Path
    config: DictConfig
    record: dict[str, Any]  # its metrics.json
    design: Design
    model: Classifier
    renderer: Renderer  # gray as in the store → what the model takes

    @property
    def classes(self) -> list[str]:
        return self.model.classes

    @property
    def score(self) -> str:
        """What the cell judged: images, or series by mean or max."""
        return score_of(self.config.data)

    @property
    def gray(self) -> np.dtype:
        """The dtype of the store: uint8 or uint16 display gray, int16 for Hounsfield units."""
        return np.dtype(str(self.record["input"]["gray"]))

    @property
    def hounsfield(self) -> bool:
        return self.design.window is not None

    @property
    def color(self) -> ColorTransform:
        color = self.renderer.color or self.model.color
        assert isinstance(color, ColorTransform)
        return color

    @torch.no_grad()
    def pixels(self, gray: Tensor) -> Tensor:
        """What the network is given for `gray` (B, H, W) of the store's dtype: (B, C, H, W), normalised; on the CPU."""
        none = torch.zeros(len(gray), dtype=torch.int64)
        pixels: Tensor = self.renderer.cpu()(GrayBatch(gray, none, none)).pixels
        return pixels if self.model.color is None else self.color(pixels)

    def decide(self, scores: NDArray[np.float32]) -> list[str]:
        """The decision on each row of `scores` (N, C), as the cell's metrics of test count it.

        Binary: class 1 where its score exceeds the threshold. Multi-label: the names of all labels whose scores do.
        Multi-class: the class of the highest score.
        """
        above = scores.astype(np.float64) > self.threshold  # a float32 of the threshold could be one of the scores
        if self.model.task == "multilabel":
            return ["+".join(np.array(self.classes)[row]) for row in above]
        chosen = above[:, 1].astype(int) if self.model.task == "binary" else scores.argmax(axis=1)
        return [self.classes[index] for index in chosen]

    @property
    def threshold(self) -> float:
        """What a score of class 1, or of a label, must exceed; 0.5 where validation could not choose it."""
        recorded = self.record["threshold"]
        return 0.5 if recorded is None else float(recorded)

    @property
    def rule(self) -> str:
        """How `decide` decides, and what."""
        series = "" if self.score == IMAGE else f" Each series has one score, {IN_WORDS[self.score]}."
        return self._decision + series

    @property
    def _decision(self) -> str:
        if self.model.task == "multilabel":
            return f"Decision: every label whose score is above {self.threshold:g}."
        if self.model.task == "multiclass":
            return "Decision: the class of the highest score."
        negative, positive = self.classes
        fixed = self.record["threshold"] is None or self.record.get("threshold_from") == "fixed"
        if self.threshold >= 1:  # no score is above it
            return f"Decision: {negative} for every image: no threshold told {positive} from it on validation."
        source = "because validation had one class alone" if fixed else "chosen on validation"
        return f"Decision: {positive} where its score is above {_digits(self.threshold)}, {source}, else {negative}."


def _digits(threshold: float) -> str:
    """With four decimals, or as many as a score that is just not above it has: float32 has nine digits."""
    return f"{threshold:.4f}" if round(threshold, 4) == threshold else f"{threshold:.9g}"


def open_cell(folder: Path) -> TrainedCell:
    """The cell in `folder`.

    Raises:
        MedxferError: it is no cell's folder, the cell is not done, or its records or weights are missing, damaged or of
            a version that this one cannot read.
    """
    _check_done(folder)
    try:
        config = OmegaConf.load(folder / "config.yaml")
        assert isinstance(config, DictConfig)
        return _assemble(folder, config, read_json(folder / "metrics.json"))
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise MedxferError(
            f"cell={folder}: it has no {name}; copy the cell's folder whole, or train it again"
        ) from error
    except MedxferError as error:
        raise MedxferError(f"cell={folder}: {error}") from error
    except Exception as error:  # records and weights can be damaged, or old, in any way
        raise MedxferError(
            f"cell={folder}: its records or its weights are damaged or of another version of medxfer "
            f"({first_line(error)}); train it again"
        ) from error


def _check_done(folder: Path) -> None:
    if not folder.is_dir():
        raise MedxferError(f"cell={folder}: no such folder; give a cell's folder, <study>/cells/<cell>")
    if (folder / "metrics.json").is_file():
        return
    if (folder / "study.json").is_file() or folder.name == "cells":
        raise MedxferError(f"cell={folder}: this holds a whole study; give one of its cells, <study>/cells/<cell>")
    if (folder / "failed.json").is_file():
        reason = read_json(folder / "failed.json").get("reason")
        raise MedxferError(f"cell={folder}: it failed ({reason}); mend that and run its study's command again")
    if folder.parent.name == "cells" or (folder / "checkpoints").is_dir():
        raise MedxferError(f"cell={folder}: it is not done; run its study's command again, which goes on with it")
    raise MedxferError(f"cell={folder}: this is no cell's folder; give <study>/cells/<cell>")


def _assemble(folder: Path, config: DictConfig, record: dict[str, Any]) -> TrainedCell:
    for keys, values in ((_SETTINGS, config), (_RECORDED, record)):
        for key in keys:
            reduce(getitem, key.split("."), values)
    weights = folder / "checkpoints" / BEST
    if not weights.is_file():
        raise MedxferError(
            "its weights were not kept (keep=none, or status prune=true); delete the cell's folder, "
            "and its study's command trains it again"
        )
    checkpoint = torch.load(weights, map_location="cpu", weights_only=True)
    design = Design(
        backbone=find(config.backbone, config.pretrained).name,  # with the weights' tag, which can change the network
        image_size=config.image_size,
        colormap=config.colormap,
        levels=config.levels,
        mean=record["input"]["mean"],
        std=record["input"]["std"],
        window=parse_window(record["factors"]["window"]),
        classifier=checkpoint["hyper_parameters"],
    )
    kept = {record["colors"]["file"]: folder / COLOR_FILE} if "colors" in record else {}
    with kept_files(kept):
        model, renderer = design.assemble()
    model.load_state_dict(checkpoint["state_dict"])
    model.on_load_checkpoint(checkpoint)  # with the validation scores
    model.lay_out(record["compute"]["channels_last"])
    return TrainedCell(folder, config, record, design, model.eval(), renderer)
