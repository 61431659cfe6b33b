"""Sizes that a network does not take and shares of an epoch that are no batch: refused before anything trains."""

import pytest
from cells import small_config

from medxfer.base.errors import MedxferError
from medxfer.model.backbone import check_image_size, create_backbone
from medxfer.training.prepare import prepare


def refusal(folder, *overrides: str) -> str:
    with pytest.raises(MedxferError) as refused:
        prepare(small_config(folder, *overrides))
    return str(refused.value)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("trainer.limit_train_batches=0.3", "of 3 training batches that is less than one; give a share from 0.334 on"),
        ("trainer.limit_val_batches=0.5", "of 1 validation batch that is less than one; give a share from 1 on"),
        ("trainer.limit_test_batches=0.01", "of 1 test batch that is less than one"),
    ],
)
def test_a_share_that_is_no_batch_is_refused_once_the_data_set_is_known(tmp_path, limit, said):
    assert said in refusal(tmp_path, limit)


def test_a_last_batch_of_one_image_counts_for_none(tmp_path):
    images = int((prepare(small_config(tmp_path)).parts == "train").sum())
    overrides = (f"batch_size={images - 1}", "trainer.limit_train_batches=0.5")
    assert "of 1 training batch that is less than one" in refusal(tmp_path, *overrides)


@pytest.mark.parametrize("limit", ["trainer.limit_train_batches=0.334", "trainer.limit_val_batches=1"])
def test_a_share_or_number_that_is_a_batch_is_taken(tmp_path, limit):
    prepare(small_config(tmp_path, limit))


def test_a_size_that_a_network_does_not_take_is_refused_before_data_is_read(tmp_path):
    said = refusal(tmp_path, "backbone=alexnet", "image_size=32", "data.root=/nowhere")
    assert said.startswith("backbone 'alexnet' does not take images of 32 px")
    assert said.endswith("it was made for 224 px.") or "it takes 63 px and more" in said


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("alexnet", 32),
        ("alexnet", 64),
        ("resnet18", 32),
        ("vgg11", 32),
        ("vit_tiny_patch16_224", 40),
        ("densenet121", 16),
    ],
)
def test_the_cheap_check_says_what_building_the_network_says(name, size):
    def said(check) -> str | None:
        try:
            check()
        except MedxferError as error:
            return str(error)
        return None

    built = said(lambda: create_backbone(name, 2, False, image_size=size))
    assert said(lambda: check_image_size(name, size)) == built
