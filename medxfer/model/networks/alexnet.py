"""AlexNet (Krizhevsky et al. 2012), which timm lacks: torchvision's network and weights, registered with timm."""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn
from torchvision.models import AlexNet, AlexNet_Weights

_WEIGHTS = AlexNet_Weights.IMAGENET1K_V1
_PRESET = _WEIGHTS.transforms()

default_cfgs = generate_default_cfgs(  # the name under which timm's register_model looks for the weights
    {
        "alexnet.tv_in1k": {
            "url": _WEIGHTS.url,
            "num_classes": 1000,
            "input_size": (3, 224, 224),
            "min_input_size": (3, *_WEIGHTS.meta["min_size"]),
            "mean": tuple(_PRESET.mean),
            "std": tuple(_PRESET.std),
            "first_conv": "features.0",
            "classifier": "classifier.6",
        }
    }
)


class _AlexNet(AlexNet):  # type: ignore[misc]  # torchvision has no types
    """torchvision's network, with what timm asks of one."""

    def __init__(self, num_classes: int = 1000, in_chans: int = 3) -> None:
        super().__init__(num_classes)
        self.num_classes = num_classes
        if in_chans != 3:
            self.features[0] = nn.Conv2d(in_chans, 64, kernel_size=11, stride=4, padding=2)
        if not num_classes:
            self.classifier[6] = nn.Identity()

    def get_classifier(self) -> nn.Module:
        last: nn.Module = self.classifier[6]
        return last


@register_model
def alexnet(pretrained: bool = False, **options: Any) -> nn.Module:
    """torchvision's AlexNet, as `timm.create_model("alexnet")` makes it."""
    network: nn.Module = build_model_with_cfg(_AlexNet, "alexnet", pretrained, **options)
    return network
