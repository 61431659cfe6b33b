"""The commit that a record names: of the repository that tracks the package, or none."""

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from medxfer.base import revision as module
from medxfer.base.revision import own_version, revision


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    revision.cache_clear()
    return folder


def test_a_commit_and_whether_files_differ_from_it(package, monkeypatch):
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-qm", "first")
    git(package.parent, "tag", "v1")
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as in a hook of another repository
    commit = revision(package)
    monkeypatch.delenv("GIT_DIR")
    assert commit == git(package, "rev-parse", "HEAD")
    (package / "__init__.py").write_text("changed")
    assert revision(package) == commit, "asked once a process"
    revision.cache_clear()
    assert revision(package) == f"{commit}-dirty"


def test_a_package_that_its_repository_does_not_track_has_none(package):
    git(package.parent, "init", "-q")
    (package.parent / "other").write_text("")
    git(package.parent, "add", "other")
    git(package.parent, "commit", "-qm", "of somebody else")
    assert revision(package) is None


def test_no_repository_and_no_git(package, monkeypatch):
    assert revision(package) is None
    monkeypatch.setattr(module, "PACKAGE", package)
    assert own_version() == {"medxfer": version("medxfer")}  # as installed
    monkeypatch.setattr("importlib.metadata.version", lambda name: pytest.fail("a checkout on a path is not installed"))
    assert own_version()["medxfer"]
    revision.cache_clear()
    monkeypatch.setenv("PATH", str(package))
    assert revision(package) is None
