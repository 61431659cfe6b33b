"""External sets: scored with the epoch that is tested, never trained on, and no part of what makes a cell."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from cells import small_config, train_small
from pictures import make_elsewhere

from medxfer.training.prepare import prepare


def asked(folder: Path, *more: str) -> list[str]:
    return ["data@external=images", f"external.root={folder}", "external.name=clinic", *more]


def test_every_cell_scores_the_set_with_the_epoch_that_it_tests(tmp_path: Path) -> None:
    cell, objects = train_small(tmp_path, *asked(make_elsewhere(tmp_path / "out")))
    table = pd.read_parquet(cell / "predictions.parquet").query("split == 'external:clinic'")
    assert len(table) == 24
    assert table["label"].tolist() == [i // 2 % 2 for i in range(24)]
    np.testing.assert_allclose(table[["score_0", "score_1"]].sum(axis=1), 1, rtol=1e-5)
    record = json.loads((cell / "metrics.json").read_text())["external"]["clinic"]
    assert (record["images"], record["patients"]) == (24, 12)
    assert record["by_class"] == {"images": [12, 12], "patients": [6, 6]}
    model = objects["model"]
    best = model.predictions["test"].scores.numpy()
    own = pd.read_parquet(cell / "predictions.parquet").query("split == 'test'")
    np.testing.assert_array_equal(own[["score_0", "score_1"]].to_numpy(np.float32), best)


def test_a_set_changes_neither_the_training_nor_the_cells_name(tmp_path: Path) -> None:
    with_set = prepare(small_config(tmp_path, *asked(make_elsewhere(tmp_path / "out"))))
    without = prepare(small_config(tmp_path))
    assert with_set.cell.name == without.cell.name
    assert with_set.cell.study == without.cell.study
