"""DICOM files a second beside other readers, over two cores, the second time, and memory with very many files."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from measure import compare, in_turns, ratios, record
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_rescale
from pydicom.uid import ExplicitVRLittleEndian
from scale import LONG_ONLY, SMALL_FILES

from medxfer.base.files import private_folder
from medxfer.data.dicom.read import read_gray
from medxfer.data.phantom import write_phantoms
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.store.dataset import DatasetInfo, open_dataset
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.open import open_store

pytestmark = pytest.mark.benchmark

DRAWN, FILES = 60, 2400
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


def described(folder: Path, root: Path) -> DatasetInfo:
    return open_dataset(DicomFolder(str(folder), str(folder / "labels.csv")), root)


def opened(dataset: DatasetInfo) -> GrayStore:
    return open_store(dataset, 224, hounsfield=True)


def test_reading_beside_others(ct: Path) -> None:
    """Hounsfield units of a slice as an array, from medxfer with its padding masked; pydicom alone: stored values."""
    monai = pytest.importorskip("monai.data")
    transforms = pytest.importorskip("monai.transforms")
    load = transforms.LoadImage(monai.PydicomReader(swap_ij=False), image_only=True)
    readers: dict[str, Callable[[Path], np.ndarray]] = {
        "medxfer": lambda path: read_gray(path, window=None),
        "pydicom": lambda path: dcmread(path).pixel_array,
        "pydicom, rescaled": lambda path: apply_rescale((dataset := dcmread(path)).pixel_array, dataset),
        "MONAI": lambda path: load(path).numpy(),
    }
    paths = sorted(ct.glob("*.dcm"))[:DRAWN]
    image = readers["pydicom"](paths[0]) != dcmread(paths[0]).PixelPaddingValue
    for name in ("medxfer", "MONAI"):
        assert np.array_equal(readers[name](paths[0])[image], readers["pydicom, rescaled"](paths[0])[image])
    calls = {name: lambda read=read: [read(path)[0, 0] for path in paths] for name, read in readers.items()}
    what = f"reading {DRAWN} CT slices, 512 px"
    ratios(what, calls, "medxfer", {})
    for name, seconds in in_turns(calls, rounds=5).items():
        record(what, name, [DRAWN / second for second in seconds], "files/s")


@LONG_ONLY
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds a program to a core")
def test_two_cores(ct: Path, tmp_path: Path) -> None:
    """From the described files to the store, with the start of the processes: as many as there are cores, beside the
    one that writes the store."""
    cores = sorted(os.sched_getaffinity(0))
    assert len(cores) >= 2
    dataset = described(ct, tmp_path)
    folders = (private_folder(tmp_path / str(number)) for number in range(100))

    def build(number: int) -> int:
        os.sched_setaffinity(0, cores[:number])
        try:
            return len(opened(replace(dataset, folder=next(folders))))
        finally:
            os.sched_setaffinity(0, cores)

    calls = {"1 core": lambda: build(1), "2 cores": lambda: build(2)}
    assert [call() for call in calls.values()] == [FILES, FILES]
    times = in_turns(calls, rounds=5)
    what = f"decoding {FILES} CT slices into a store"
    compare(what, times, "2 cores", {"1 core": "at least 1.8"})
    for name, seconds in times.items():
        record(what, name, [FILES / second for second in seconds], "files/s")


def test_the_second_start(ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.perf_counter()
    assert len(opened(described(ct, tmp_path))) == FILES
    first = time.perf_counter() - started
    monkeypatch.setattr(DicomFolder, "pictures", lambda *_: pytest.fail("pixel data is read again"))
    monkeypatch.setattr(DicomFolder, "header", lambda *_: pytest.fail("a header is read again"))
    again = in_turns({"again": lambda: opened(described(ct, tmp_path))}, rounds=9)["again"]
    print()
    record(f"setting up {FILES} CT slices", "the first time", [first], "s")
    record(f"setting up {FILES} CT slices", "again", again, "s")
    record(f"setting up {FILES} CT slices", "first / again", [first / seconds for seconds in again], "×", "at least 50")


# In a process of its own: images, seconds, and the most that it and its processes have held, at most at once.
BUILD = """
import sys, time
from pathlib import Path
from medxfer.data.store.dataset import open_dataset
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.store.open import open_store

def megabytes(process):
    status = Path(f"/proc/{process}/status").read_text()  # getrusage would count what the parent held when it forked
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

def progress(what, done, of):
    if done % 100 == 0:
        children = Path("/proc/self/task").glob("*/children")
        decoding.append(sum(megabytes(child) for of in children for child in of.read_text().split()))

decoding = []
folder, root = Path(sys.argv[1]), Path(sys.argv[2])
started = time.perf_counter()
dataset = open_dataset(DicomFolder(str(folder), str(folder / "labels.csv")), root)
images = len(open_store(dataset, 16, hounsfield=True, workers=2, progress=progress))
print(images, time.perf_counter() - started, megabytes("self") + max(decoding))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says how much memory a process held")
def test_memory_with_many_small_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    template = dcmread(next(write_phantoms(tmp_path / "one", "CT", patients=1, images=1, size=16).glob("*.dcm")))
    template.file_meta = FileMetaDataset()
    template.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    template.save_as(tmp_path / "template.dcm")
    content = (tmp_path / "template.dcm").read_bytes()
    random = np.random.default_rng(0)
    for i in range(SMALL_FILES):
        (tmp_path / "in" / f"{i}.dcm").write_bytes(content[:-8] + random.bytes(8))
    table = pd.DataFrame({"path": [f"{i}.dcm" for i in range(SMALL_FILES)], "label": np.arange(SMALL_FILES) % 2})
    table = table.assign(patient_id=np.arange(SMALL_FILES) // 3)
    memory = []
    print()
    for size in (SMALL_FILES // 8, SMALL_FILES):
        table.head(size).to_csv(tmp_path / "in" / "labels.csv", index=False)
        command = [sys.executable, "-c", BUILD, str(tmp_path / "in"), str(tmp_path / f"store{size}")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        images, seconds, peak = map(float, done.stdout.split())
        assert images == size
        memory.append(peak)
        record("memory of setting up 16 px DICOM, 3 processes", f"{size:,} files", [peak], "MB", "at most 1000")
        record("setting up 16 px DICOM", f"{size:,} files", [size / seconds], "files/s")
    assert max(memory) < GIGABYTE
