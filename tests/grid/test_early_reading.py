"""The files of a new data set are read while the libraries of training are imported."""

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.data.store import open as opened
from medxfer.data.store.dataset import dataset_of
from medxfer.data.store.open import store_of
from medxfer.grid import early_reading
from medxfer.grid.early_reading import read_early
from medxfer.grid.jobs import Job


@pytest.fixture
def configure(tmp_path) -> Callable[..., DictConfig]:
    images = make_pictures(tmp_path / "in", n=12)

    def configured(*overrides: str) -> DictConfig:
        common = ["data=images", f"data.root={images}", f"store.root={tmp_path / 'cache'}"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("train", [*common, *overrides])

    return configured


def wait_for_readers() -> None:
    for thread in threading.enumerate():
        if thread.name == "read_early":
            thread.join(60)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(early_reading, "FEW", 12)


@pytest.fixture
def built(monkeypatch) -> list[int]:
    """The size of each store that is built."""
    sizes: list[int] = []
    build = opened.build_store

    def counted(dataset, folder, image_size, *rest):
        sizes.append(image_size)
        build(dataset, folder, image_size, *rest)

    monkeypatch.setattr(opened, "build_store", counted)
    return sizes


def test_who_wants_the_same_store_waits_for_it(configure, built):
    config = configure("image_size=16")
    read_early([Job(config, {"colormap": color}) for color in ("none", "viridis")])
    store = store_of(dataset_of(config), 16, False, 0.2, None)
    assert len(store) == 12
    wait_for_readers()
    assert built == [16]


def test_a_swept_size_is_that_of_the_first_job(configure, built):
    base = configure()
    read_early([Job(base, {"image_size": size}) for size in (24, 48)])
    wait_for_readers()
    assert built == [24]
    assert base.image_size == "auto"


def test_files_are_read_and_not_decoded_where_the_size_is_that_of_the_weights(configure, built):
    read_early([Job(config := configure(), {})])
    wait_for_readers()
    assert built == []
    assert len(dataset_of(config).index.images) == 12


def test_few_files_are_not_read_before_their_time(configure, built, monkeypatch):
    monkeypatch.setattr(early_reading, "FEW", 14)  # with the table
    read_early([Job(configure("image_size=16"), {})])
    wait_for_readers()
    assert built == []


def test_what_is_wrong_is_said_by_who_opens_them(configure, capfd):
    config = configure("data.labels=/no/such/labels.csv")
    read_early([Job(config, {})])
    wait_for_readers()
    assert capfd.readouterr() == ("", "")
    with pytest.raises(MedxferError, match=r"labels\.csv"):
        dataset_of(config)


def test_torch_is_not_there_before_files_are_read():
    code = "import sys, hydra_plugins.medxfer_grid, medxfer.grid.hooks, medxfer.grid.early_reading, medxfer.train"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=True)
