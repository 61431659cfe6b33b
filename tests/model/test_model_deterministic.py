"""Trainings that can be repeated bit by bit on a GPU: what is refused before, and what is made so."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from cells import small_config
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.model import deterministic
from medxfer.model.backbone import check_repeatable, unrepeatable
from medxfer.model.deterministic import REPEATABLE, raising_operations
from medxfer.training.prepare import prepare

SIZES = st.integers(1, 14)
NETWORKS = ("alexnet", "vgg11", "resnet18", "tf_efficientnet_lite0", "test_vit", "test_convnext", "resnetblur18")


def images(height: int, width: int) -> Tensor:
    return torch.randn(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@settings(max_examples=60)
@given(height=SIZES, width=SIZES, outputs=st.tuples(SIZES, SIZES))
def test_the_gradient_of_adaptive_pooling_is_torchs(height: int, width: int, outputs: tuple[int, int]) -> None:
    pixels = images(height, width).requires_grad_()
    pooled = F.adaptive_avg_pool2d(pixels, outputs)
    gradient = torch.randn_like(pooled)
    (expected,) = torch.autograd.grad(pooled, pixels, gradient)
    found = REPEATABLE["_adaptive_avg_pool2d_backward"](gradient, pixels.detach())
    assert torch.allclose(found, expected, atol=1e-12)


@settings(max_examples=30)
@given(height=st.integers(4, 9), width=st.integers(4, 9), pad=st.tuples(*[st.integers(0, 3)] * 4))
def test_the_gradient_of_reflection_padding_is_torchs(height: int, width: int, pad: tuple[int, ...]) -> None:
    pixels = images(height, width).requires_grad_()
    padded = F.pad(pixels, pad, mode="reflect")
    gradient = torch.randn_like(padded)
    (expected,) = torch.autograd.grad(padded, pixels, gradient)
    found = REPEATABLE["reflection_pad2d_backward"](gradient, pixels.detach(), list(pad))
    assert torch.allclose(found, expected, atol=1e-12)


def test_a_half_precision_gradient_keeps_its_memory_and_its_type() -> None:
    pixels = images(2, 3).bfloat16().contiguous(memory_format=torch.channels_last)
    found = REPEATABLE["_adaptive_avg_pool2d_backward"](torch.ones(2, 3, 7, 7).bfloat16(), pixels)
    assert found.dtype == torch.bfloat16
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert found.float().sum() == pytest.approx(2 * 3 * 49, rel=0.01)


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_that_tests_name_can_be_repeated(network: str) -> None:
    check_repeatable(network, 64, colors=True)


class Enlarging(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        larger = F.interpolate(self.stem(pixels), size=50, mode="bicubic")
        return F.adaptive_max_pool2d(larger, 1).flatten(1)


def test_what_cannot_be_repeated_is_named() -> None:
    with torch.device("meta"):
        network = Enlarging()
    before = torch.are_deterministic_algorithms_enabled()
    assert raising_operations(network, 32) == ["adaptive max pooling", "bicubic interpolation"]
    assert torch.are_deterministic_algorithms_enabled() == before
    network.stem.requires_grad_(False)  # no gradient passes through either
    assert raising_operations(network, 32) == []
    assert raising_operations(network, 32, colors=True) == ["adaptive max pooling", "bicubic interpolation"]


def test_it_is_said_before_the_first_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic, "REPEATABLE", {})  # AlexNet as torch has it
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    unrepeatable.cache_clear()
    with pytest.raises(MedxferError, match=r"alexnet.*adaptive average pooling"):
        prepare(small_config(tmp_path, "backbone=alexnet", "image_size=64"))
    for allowed in ("deterministic=warn", "deterministic=false", "trainer.accelerator=cpu", "finetune=head"):
        prepare(small_config(tmp_path, "backbone=alexnet", "image_size=64", allowed))
    unrepeatable.cache_clear()


def test_no_size_that_a_network_refuses_is_said_here() -> None:
    check_repeatable("swin_tiny_patch4_window7_224", 50)
    with pytest.raises(MedxferError, match="backbone"):
        check_repeatable("resnet81", 64)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("network", ["alexnet", "vgg11", "resnetblur18"])
def test_a_gpu_takes_these_kernels(network: str) -> None:
    from medxfer.model.backbone import create_backbone

    torch.use_deterministic_algorithms(True)
    try:
        gradients = []
        for _ in range(2):
            model = create_backbone(network, 2, pretrained=False).cuda().eval()
            model(images(64, 64).float().cuda()).sum().backward()
            gradients.append(next(model.parameters()).grad)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*gradients)
