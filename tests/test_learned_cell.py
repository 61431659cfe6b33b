"""A cell with learned colours, trained whole: its record holds the table that it was tested with."""

import numpy as np
import pandas as pd
import torch
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.color import colormap_table
from medxfer.config import CONF
from medxfer.train import train


def trained(folder, colormap: str):
    """The folder of a tiny cell, trained."""
    images = make_pictures(folder / "in", n=30)
    overrides = [
        "data=images", f"data.root={images}", "backbone=test_efficientnet", "pretrained=false", "image_size=32",
        "batch_size=8", "trainer.max_epochs=1", "logger=none", f"colormap={colormap}", f"store.root={folder / 'cache'}",
        f"study.root={folder / 'studies'}",
    ]  # fmt: skip
    with initialize_config_dir(str(CONF), version_base="1.3"):
        train(compose("train", overrides))
    (cell,) = folder.glob("studies/*/cells/*")
    return cell


def test_a_learned_table_is_recorded_as_the_tested_weights_have_it(tmp_path):
    cell = trained(tmp_path, "learned:viridis")
    table = pd.read_parquet(cell / "colors.parquet")
    assert list(table.columns) == ["r", "g", "b"]
    assert table.shape == (256, 3)
    start = colormap_table("viridis").numpy()
    assert 0 < np.abs(table.to_numpy() - start).max() < 0.5
    state = torch.load(cell / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert np.array_equal(table.to_numpy(), state["color.learned.colors"].numpy())


def test_a_fixed_table_is_not_recorded(tmp_path):
    assert not (trained(tmp_path, "viridis") / "colors.parquet").exists()
