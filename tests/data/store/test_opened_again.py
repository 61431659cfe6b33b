"""One process, as a notebook is: what is edited between two trainings is seen, and what is not is opened once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig
from pictures import make_elsewhere, make_pictures
from PIL import Image
from releases import compose_cell

from medxfer.data.sources import files_stamp
from medxfer.data.store.dataset import DatasetInfo, dataset_of
from medxfer.data.store.open import store_of
from medxfer.training.prepare import prepare


@pytest.fixture(autouse=True)
def _each_look_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_stamp, "_REST", 0.0)


@pytest.fixture
def config(tmp_path: Path) -> DictConfig:
    return compose_cell(tmp_path, "data=images", f"data.root={make_pictures(tmp_path / 'in', n=40)}")


def labels(root: Path, **columns: object) -> None:
    pd.read_csv(root / "labels.csv").assign(**columns).to_csv(root / "labels.csv", index=False)


def pixels(dataset: DatasetInfo) -> list[str]:
    return list(store_of(dataset, 32, False, 0.2, None).images["pixels"])


def test_what_stays_is_opened_once(config: DictConfig) -> None:
    one = dataset_of(config)
    assert dataset_of(config) is one
    assert store_of(one, 32, False, 0.2, None) is store_of(dataset_of(config), 32, False, 0.2, None)


def test_edited_labels_pixels_and_files_are_seen(config: DictConfig, tmp_path: Path) -> None:
    first = dataset_of(config)
    before = pixels(first)
    labels(tmp_path / "in", label=["a", "a", "b", "b"] * 10)
    relabelled = dataset_of(config)
    assert relabelled.index.labels.tolist() == [0, 0, 1, 1] * 10
    Image.fromarray(np.full((20, 16), 7, np.uint8)).save(tmp_path / "in" / "3.png")
    repainted = dataset_of(config)
    assert [one != other for one, other in zip(before, pixels(repainted), strict=True)] == [n == 3 for n in range(40)]
    labels(tmp_path / "in", patient_id=[f"Q{n // 4}" for n in range(40)])
    assert dataset_of(config).index.images["patient"].nunique() == 10
    (tmp_path / "in" / "5.png").unlink()
    with pytest.warns(UserWarning, match="no file of the folder"):
        assert len(dataset_of(config).index.images) == 39
    assert len({first.fingerprint, relabelled.fingerprint, repainted.fingerprint, dataset_of(config).fingerprint}) == 4


def test_a_cell_is_another_one_once_its_labels_are(config: DictConfig, tmp_path: Path) -> None:
    first = prepare(config)
    assert prepare(config).cell.name == first.cell.name
    labels(tmp_path / "in", label=["b", "a"] * 20)
    second = prepare(config)
    assert second.cell.name != first.cell.name
    assert second.dataset is not first.dataset
    assert (second.store.labels == 1 - first.store.labels).all()


def test_an_external_set_is_opened_again_too(config: DictConfig, tmp_path: Path) -> None:
    elsewhere = make_elsewhere(tmp_path / "out")
    config = compose_cell(
        tmp_path, "data=images", f"data.root={tmp_path / 'in'}", "data@external=images", f"external.root={elsewhere}",
        "external.name=clinic",
    )  # fmt: skip
    (first,) = prepare(config).external
    labels(elsewhere, label=["a", "b"] * 12)
    (second,) = prepare(config).external
    assert second.fingerprint != first.fingerprint
    assert second.labels.tolist() == [0, 1] * 12
    assert prepare(config).external[0] is second
