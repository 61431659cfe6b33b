"""What a power cut could tear is flushed before it has its name."""

import os
from pathlib import Path

import pytest
from cells import train_small

from medxfer.base.files import replace


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
    replace(partial, whole)
    assert flushed == [partial / "gray.npy", partial, tmp_path]
    assert (whole / "gray.npy").read_bytes() == b"gray"


def test_a_file_that_the_disk_refuses_gets_no_name(tmp_path, monkeypatch):
    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    (tmp_path / "a.partial").write_text("new")
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        replace(tmp_path / "a.partial", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "old"


def test_everything_that_is_kept_with_the_images_is_flushed(tmp_path, flushed):
    train_small(tmp_path, "finetune=head", "augment=null", "trainer.max_epochs=1")
    kept = [path.relative_to(tmp_path / "cache") for path in tmp_path.glob("cache/*/**/*") if path.is_file()]
    partial = [path.relative_to(tmp_path / "cache") for path in flushed if path.is_relative_to(tmp_path / "cache")]
    for path in kept:
        if path.name.endswith(".lock"):
            continue
        stem = path.name.partition(".")[0]  # a whole file was flushed as something.partial, alone or in its folder
        assert any(".partial" in str(each) and stem in each.name for each in partial), path
