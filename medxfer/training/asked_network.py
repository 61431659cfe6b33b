"""The network that a cell asks for: that there is one, that it takes the images, and what it begins with."""

from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.words import AUTO
from medxfer.color import parse_colormap
from medxfer.model.backbone import check_finetune, check_image_size, check_repeatable, stage_names
from medxfer.model.catalogue import BOTTOM, check_weights, input_size
from medxfer.model.layers import count_of
from medxfer.model.weights import WeightsRecord, resolve
from medxfer.study.identity import Json
from medxfer.training.compute import on_gpu


def sized(values: Json) -> Json:
    """`values` with the number of pixels for image_size=auto: that of the images which the backbone's weights saw."""
    return {**values, "image_size": input_size(values["backbone"])} if values["image_size"] == AUTO else values


def initial_weights(backbone: str, pretrained: bool | str, image_size: int | str) -> WeightsRecord | None:
    """The weights that a network begins with; None for random ones.

    Raises MedxferError where there is no such backbone, it has no such weights, they are not there, or it does not take
    images of this size.
    """
    check_weights(backbone, pretrained)
    if isinstance(pretrained, str) and pretrained.startswith(BOTTOM):
        count_of(f"pretrained={pretrained}", "bottom", stage_names(backbone))
    pixels = input_size(backbone) if image_size == AUTO else int(image_size)
    check_image_size(backbone, pixels)
    weights = resolve(backbone, pretrained)
    if image_size == AUTO and weights and weights.size not in (None, pixels):
        raise MedxferError(
            f"image_size=auto is {pixels} px with backbone={backbone}, in every arm, and pretrained={pretrained} was "
            f"trained at {weights.size} px: give image_size={weights.size}, or another, for all arms"
        )
    return weights


def check_trainable(config: DictConfig, values: Json) -> None:
    """Raise MedxferError where the network of `values` has no such layers to train, or cannot repeat a training as
    deterministic=true asks."""
    check_finetune(config.finetune, values["backbone"])
    if config.deterministic is True and on_gpu(config):
        learned = parse_colormap(values["colormap"]).kind == "learned"
        check_repeatable(values["backbone"], sized(values)["image_size"], config.finetune, learned)
