"""The wheel: conf travels inside the package, beside it only Hydra's name space, and it is found from anywhere."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PEEK = "import hydra; from medxfer.base.config import CONF; print(CONF)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_conf_is_inside_the_package_and_everything_needed_is_there(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"medxfer", "hydra_plugins"}
    assert [name for name in names if name.startswith("hydra_plugins")] == ["hydra_plugins/medxfer_grid.py"]
    page = [f"analysis/page/{name}" for name in ("page.html.j2", "drawing.svg.j2", "page.css", "page.js")]
    for path in ("conf/train.yaml", "conf/data/phantom_dx.yaml", *page):
        assert f"medxfer/{path}" in names


def test_an_installed_wheel_finds_its_conf_from_any_folder(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    run = subprocess.run(
        [sys.executable, "-c", PEEK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == str(tmp_path / "site" / "medxfer" / "conf")
    arguments = [sys.executable, "-m", "medxfer.train", "--cfg", "job", "colormap=viridis"]
    run = subprocess.run(
        arguments, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True
    )
    assert "colormap: viridis" in run.stdout, run.stderr


def test_a_checkout_finds_its_conf_from_any_folder(tmp_path):
    arguments = [sys.executable, "-m", "medxfer.train", "--cfg", "job", "seed=7"]
    run = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
    assert "seed: 7" in run.stdout, run.stderr
