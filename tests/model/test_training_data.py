"""Which data weights are said to have seen."""

import pytest
import timm

from medxfer.model.training_data import data_of


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        ("a1_in1k", "ImageNet-1k"),
        ("in1k", "ImageNet-1k"),
        ("mim_in22k", "ImageNet-22k"),
        ("augreg2_in21k_ft_in1k", "ImageNet-21k + ImageNet-1k"),
        ("clip_laion2b_ft_in12k_in1k", None),
        ("laion2b_ft_in12k_in1k", "LAION-2B + ImageNet-12k + ImageNet-1k"),
        ("swsl_ig1b_ft_in1k", "Instagram-1B + ImageNet-1k"),
        ("dino", ""),
        ("apple_pt", ""),
        ("", ""),
    ],
)
def test_the_data_follow_from_the_tag(tag: str, data: str | None) -> None:
    assert data_of(tag) == ("LAION-2B + ImageNet-12k + ImageNet-1k" if data is None else data)


def test_nothing_is_called_imagenet_that_does_not_say_so() -> None:
    tags = {name.partition(".")[2] for name in timm.list_pretrained()}
    said = {tag: data_of(tag) for tag in tags}
    assert all(
        any(part.startswith("in") for part in tag.split("_")) for tag, data in said.items() if "ImageNet" in data
    )
    assert sum(bool(data) for data in said.values()) > 0.8 * len(said)
