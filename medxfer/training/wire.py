"""A cell's parts, put together: colour and augmentation for the data, backbone and head for the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medxfer.base.batch import GrayBatch
from medxfer.base.window import Window
from medxfer.color import Augment, ColorTransform, Renderer, channel_statistics, take_single_channel
from medxfer.data.serve.balance import class_weights
from medxfer.data.serve.module import GrayDataModule, StoredBatches, mapped
from medxfer.data.store.stored_series import by_series
from medxfer.model.backbone import create_backbone
from medxfer.model.classifier import Classifier
from medxfer.model.weights import WeightsRecord, normalisation

if TYPE_CHECKING:  # a trained cell needs none of what prepares one
    from medxfer.training.settled_cell import Prepared

# The settings that Classifier knows by the same names.
RECIPE = ("seed", "lr", "weight_decay", "optimizer", "label_smoothing", "finetune", "backbone_lr_scale")


@dataclass(frozen=True)
class Design:
    """What a cell's network is, from gray to logits; its initial weights come apart."""

    backbone: str
    image_size: int
    colormap: str
    levels: int
    mean: Sequence[float]  # of the input in [0, 1], three values
    std: Sequence[float]
    window: Window | None  # in HU; None for display gray
    classifier: Mapping[str, Any]  # what Classifier is given beside backbone and color: task, classes, seed, recipe

    def color(self) -> ColorTransform:
        return ColorTransform(self.colormap, self.mean, self.std, self.levels)

    def assemble(
        self, pretrained: bool | str = False, weights: WeightsRecord | None = None, augment: Augment | None = None
    ) -> tuple[Classifier, Renderer]:
        """The model, with these weights, and the renderer: a learned table is trained, so it goes with the model; a
        fixed one goes with the renderer."""
        color = self.color()
        learned = color.learned is not None
        backbone = create_backbone(
            self.backbone,
            len(self.classifier["classes"]),
            pretrained,
            weights,
            image_size=self.image_size,
            seed=self.classifier["seed"],
        )
        if color.in_channels == 1:
            take_single_channel(backbone, self.mean, self.std)
        model = Classifier(backbone, color=color if learned else None, **self.classifier)
        return model, Renderer(None if learned else color, self.window, augment)


def wire(prepared: "Prepared") -> tuple[Classifier, GrayDataModule]:
    """The model and the data of a prepared cell."""
    config, store = prepared.config, prepared.store
    train = np.flatnonzero(prepared.parts == "train")
    weights_of_classes = class_weights(store.labels[train], len(store.classes)) if config.balance == "weights" else None
    mean, std = normalisation(config.backbone, prepared.weights)
    design = Design(
        backbone=config.backbone,
        image_size=config.image_size,
        colormap=config.colormap,
        levels=config.levels,
        mean=mean,
        std=std,
        window=prepared.window,
        classifier={
            **{key: config[key] for key in RECIPE},
            "task": store.task,
            "classes": store.classes,
            "warmup_fraction": config.warmup,
            "class_weights": weights_of_classes,  # of the training part, so that they are the same in every arm
            "color_lr": config.learned.lr,
            "color_smoothness": config.learned.smoothness,
        },
    )
    if config.normalize == "arm":
        design = _normalized_by_arm(design, mapped(store), train)
    augment = Augment(**config.augment) if config.augment else None
    model, renderer = design.assemble(config.pretrained, prepared.weights, augment)
    model.by_series = by_series(store, prepared.score)
    balanced = config.balance == "sampling"
    return model, GrayDataModule(store, prepared.parts, renderer, config.batch_size, config.seed, balanced)


def _normalized_by_arm(
    design: Design, images: StoredBatches[GrayBatch], rows: NDArray[np.int64], size: int = 256
) -> Design:
    """`design` with the mean and standard deviation of the images in `rows` as this arm's colours show them."""
    plain = replace(design, mean=(0.0,) * 3, std=(1.0,) * 3).color()
    batches = (images.__getitems__(rows[start : start + size].tolist()) for start in range(0, len(rows), size))
    mean, std = channel_statistics(Renderer(plain, design.window), batches)
    repeat = 3 if len(mean) == 1 else 1
    return replace(design, mean=mean * repeat, std=std * repeat)
