"""The versions that make installs: tested ones that pyproject.toml allows, its lower bounds, a build of torch kept."""

import runpy
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).parent.parent / "constraints"
PINS = runpy.run_path(str(FOLDER / "pins.py"))
KEPT = runpy.run_path(str(FOLDER / "kept.py"))


def pinned(name: str) -> dict[str, str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_the_lowest_versions_are_the_bounds_of_pyproject():
    assert (FOLDER / "lowest.txt").read_text(encoding="utf-8") == PINS["lowest"](), "make pins"


def test_every_requirement_has_a_lower_bound_but_the_stubs_of_types():
    free = {one.name for one in PINS["declared"]() if not any(s.operator in (">=", "==") for s in one.specifier)}
    assert free == {"pandas-stubs", "types-PyYAML"}


@pytest.mark.parametrize("one", PINS["declared"](), ids=lambda one: one.name)
def test_the_tested_version_is_one_that_pyproject_allows(one: Requirement):
    assert one.specifier.contains(pinned("tested.txt")[canonicalize_name(one.name)]), "make pins"


def test_the_tested_versions_hold_on_every_platform():
    tested = pinned("tested.txt")
    assert not [version for version in tested.values() if "+" in version]
    assert not [name for name in tested if PINS["OF_BUILDS"].fullmatch(name)]


@pytest.mark.parametrize(
    ("here", "kept"),
    [("2.13.0+cpu", ["timm==1.0.31"]), ("2.12.1", ["torch==2.14.1", "torchvision==0.29.1", "timm==1.0.31"])],
)
def test_a_build_of_torch_that_somebody_chose_is_kept(here: str, kept: list[str]):
    assert KEPT["kept"](["torch==2.14.1", "torchvision==0.29.1", "timm==1.0.31"], here) == kept
