"""A cell with learned colours, trained whole: its record holds the table that it was tested with."""

import numpy as np
import pandas as pd
import torch
from trained_cells import train_cell

from medxfer.color import colormap_table


def test_a_learned_table_is_recorded_as_the_tested_weights_have_it(tmp_path):
    cell = train_cell(tmp_path, "colormap=learned:viridis")
    table = pd.read_parquet(cell / "colors.parquet")
    assert list(table.columns) == ["r", "g", "b"]
    assert table.shape == (256, 3)
    start = colormap_table("viridis").numpy()
    assert 0 < np.abs(table.to_numpy() - start).max() < 0.5
    state = torch.load(cell / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert np.array_equal(table.to_numpy(), state["color.learned.colors"].numpy())


def test_a_fixed_table_is_not_recorded(tmp_path):
    assert not (train_cell(tmp_path, "colormap=viridis") / "colors.parquet").exists()
