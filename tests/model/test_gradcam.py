"""Grad-CAM: which layer it looks at in each family, and that it points where the evidence is."""

import pytest
import torch
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.model.backbone import create_backbone
from medxfer.model.gradcam import find_map_layer, grad_cam
from medxfer.model.layers import reset_head

LAYERS = [
    ("resnet18", 64, "layer3", 4),
    ("resnet18", 128, "layer4", 4),
    ("densenet121", 64, "features.transition3.conv", 4),
    ("tf_efficientnet_lite0", 64, "blocks.4", 4),
    ("convnext_atto", 128, "norm_pre", 4),
    ("vit_tiny_patch16_224", 64, "blocks.10", 4),  # the last block's patches cannot reach the class token
    ("swin_tiny_patch4_window7_224", 64, "layers.2", 4),
    ("alexnet", 224, "avgpool", 6),
]


@pytest.mark.parametrize(("name", "size", "layer", "side"), LAYERS)
def test_the_last_outer_layer_with_a_map_is_taken(name: str, size: int, layer: str, side: int) -> None:
    network = create_backbone(name, 2, False, image_size=size).eval()
    reset_head(network, 0)  # timm starts some heads from 0, so that nothing has a part in the scores
    pixels = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    found = find_map_layer(network, pixels)
    assert (found.name, found.side) == (layer, side)
    heat = grad_cam(network, found, pixels, 1)
    assert heat.shape == (size, size)
    assert 0 <= heat.min() <= heat.max() <= 1
    assert not any(module._forward_hooks for module in network.modules())


class Corner(nn.Module):
    """Scores class 1 by the brightness of the upper left quarter, class 0 by that of the lower right one."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 1, 4, stride=4, bias=False)
        self.fc = nn.Linear(64, 2, bias=False)
        with torch.no_grad():
            self.features.weight.fill_(1.0)
            quarter = torch.zeros(8, 8)
            quarter[:4, :4] = 1.0
            self.fc.weight.copy_(torch.stack([quarter.flip(0, 1), quarter]).reshape(2, 64))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.fc(self.features(pixels).flatten(1))


@pytest.mark.parametrize("lit", [0, 1])
def test_it_points_at_what_is_lit(lit: int) -> None:
    network, pixels = Corner().eval(), torch.zeros(1, 3, 32, 32)
    rows = slice(0, 8) if lit else slice(24, 32)
    pixels[:, :, rows, rows] = 1.0
    heat = grad_cam(network, find_map_layer(network, pixels), pixels, lit)
    assert heat[rows, rows].min() > 0.3
    heat[max(rows.start - 4, 0) : rows.stop + 4, max(rows.start - 4, 0) : rows.stop + 4] = 0
    assert heat.max() < 0.01


def test_a_network_without_a_map_is_refused() -> None:
    network = create_backbone("resnet18", 2, False, image_size=32).eval()
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    assert find_map_layer(network, torch.zeros(1, 3, 32, 32) + 0.1).name == "layer2"
    with pytest.raises(MedxferError, match="4 × 4 places or more, and Sequential has none for images of 32 px"):
        find_map_layer(flat, torch.zeros(1, 3, 32, 32))
