"""What a full disk did not take is said in a sentence, by whatever wrote it."""

import errno
import os
import resource
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from medxfer.base import disk
from medxfer.base.disk import NotWrittenError, check_space, disk_errors, free_space
from medxfer.base.errors import MedxferError
from medxfer.base.files import whole_file, write_json, write_parquet

WRITERS = {
    "json": lambda path: write_json(path, {"a": "x" * 100_000}),
    "parquet": lambda path: write_parquet(path, pd.DataFrame(np.random.default_rng(0).random((20_000, 2)))),
    "torch": lambda path: save(path, {"weights": torch.rand(100_000)}),
}


def save(path: Path, content: object) -> None:
    with whole_file(path) as file:
        torch.save(content, file)


@pytest.fixture
def small_files():
    """No file of this process may become larger than 20 kB: what a full disk does, for every user and file system."""
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_does_not_fit_is_named_and_the_one_before_stays(tmp_path, small_files, writer):
    (tmp_path / "file").write_text("before")
    with pytest.raises(NotWrittenError, match=r"^file in /.* was not written \(File too large\): free some .* again$"):
        WRITERS[writer](tmp_path / "file")
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_it_is_an_error_of_the_disk_and_of_medxfer():
    with pytest.raises(OSError, match=r"^results.csv was not written") as caught, disk_errors():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results.csv")
    assert isinstance(caught.value, MedxferError)
    assert (caught.value.errno, caught.value.strerror) == (errno.ENOSPC, "No space left on device")


def test_other_errors_pass(tmp_path):
    with pytest.raises(FileNotFoundError), disk_errors():
        (tmp_path / "absent").read_text()


def test_room_is_asked_for_where_a_folder_would_be(tmp_path, monkeypatch):
    assert free_space(tmp_path / "not" / "yet") > 0
    check_space(tmp_path / "not" / "yet", 1, "a cell", "free some space")
    monkeypatch.setattr(disk, "free_space", lambda _: 3_000_000)
    with pytest.raises(MedxferError, match=r"^a cell takes about 5.0 GB of disk, .* has 3.0 MB left: free some space$"):
        check_space(tmp_path, 5_000_000_000, "a cell", "free some space")
