"""Networks by name: heads, sizes, channels, random weights from the seed."""

import pytest
import torch
import torchvision

from medxfer.base.errors import MedxferError
from medxfer.model import seeds
from medxfer.model.backbone import create_backbone
from medxfer.model.catalogue import check_weights, find, input_statistics

FAMILIES = (
    "resnet18", "resnet34", "resnet50", "alexnet", "densenet121", "tf_efficientnet_lite0", "convnext_atto",
    "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224",
)  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_gives_one_logit_a_class_at_the_asked_size(name: str) -> None:
    network = create_backbone(name, 3, False, image_size=64)
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 3)
    assert network.weights_record is None


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "alexnet"])
def test_one_channel(name: str) -> None:
    size = 160 if name == "test_vit" else 64
    assert create_backbone(name, 2, False, in_chans=1)(torch.randn(2, 1, size, size)).shape == (2, 2)


def test_two_channels_are_refused() -> None:
    with pytest.raises(MedxferError, match="1 or 3"):
        create_backbone("resnet18", 2, False, in_chans=2)


@pytest.mark.parametrize(
    ("name", "size", "takes"),
    [
        ("test_vit", 70, "it takes multiples of 16 px"),
        ("alexnet", 32, "it takes 63 px and more"),
        ("nest_tiny", 50, "it was made for 224 px"),
    ],
)
def test_a_size_that_a_network_does_not_take_is_refused_with_those_it_takes(name: str, size: int, takes: str) -> None:
    with pytest.raises(MedxferError, match=f"does not take images of {size} px.*{takes}"):
        create_backbone(name, 2, False, image_size=size)


TIMM = "': backbones come from timm, .*"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnt18", "'.*resnet18.*lists all"),
        ("alexnett", "'.*alexnet.*lists all"),
        ("torchvision/resnet18", f"{TIMM}use resnet18.tv_in1k"),
        ("torchvision/resnet50.IMAGENET1K_V2", f"{TIMM}use resnet50.tv2_in1k or resnet50.tv_in1k"),
        ("torchvision/alexnet", f"{TIMM}use alexnet.tv_in1k"),
        ("torchvision/squeezenet1_1", f"{TIMM}timm has no network of this name; .* lists all"),
    ],
)
def test_an_unknown_name_comes_with_what_to_take(name: str, said: str) -> None:
    with pytest.raises(MedxferError, match=f"backbone '{name}{said}"):
        find(name)


def test_alexnet_is_torchvisions_network_with_the_same_initial_weights() -> None:
    network = create_backbone("alexnet", 3, False, seed=2)
    with seeds.seeded(seeds.derive(2, seeds.BACKBONE)):
        expected = torchvision.models.alexnet(num_classes=3).state_dict()
    assert list(network.state_dict()) == list(expected)
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())


def test_an_unknown_tag_comes_with_all_tags() -> None:
    with pytest.raises(MedxferError, match=r"a9.*a1_in1k"):
        find("resnet18.a9")
    find("resnet18.a1_in1k")


def test_random_weights_depend_on_the_seed_alone_and_leave_the_global_state() -> None:
    torch.manual_seed(1)
    first = create_backbone("test_resnet", 2, False, seed=3).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = create_backbone("test_resnet", 2, False, seed=3).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], second[key]) for key in first)
    other = create_backbone("test_resnet", 2, False, seed=4).state_dict()
    assert not torch.equal(first["conv1.0.weight"], other["conv1.0.weight"])


def test_weights_lie_in_channels_last() -> None:
    weight = create_backbone("test_resnet", 2, False).layer1[0].conv2.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_statistics_are_the_weights_own() -> None:
    assert input_statistics("tf_efficientnet_lite0") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert input_statistics("alexnet")[0] == pytest.approx((0.485, 0.456, 0.406))


def test_weights_that_want_another_normalisation_than_the_random_arm_are_refused() -> None:
    check_weights("resnet50", "a1_in1k")
    check_weights("tf_efficientnet_b0", "file:w.pth")
    with pytest.raises(MedxferError, match=r"backbone=tf_efficientnet_b0\.ap_in1k pretrained=true,false"):
        check_weights("tf_efficientnet_b0", "ap_in1k")
    check_weights("tf_efficientnet_b0.ap_in1k", True)
    assert input_statistics("tf_efficientnet_b0.ap_in1k") != input_statistics("tf_efficientnet_b0")
