"""A prepared cell's parts, put together: colour and augmentation for the data, backbone and head for the model."""

import numpy as np
from numpy.typing import NDArray

from medxfer.color import Augment, ColorTransform, Renderer, channel_statistics, take_single_channel
from medxfer.data.serve.balance import class_weights
from medxfer.data.serve.module import GrayDataModule, mapped
from medxfer.model.backbone import create_backbone
from medxfer.model.catalogue import input_statistics
from medxfer.model.classifier import Classifier
from medxfer.training.prepare import Prepared


def wire(prepared: Prepared) -> tuple[Classifier, GrayDataModule]:
    """The model and the data. A learned table is trained, so it goes with the model; a fixed one with the data."""
    config, store = prepared.config, prepared.store
    statistics = input_statistics(config.backbone)
    if config.normalize == "arm":
        statistics = _arm_statistics(prepared)
    color = ColorTransform(config.colormap, *statistics, config.levels)
    learned = color.learned is not None
    backbone = create_backbone(
        config.backbone,
        len(store.classes),
        config.pretrained,
        prepared.weights,
        image_size=config.image_size,
        seed=config.seed,
    )
    if color.in_channels == 1:
        take_single_channel(backbone, *statistics)
    model = Classifier(
        backbone,
        task=store.task,  # type: ignore[arg-type]
        classes=store.classes,
        seed=config.seed,
        lr=config.lr,
        weight_decay=config.weight_decay,
        optimizer=config.optimizer,
        warmup_fraction=config.warmup,
        label_smoothing=config.label_smoothing,
        class_weights=_class_weights(prepared) if config.balance == "weights" else None,
        finetune=config.finetune,
        backbone_lr_scale=config.backbone_lr_scale,
        color=color if learned else None,
        color_lr=config.learned.lr,
        color_smoothness=config.learned.smoothness,
    )
    augment = Augment(**config.augment) if config.augment else None
    renderer = Renderer(None if learned else color, prepared.window, augment)
    balanced = config.balance == "sampling"
    return model, GrayDataModule(store, prepared.parts, renderer, config.batch_size, config.seed, balanced)


def _class_weights(prepared: Prepared) -> list[float]:
    """Of the training part, so that they are the same in every arm."""
    return class_weights(prepared.store.labels[prepared.parts == "train"], len(prepared.store.classes))


def _arm_statistics(prepared: Prepared) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the training set as this arm's colours show it (normalize=arm)."""
    plain = ColorTransform(prepared.config.colormap, (0.0,) * 3, (1.0,) * 3, prepared.config.levels)
    images, rows = mapped(prepared.store), np.flatnonzero(prepared.parts == "train")
    batches = (images.__getitems__(chunk) for chunk in _chunks(rows))
    mean, std = channel_statistics(Renderer(plain, prepared.window), batches)
    return (mean * 3, std * 3) if len(mean) == 1 else (mean, std)


def _chunks(rows: NDArray[np.int64], size: int = 256) -> list[list[int]]:
    return [rows[start : start + size].tolist() for start in range(0, len(rows), size)]
