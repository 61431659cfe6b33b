"""The check before a release finds what it is for."""

import shutil
from pathlib import Path

import nbformat
import pytest
import release_check

ROOT = Path(__file__).parent.parent


def test_this_tree_passes(tmp_path):
    found = [*release_check.versions(), *release_check.packages(tmp_path), *release_check.notebooks()]
    assert [*found, *release_check.licences()] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"', "its newest section is 0.1.0"),
        ("CHANGELOG.md", "(unreleased)", "(2027-01-01)", "not that of CHANGELOG.md, 0.1.0 (2027-01-01)"),
        ("CITATION.cff", "type: software", "type: software\nversion: 0.1.0", "names a release"),
    ],
)
def test_versions_that_differ_are_found(tmp_path, file, old, new, said):
    for name in ("pyproject.toml", "CHANGELOG.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    (found,) = release_check.versions(tmp_path)
    assert said in found


def test_a_notebook_that_was_not_run_is_found(tmp_path):
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "one.ipynb")
    assert "was not run" in next(release_check.notebooks(tmp_path))


@pytest.mark.parametrize(
    ("name", "held"), [("medxfer/a.dcm", True), ("x/b.nii.gz", True), ("judge/simulated.csv", False)]
)
def test_data_in_a_package_is_known_by_its_name(name, held):
    assert bool(release_check.DATA.search(name)) == held
