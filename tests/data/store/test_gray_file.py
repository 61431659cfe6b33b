"""A store's gray as it is written: any order, any rows left out, and a full disk is an error."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medxfer.data.store.gray_file import GrayFile


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    images=st.integers(1, 9),
    dtype=st.sampled_from([np.uint8, np.uint16, np.int16]),
    seed=st.integers(0, 99),
    lost=st.sets(st.integers(0, 8)),
)
def test_what_was_written_in_any_order_is_there(
    tmp_path: Path, images: int, dtype: type, seed: int, lost: set[int]
) -> None:
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, np.iinfo(dtype).max, (images, 3, 3)).astype(dtype)
    gray = GrayFile(tmp_path / "all.npy", images, 3, np.dtype(dtype))
    kept = np.array([place not in lost for place in range(images)])
    for place in rng.permutation(np.flatnonzero(kept)):
        gray.write(int(place), pictures[place][None])
    gray.finish(tmp_path / "gray.npy", kept)
    actual = np.load(tmp_path / "gray.npy", mmap_mode="r" if kept.any() else None)
    assert actual.dtype == dtype
    assert np.array_equal(actual, pictures[kept])
    assert not (tmp_path / "all.npy").exists()


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from pictures import make_pictures
from medxfer.data.store.dataset import open_dataset
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.open import open_store
from medxfer.base.errors import MedxferError
folder = Path(sys.argv[1])
root = make_pictures(folder / "in")
data = open_dataset(ImageFolder(str(root), str(root / "labels.csv")), folder / "cache")
for limit in (20_000, resource.RLIM_INFINITY):  # 10 pictures of 64 × 64 need 40,960 bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        print(len(open_store(data, 64, hounsfield=False)))
    except MedxferError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_full_disk_is_one_sentence_and_leaves_nothing_that_counts(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parents[2])]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 2
    assert "cannot be written (File too large)" in lines[0]
    assert "store.root=" in lines[0]
    assert lines[1] == "10"
