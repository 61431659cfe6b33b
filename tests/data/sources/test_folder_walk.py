"""Walking a folder: every file once, whatever links lead to it, and nothing that is no image of anybody's."""

import os
import string
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medxfer.data.sources.folder_walk import BROKEN_LINK, LOOP, MASK, ODD_NAME, REPEATED, walk


def made(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_files_are_found_at_any_depth_in_order_and_what_systems_add_is_not(tmp_path: Path) -> None:
    made(tmp_path, "b/2", "a-c/1", "a/1", "c.dcm", ".hidden/1", "a/.DS_Store", "a/Thumbs.db", "a/desktop.ini")
    made(tmp_path, "@eaDir/a/1", "__MACOSX/a/._1", "b/masks/2", "b/masks/deep/3", "b/masks.png")
    assert walk(tmp_path) == (["a/1", "a-c/1", "b/2", "b/masks.png", "c.dcm"], {MASK: ("b/masks/2", "b/masks/deep/3")})


def test_a_link_is_followed_once_and_what_is_not_is_named(tmp_path: Path) -> None:
    made(tmp_path, "elsewhere/deep/1", "elsewhere/2", "root/a/3", "root/.objects/4", "single")
    root = tmp_path / "root"
    (root / "b").symlink_to(tmp_path / "elsewhere")
    (root / "c").symlink_to(tmp_path / "elsewhere/deep")
    (root / "again").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(root)
    (root / "out").symlink_to(tmp_path)
    (root / "gone").symlink_to(tmp_path / "nowhere")
    (root / "self").symlink_to(root / "self")
    (root / "4").symlink_to(root / ".objects/4")  # as data version control lays files
    (root / "5").symlink_to(tmp_path / "single")
    (root / "6").symlink_to(tmp_path / "single")
    (root / "7").symlink_to(tmp_path / "elsewhere/2")  # which b leads to
    (tmp_path / "elsewhere" / "home").symlink_to(root)
    assert walk(root) == (
        ["4", "5", "a/3", "b/2", "b/deep/1"],
        {
            BROKEN_LINK: ("gone", "self"),
            LOOP: ("a/up", "b/home", "out"),
            REPEATED: ("6", "7", "again", "c"),
        },
    )
    assert walk(tmp_path / "root" / "again").files == ["3"]


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_name_that_is_no_text_is_named_in_text(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller.dcm")).touch()
    assert walk(tmp_path) == ([], {ODD_NAME: ("M\\udcfcller.dcm",)})


NAMES = st.text(string.ascii_letters + "äß [](),='é日.-", min_size=1, max_size=6).filter(
    lambda name: not name.startswith(".") and name.lower() != "masks" and name != ".."
)
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map(tuple), max_size=12)
LINKS = st.lists(st.tuples(NAMES, st.integers(0, 30), st.integers(0, 30)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(inside=PATHS, outside=PATHS, links=LINKS)
def test_in_any_tree_every_file_is_found_once_and_every_link_is_accounted_for(inside, outside, links) -> None:
    with TemporaryDirectory() as folder:
        root, other = Path(folder, "root"), Path(folder, "other")
        for top, paths in ((root, inside), (other, outside)):
            top.mkdir()
            for path in paths:
                _write(top.joinpath(*path))
        places = [root, *sorted(root.rglob("*")), other, *sorted(other.rglob("*"))]
        folders = [place for place in places if place.is_dir()]
        made_links = []
        for name, where, target in links:
            link = folders[where % len(folders)] / f"to {name}"
            if not os.path.lexists(link):
                link.symlink_to(places[target % len(places)] if target < 29 else other / "nothing here")
                made_links.append(link)
        files, left_out = walk(root)
        real = [os.path.realpath(root / file) for file in files]
        assert len(set(real)) == len(real)
        assert set(real) == _reachable(root)
        broken = {link for link in made_links if link.parent.is_relative_to(root) and not link.exists()}
        assert broken <= {root / name for name in left_out.get(BROKEN_LINK, ())}
        assert files == sorted(files, key=lambda file: file.split("/"))


def _write(path: Path) -> None:
    """A file there, unless a file stands where it needs a folder, or a folder where it lies."""
    if path.is_dir() or any(parent.is_file() for parent in path.parents):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def _reachable(root: Path) -> set[str]:
    """The real paths of all files that one comes to from `root`, by folders and by links; but through no link that
    leads up, to a folder that it lies in."""
    files, todo, seen = set[str](), [os.path.realpath(root)], set[str]()
    while todo:
        folder = todo.pop()
        if folder in seen:
            continue
        seen.add(folder)
        for entry in os.scandir(folder):
            target = Path(os.path.realpath(entry.path))
            leads_up = any(Path(place).is_relative_to(target) for place in (folder, os.path.realpath(root)))
            if target.is_file():
                files.add(str(target))
            elif target.is_dir() and not leads_up:
                todo.append(str(target))
    return files
