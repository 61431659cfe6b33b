"""Common random numbers: with the same seed, arms differ in colour and initial weights, and in nothing else."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.color import ColorTransform, colormap_table
from medxfer.model.backbone import create_backbone
from medxfer.model.catalogue import input_statistics
from medxfer.model.layers import find_head
from medxfer.training.prepare import prepare
from medxfer.training.settled_cell import Prepared
from medxfer.training.wire import wire


@pytest.fixture(scope="module")
def wired(tmp_path_factory):
    """A function from overrides to (model, data) of a cell on the same pictures."""
    folder = tmp_path_factory.mktemp("pairing")
    images = make_pictures(folder / "in", n=40)
    own = folder / "own.pth"
    torch.save(create_backbone("test_efficientnet", 2, False, seed=9).state_dict(), own)
    common = ["data=images", f"data.root={images}", "backbone=test_efficientnet", "image_size=32", "batch_size=8",
              f"store.root={folder / 'cache'}", f"study.root={folder / 'studies'}"]  # fmt: skip

    def make(*overrides: str):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", [*common, *(o.replace("OWN", f"file:{own}") for o in overrides)])
        prepared = prepare(config)
        assert isinstance(prepared, Prepared), prepared
        return wire(prepared)

    return make


def batches(data, epoch: int):
    """The epoch's training batches as the network would get them."""
    loader = data.train_dataloader()
    loader.batch_sampler.sampler.set_epoch(epoch)
    return [data.renderer(batch, (data.seed, epoch, number)) for number, batch in enumerate(loader)]


def test_arms_of_a_seed_have_the_same_head_and_the_same_settings(wired):
    pretrained, random, other = wired("pretrained=OWN"), wired("pretrained=false"), wired("pretrained=false", "seed=1")
    heads = [find_head(model.backbone)[0].state_dict() for model, _ in (pretrained, random, other)]
    assert all(torch.equal(heads[0][key], heads[1][key]) for key in heads[0])
    assert any(not torch.equal(heads[0][key], heads[2][key]) for key in heads[0])
    assert dict(pretrained[0].hparams) == dict(random[0].hparams)
    assert str(pretrained[0].backbone) == str(random[0].backbone)
    body = [next(model.backbone.parameters()) for model, _ in (pretrained, random)]
    assert not torch.equal(*body)


def test_arms_of_a_seed_see_the_same_augmented_gray_in_the_same_order(wired):
    none, viridis = (wired("pretrained=false", f"colormap={name}")[1] for name in ("none", "viridis"))
    colors = none.renderer.color.table[:, 0], viridis.renderer.color.table
    for epoch in (0, 3):
        for gray, color in zip(batches(none, epoch), batches(viridis, epoch), strict=True):
            assert torch.equal(gray.row, color.row)
            level = torch.searchsorted(colors[0], gray.pixels[:, 0].contiguous())
            assert torch.equal(colors[1][level], color.pixels.permute(0, 2, 3, 1))


def test_epochs_and_seeds_draw_anew(wired):
    one, other = (wired("pretrained=false", f"seed={seed}")[1] for seed in (0, 1))
    first = batches(one, 0)
    assert torch.equal(first[0].pixels, batches(one, 0)[0].pixels)
    assert not torch.equal(first[0].pixels, batches(one, 1)[0].pixels)
    assert not torch.equal(first[0].pixels, batches(other, 0)[0].pixels)


def test_arms_have_the_weights_own_normalisation_unless_asked(wired):
    tables = [wired("colormap=viridis", f"pretrained={value}")[1].renderer.color.table for value in ("false", "OWN")]
    mean, std = (torch.tensor(values) for values in input_statistics("test_efficientnet"))
    assert all(torch.allclose(table, (colormap_table("viridis") - mean) / std, atol=1e-6) for table in tables)
    arm = wired("colormap=viridis", "pretrained=false", "normalize=arm")[1]
    parts = [arm.renderer(batch).pixels for batch in arm.train_dataloader()]
    pixels = torch.cat(parts)
    assert torch.allclose(pixels.mean((0, 2, 3)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(pixels.std((0, 2, 3)), torch.ones(3), atol=1e-3)


def test_a_fixed_colour_is_the_datas_and_a_learned_one_the_models(wired):
    model, data = wired("pretrained=false", "colormap=viridis")
    assert isinstance(data.renderer.color, ColorTransform)
    assert model.color is None
    model, data = wired("pretrained=false", "colormap=learned:viridis")
    assert data.renderer.color is None
    assert model.color.learned.colors.requires_grad
