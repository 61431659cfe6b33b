"""The stores that are kept: listed with what they hold, removed only when asked."""

import errno
import os
import time

import pytest
from filelock import FileLock
from pictures import make_pictures

from medxfer.data.__main__ import main
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.dataset import open_dataset
from medxfer.data.store.open import open_store
from medxfer.data.store.prune import DAY, find_stores, other_folders, prune


@pytest.fixture
def root(tmp_path):
    """Two stores of one data set, and a folder that is none."""
    pictures = make_pictures(tmp_path / "in")
    dataset = open_dataset(ImageFolder(str(pictures), str(pictures / "labels.csv")), tmp_path / "cache")
    for size in (8, 16):
        open_store(dataset, size, hounsfield=False)
    (tmp_path / "cache" / "phantoms").mkdir()
    (tmp_path / "cache" / "phantoms" / "1.dcm").write_bytes(b"0" * 1000)
    return tmp_path / "cache"


def test_stores_are_listed_with_what_they_hold(root):
    stores = find_stores(root)
    assert sorted(store.kept_as.split("-")[1] for store in stores) == ["16px", "8px"]
    assert {(store.source, store.root, store.images) for store in stores} == {
        ("ImageFolder", str(root.parent / "in"), 10)
    }
    assert all(store.bytes > 10 * 8 * 8 for store in stores)
    assert other_folders(root) == {"phantoms": 1000}


def test_opening_a_data_set_is_using_it(root):
    record = next(root.glob("*/dataset.json"))
    for path in (record, *root.glob("*/*/store.json")):
        os.utime(path, (0, time.time() - 40 * DAY))
    assert all(time.time() - store.used > 39 * DAY for store in find_stores(root))
    pictures = root.parent / "in"
    open_dataset(ImageFolder(str(pictures), str(pictures / "labels.csv")), root)
    assert all(time.time() - store.used < DAY for store in find_stores(root))
    assert all(time.time() - store.built > 39 * DAY for store in find_stores(root))


def test_only_what_is_old_enough_is_removed_and_then_nothing_of_it_is_left(root):
    assert prune(root, 1) == ([], [], {})
    removed, kept, _ = prune(root, 0)
    assert (len(removed), kept) == (2, [])
    assert [path.name for path in root.iterdir()] == ["phantoms"]


def test_a_store_that_is_being_built_stays(root):
    store = next(root.glob("*/*8px-gray"))
    with FileLock(store.with_name(f"{store.name}.lock")):
        removed, kept, _ = prune(root, 0)
    assert [s.folder for s in kept] == [store]
    assert len(removed) == 1
    assert (store / "store.json").is_file()


@pytest.mark.parametrize("refusing", ["FileLock", "shutil.rmtree"])
def test_what_the_disk_does_not_let_go_is_named_with_the_reason(root, capsys, monkeypatch, refusing):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(f"medxfer.data.store.prune.{refusing}", refuse)
    (root / "abandoned.partial").mkdir()
    assert main(["prune", "all=true", f"store.root={root}"]) == 1
    said = capsys.readouterr()
    assert "Removed 0 stores" in said.out
    named, why = said.err.split(" could not be removed ")
    assert named.startswith(f"error: {root}/ImageFolder-")
    assert named.endswith("px-gray and 1 more" if refusing == "FileLock" else "px-gray and 2 more")
    assert why.startswith("(Read-only file system): ")


def test_what_a_killed_build_left_is_listed_and_removed(root):
    half = next(root.glob("*/*8px-gray")).with_name("v6-32px-gray.partial")
    half.mkdir()
    (half / "all.npy").write_bytes(b"0" * 500)
    (listed,) = [store for store in find_stores(root) if store.folder == half]
    assert (listed.kept_as, listed.images, listed.bytes) == ("v6-32px-gray.partial", 0, 500)
    with FileLock(half.with_name("v6-32px-gray.lock")):
        assert [store.folder for store in prune(root, 0)[1]] == [half]  # it is being built
    assert [store.folder for store in prune(root, 0)[0]] == [half]
    assert [path.name for path in root.iterdir()] == ["phantoms"]


def test_the_commands_say_what_they_did(root, capsys):
    assert main(["stores", f"store.root={root}"]) == 0
    said = capsys.readouterr().out
    assert "ImageFolder" in said
    assert "phantoms" in said
    assert main(["prune", "unused=30", f"store.root={root}"]) == 0
    assert "Removed 0 stores" in capsys.readouterr().out
    assert main(["prune", "all=true", f"store.root={root}"]) == 0
    assert "Removed 2 stores" in capsys.readouterr().out
    assert main(["stores", f"store.root={root}"]) == 0
    assert "No stores under" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prune"], "say what to remove"),
        (["prune", "all=false"], "say what to remove"),
        (["prune", "all=true", "unused=3"], "say what to remove"),
        (["prune", "unused=old"], "unused=old: give a number from 0"),
        (["prune", "unused=-1"], "unused=-1: give a number from 0"),
        (["stores", "root=x"], "unknown setting 'root': did you mean store.root"),
        (["chek"], "unknown command 'chek': did you mean check"),
    ],
)
def test_a_slip_removes_nothing_and_is_one_line(root, capsys, arguments, words):
    assert main([*arguments, *([f"store.root={root}"] if arguments[0] == "prune" else [])]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert len(find_stores(root)) == 2


@pytest.mark.parametrize("arguments", [["stores"], ["prune", "all=true"]])
def test_a_mistyped_place_of_stores_is_said(tmp_path, monkeypatch, capsys, arguments):
    assert main([*arguments, f"store.root={tmp_path / 'cahce'}"]) == 1
    assert f"store.root={tmp_path / 'cahce'}: no such folder; give the store.root" in capsys.readouterr().err
    monkeypatch.setattr("medxfer.data.__main__.STORE_ROOT", tmp_path / "usual")
    assert main([*arguments, f"store.root={tmp_path / 'usual'}"]) == 0  # nobody has made it yet
    assert not (tmp_path / "usual").exists()


def test_every_data_set_says_what_to_download(capsys):
    assert main([]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("rsna_ich", "kaggle.com", "nihcc.app.box.com", "chexpert", "medmnist", "data.root="):
        assert words in said
