"""What a power cut could tear is flushed before it has its name."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cells import train_small

from medxfer.base.files import flush, replace_folder, whole_file


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that are flushed, in turn, as they are called at that moment."""
    paths: list[Path] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", record)
    return paths


def test_a_folders_files_are_flushed_before_it_is_renamed(tmp_path, flushed):
    partial, whole = tmp_path / "a.partial", tmp_path / "a"
    partial.mkdir()
    (partial / "gray.npy").write_bytes(b"gray")
    replace_folder(partial, whole)
    assert flushed == [partial / "gray.npy", partial, tmp_path]
    assert (whole / "gray.npy").read_bytes() == b"gray"


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let fsync fail with an error number, for folders or for files."""

    def of(number: int, folders: bool) -> None:
        def refused(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode) == folders:
                raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refused)

    return of


@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL])
def test_a_file_that_the_disk_refuses_gets_no_name(tmp_path, refuse, number):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b.partial").mkdir()
    (tmp_path / "b.partial" / "gray.npy").touch()
    refuse(number, folders=False)
    with pytest.raises(OSError, match=os.strerror(number)), whole_file(tmp_path / "a") as file:
        file.write(b"new")
    assert (tmp_path / "a").read_text() == "old"
    with pytest.raises(OSError, match=os.strerror(number)):
        replace_folder(tmp_path / "b.partial", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_file_system_that_cannot_flush_folders_is_good_enough(tmp_path, refuse):
    for number in (errno.EINVAL, errno.ENOTSUP):  # CIFS, exFAT
        refuse(number, folders=True)
        with whole_file(tmp_path / f"{number}") as file:
            file.write(b"new")
        assert (tmp_path / f"{number}").read_bytes() == b"new"
    refuse(errno.EIO, folders=True)
    with pytest.raises(OSError, match="Input/output"):
        flush(tmp_path)


def test_everything_that_is_kept_with_the_images_is_flushed(tmp_path, flushed):
    train_small(tmp_path, "finetune=head", "augment=null", "trainer.max_epochs=1")
    kept = [path.relative_to(tmp_path / "cache") for path in tmp_path.glob("cache/*/**/*") if path.is_file()]
    partial = [path.relative_to(tmp_path / "cache") for path in flushed if path.is_relative_to(tmp_path / "cache")]
    for path in kept:
        if path.name.endswith(".lock"):
            continue
        stem = path.name.partition(".")[0]  # a whole file was flushed as something.partial, alone or in its folder
        assert any(".partial" in str(each) and stem in each.name for each in partial), path
