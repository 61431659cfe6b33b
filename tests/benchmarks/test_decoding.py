"""DICOM files a second beside pydicom's own, over two cores, the second time, and memory with very many files."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from measure import compare, in_turns, ratios, record
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_rescale
from pydicom.uid import ExplicitVRLittleEndian
from scale import setting

from medxfer.data.dataset import open_dataset
from medxfer.data.dicom import read_gray
from medxfer.data.phantom import write_phantoms
from medxfer.data.sources.dicom import DicomFolder
from medxfer.data.store import open_store

pytestmark = pytest.mark.benchmark

DRAWN, FILES = 60, 1200
SMALL = setting("SMALL_FILES", 10_000, 100_000)
GIGABYTE = 1000  # MB


@pytest.fixture(scope="module")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CT slices of 512 px, each under several names, with labels.csv."""
    root = tmp_path_factory.mktemp("ct")
    drawn = write_phantoms(root / "drawn", "CT", patients=DRAWN, images=1, size=512)
    labels = pd.read_csv(drawn / "labels.csv")
    (root / "in").mkdir()
    tables = []
    for copy in range(FILES // DRAWN):
        names = f"{copy}-" + labels["path"]
        for name, path in zip(names, labels["path"], strict=True):
            shutil.copy(drawn / path, root / "in" / name)
        tables.append(labels.assign(path=names))
    pd.concat(tables).to_csv(root / "in" / "labels.csv", index=False)
    return root / "in"


def build(folder: Path, root: Path, workers: int | None = None) -> int:
    """How many images the store has that is built, or opened, under `root`."""
    dataset = open_dataset(DicomFolder(str(folder), str(folder / "labels.csv")), root)
    return len(open_store(dataset, 224, hounsfield=True, workers=workers))


def test_reading_beside_pydicom(ct: Path) -> None:
    paths = sorted(ct.glob("*.dcm"))[:DRAWN]

    def pydicoms() -> float:
        return sum(dcmread(path).pixel_array[0, 0] for path in paths)

    def rescaled() -> float:
        datasets = map(dcmread, paths)
        return sum(apply_rescale(dataset.pixel_array, dataset)[0, 0] for dataset in datasets)

    def ours() -> float:
        return sum(read_gray(path, window=None)[0, 0] for path in paths)

    assert ours() == rescaled()
    calls = {"pydicom": pydicoms, "pydicom, rescaled": rescaled, "read_gray": ours}
    ratios(f"reading {DRAWN} CT slices, 512 px", calls, "pydicom, rescaled", {"read_gray": "at most 1.5"})


def test_two_cores(ct: Path, tmp_path: Path) -> None:
    roots = iter(range(100))
    calls = {f"{n} workers": (lambda n=n: build(ct, tmp_path / str(next(roots)), n)) for n in (1, 2)}
    times = in_turns(calls, rounds=3)
    compare(f"decoding {FILES} CT slices into a store", times, "2 workers", {"1 workers": "at least 1.8"})
    record("decoding into a store", "2 workers", [FILES / seconds for seconds in times["2 workers"]], "files/s")
    assert build(ct, tmp_path / "0") == FILES


def test_the_second_start(ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.perf_counter()
    assert build(ct, tmp_path) == FILES
    first = time.perf_counter() - started
    monkeypatch.setattr(DicomFolder, "pictures", lambda *_: pytest.fail("pixel data is read again"))
    monkeypatch.setattr(DicomFolder, "header", lambda *_: pytest.fail("a header is read again"))
    again = in_turns({"again": lambda: build(ct, tmp_path)}, rounds=9)["again"]
    print()
    record(f"setting up {FILES} CT slices", "the first time", [first], "s")
    record(f"setting up {FILES} CT slices", "again", again, "s")
    record(f"setting up {FILES} CT slices", "first / again", [first / seconds for seconds in again], "×", "at least 50")


# In a process of its own; the most that it and its workers may have held at once.
BUILD = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_decoding import build
assert build(Path(sys.argv[2]), Path(sys.argv[3]), workers=2) == int(sys.argv[4])
own, worker = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print((own + 2 * worker) / 1024)
"""


def test_memory_with_many_small_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    template = dcmread(next(write_phantoms(tmp_path / "one", "CT", patients=1, images=1, size=16).glob("*.dcm")))
    template.file_meta = FileMetaDataset()
    template.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    template.save_as(tmp_path / "template.dcm")
    content = (tmp_path / "template.dcm").read_bytes()
    random = np.random.default_rng(0)
    sizes = (SMALL // 8, SMALL)
    for i in range(SMALL):
        (tmp_path / "in" / f"{i}.dcm").write_bytes(content[:-8] + random.bytes(8))
    table = pd.DataFrame({"path": [f"{i}.dcm" for i in range(SMALL)], "label": np.arange(SMALL) % 2})
    table = table.assign(patient_id=np.arange(SMALL) // 3)
    memory = []
    for size in sizes:
        table.head(size).to_csv(tmp_path / "in" / "labels.csv", index=False)
        command = [sys.executable, "-c", BUILD, str(Path(__file__).parent), str(tmp_path / "in")]
        started = time.perf_counter()
        done = subprocess.run(
            [*command, str(tmp_path / f"store{size}"), str(size)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        memory.append(float(done.stdout))
        record(
            "peak memory of decoding small files, 3 processes", f"{size:,} files", [memory[-1]], "MB", "at most 1000"
        )
        record("decoding small files", f"{size:,} files", [size / (time.perf_counter() - started)], "files/s")
    assert max(memory) < GIGABYTE
