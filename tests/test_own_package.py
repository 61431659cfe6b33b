"""A package of the user's own, with a data set and its configuration: every command takes it by --config-dir."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import make_elsewhere, make_pictures

from medxfer.base.errors import MedxferError
from medxfer.base.overrides import config_options
from medxfer.training.settings.composed import compose_config

SMALL = (
    "image_size=32", "backbone=test_efficientnet", "pretrained=false", "batch_size=8", "trainer.max_epochs=1",
    "logger=none",
)  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Its folder: mine.py, and conf/data/mine.yaml."""
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "mine.yaml").write_text(
        "# Our own.\ndefaults: [images, _self_]\nname: mine\nsource: {_target_: mine.Mine}\n"
    )
    (tmp_path / "mine.py").write_text(
        "from medxfer.data.sources.picture_folder import ImageFolder\n\n\nclass Mine(ImageFolder):\n    pass\n"
    )
    return tmp_path


@pytest.mark.parametrize("named", ["--config-dir {}", "--config-dir={}", "-cd {}", "hydra.searchpath=[file://{}]"])
def test_a_configuration_of_ones_own_is_found(package: Path, named: str) -> None:
    config = compose_config([*named.format(package / "conf").split(" "), "data=mine", "data.root=x"])
    assert config.data.source._target_ == "mine.Mine"


@pytest.mark.parametrize("named", [["--config-name", "ours"], ["--config-name=ours"], ["-cn", "ours"]])
def test_a_primary_configuration_of_ones_own_and_its_search_path_are_taken(package: Path, named: list[str]) -> None:
    (package / "more" / "experiment").mkdir(parents=True)
    (package / "more" / "experiment" / "e.yaml").write_text("# @package _global_\nseed: 7\n")
    place = f"file://{package / 'more'}"
    (package / "conf" / "ours.yaml").write_text(
        f"defaults: [train, _self_]\nhydra: {{searchpath: ['{place}']}}\nlr: 0.5\n"
    )
    own = ["--config-dir", str(package / "conf")]
    config = compose_config([*own, *named, "experiment=e"])
    assert (config.lr, config.seed) == (0.5, 7)
    beside = compose_config([*own, f"hydra.searchpath=['{place}']", "experiment=e", "data=mine", "data.root=x"])
    assert (beside.seed, beside.data.name) == (7, "mine"), "both places"


@pytest.mark.parametrize("place", ["file:///nowhere", "/nowhere", "pkg://nowhere.conf"])
def test_a_place_of_the_search_path_that_is_not_there_is_refused(package: Path, place: str) -> None:
    (package / "conf" / "ours.yaml").write_text(f"defaults: [train]\nhydra: {{searchpath: ['{place}']}}\n")
    for arguments in ([f"hydra.searchpath=['{place}']"], ["--config-dir", str(package / "conf"), "-cn", "ours"]):
        with pytest.raises(MedxferError, match=r"^hydra\.searchpath: '.*nowhere.*' is not there; give file://FOLDER"):
            compose_config(arguments)


def test_a_primary_configuration_that_is_not_there_is_refused() -> None:
    with pytest.raises(MedxferError, match=r"^--config-name nowhere: no such configuration; give the name of a file"):
        compose_config(["--config-name=nowhere"])


def test_a_folder_with_a_space_is_one_folder(package: Path) -> None:
    folder = (package / "conf").rename(package / "my conf")
    assert compose_config(["--config-dir", str(folder), "data=mine", "data.root=x"]).data.name == "mine"


def test_a_name_must_be_given() -> None:
    with pytest.raises(MedxferError, match=r"^-cn: give the name"):
        config_options(["-cn"])


@pytest.mark.parametrize("arguments", [["--config-dir"], ["--config-dir=nowhere"], ["-cd", "nowhere"]])
def test_a_folder_that_is_not_there_is_refused(arguments: list[str]) -> None:
    with pytest.raises(MedxferError, match="no such folder"):
        config_options(arguments)


@pytest.mark.slow
def test_every_command_takes_it(package: Path) -> None:
    make_pictures(package / "in", n=40)
    make_elsewhere(package / "out", n=20)
    own = ["--config-dir", str(package / "conf")]
    data = ["data=mine", f"data.root={package / 'in'}", f"store.root={package / 'store'}"]
    study = [*own, *data, *SMALL, "study.name=s", f"study.root={package}", "colormap=none,viridis", "seed=0,1", "-m"]
    _run(package, "data", "check", *own, *data, "image_size=32")
    assert "4 cells" in _run(package, "train", *study, "plan=true")
    _run(package, "train", *study)
    outside = ["external=mine", f"external.root={package / 'out'}", "external.name=theirs"]
    said = _run(package, "report", f"study={package / 's'}", *own, *outside, f"store.root={package / 'store'}")
    assert "4 cells scored" in said
    cell = next((package / "s" / "cells").iterdir())
    assert "20 images scored" in _run(package, "predict", f"cell={cell}", f"images={package / 'out'}")


def _run(folder: Path, command: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[1])])}
    done = subprocess.run(
        [sys.executable, "-m", f"medxfer.{command}", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
