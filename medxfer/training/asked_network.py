"""The network that a cell asks for: that there is one, that it takes the images, and what it begins with."""

from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.words import AUTO
from medxfer.model.backbone import check_finetune, check_image_size, check_repeatable, stage_names
from medxfer.model.catalogue import BOTTOM, check_backbone, check_weights, input_size
from medxfer.model.layers import count_of
from medxfer.model.weights import WeightsRecord, resolve
from medxfer.study.identity import Json
from medxfer.training.compute import on_gpu


def check_network(config: DictConfig, backbone: str, pretrained: bool | str) -> None:
    """Raise MedxferError where there is no such backbone, or it has no such weights or layers."""
    check_backbone(backbone)
    check_weights(backbone, pretrained)
    check_finetune(config.finetune, backbone)
    if isinstance(pretrained, str) and pretrained.startswith(BOTTOM):
        count_of(f"pretrained={pretrained}", "bottom", stage_names(backbone))


def sized(values: Json) -> Json:
    """`values` with the number of pixels for image_size=auto: that of the images which the backbone's weights saw."""
    return {**values, "image_size": input_size(values["backbone"])} if values["image_size"] == AUTO else values


def initial_weights(config: DictConfig, values: Json, auto: bool, learned: bool) -> WeightsRecord | None:
    """The weights that the cell with these `values`, which are `sized`, begins with; None for random ones.

    `auto`: image_size was not given; `learned`: its colours are learned. Raises MedxferError where the network does not
    take images of this size, cannot repeat a training as deterministic=true asks, or the weights are not there.
    """
    check_image_size(values["backbone"], values["image_size"])
    if config.deterministic is True and on_gpu(config):
        check_repeatable(values["backbone"], values["image_size"], config.finetune, learned)
    weights = resolve(values["backbone"], values["pretrained"])
    if auto and weights and weights.size not in (None, values["image_size"]):
        raise MedxferError(
            f"image_size=auto is {values['image_size']} px with backbone={values['backbone']}, in every arm, and "
            f"pretrained={values['pretrained']} was trained at {weights.size} px: give "
            f"image_size={weights.size}, or another, for all arms"
        )
    return weights
