"""Names: the same for the same training, others for another, and never a path."""

import re

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st

from medxfer.base.config import CONF
from medxfer.study.identity import cell_name, factors, safe_name, shared_settings, study_name, without_paths


def configured(*overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [*overrides])


@pytest.mark.parametrize(
    "override",
    ["colormap=viridis", "pretrained=false", "seed=3", "data=phantom_ct", "backbone=resnet18",
     "window=lung", "image_size=32",
     "train_fraction=0.5", "logger=none", "store.root=/elsewhere", "study.root=/elsewhere", "trainer.devices=2"],
)  # fmt: skip
def test_factors_data_and_places_are_no_part_of_a_studys_settings(override):
    assert shared_settings(configured(override)) == shared_settings(configured())


@pytest.mark.parametrize(
    "override", ["lr=1e-4", "trainer.max_epochs=2", "augment.flip=0.5", "levels=1024", "batch_size=16"]
)
def test_what_changes_a_result_is(override):
    assert shared_settings(configured(override)) != shared_settings(configured())


def test_tuned_keys_become_factors():
    tuned = [configured("study.tuned=[lr]", f"lr={lr}") for lr in ("1e-3", "1e-4")]
    assert shared_settings(tuned[0]) == shared_settings(tuned[1])
    assert [factors(config, config, "file")["lr"] for config in tuned] == [1e-3, 1e-4]


def test_a_file_of_weights_is_named_without_its_folder():
    config = configured("pretrained=file:/home/someone/rad.pth")
    assert factors(config, config, "file")["pretrained"] == "file:rad.pth"


@given(st.text())
def test_names_can_be_given_back_on_a_hydra_command_line(text):
    assert re.fullmatch(r"[A-Za-z0-9._-]*", safe_name(text))


def test_cells_with_another_identity_have_another_name():
    cell = {
        "data": "d",
        "backbone": "b",
        "colormap": "windows:40/80+80/200+600/2800",
        "pretrained": True,
        "seed": 0,
    }
    names = {cell_name(cell, {"weights": weights}) for weights in (None, "a", "b")}
    assert len(names) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) for name in names)


def test_study_names_are_readable():
    settings = shared_settings(configured())
    assert re.fullmatch(r"epochs8-batch32-[0-9a-f]{8}", study_name(settings, {}))
    assert study_name(settings, {"margin": 1}) != study_name(settings, {"margin": 2})


def test_paths_are_masked_wherever_they_stand():
    config = {
        "data": {"root": "/a", "source": {"labels": "/a/l.csv", "label": "x", "path": None}},
        "pretrained": "file:/a/w.pth",
    }
    masked = without_paths(config)
    assert masked == {
        "data": {"root": "<path>", "source": {"labels": "<path>", "label": "x", "path": None}},
        "pretrained": "file:w.pth",
    }
