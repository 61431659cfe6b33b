"""Processes that decode: whatever a file does to its decoder costs that file alone, and nothing outlives the parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from pictures import make_pictures

from medxfer.base.errors import MedxferError
from medxfer.data import processes
from medxfer.data.phantom import write_phantoms
from medxfer.data.processes import in_processes
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.sources.source import Source
from medxfer.data.store import build as store_module
from medxfer.data.store.dataset import open_dataset
from medxfer.data.store.decode import Decoded, Decoder
from medxfer.data.store.gray_file import GrayFile
from medxfer.data.store.open import open_store


def children() -> set[int]:
    """The processes that this one has started and not reaped."""
    return {child.pid for child in psutil.Process().children()}


CRASHES = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": lambda: (os.write(2, b"thread panicked at 'DOE^JANE'\n"), os.abort()),
}
HANGS = {"sleep": lambda: time.sleep(1000), "without the GIL's release": lambda: ctypes.PyDLL(None).sleep(1000)}


def decode(item: str) -> str:
    {**CRASHES, **HANGS}.get(item, lambda: None)()
    return item.upper()


def test_a_crash_or_a_hang_costs_its_item(capfd: pytest.CaptureFixture[str]) -> None:
    items = ["a", *CRASHES, "b", *HANGS, *"cdefgh"]
    outcomes = dict(in_processes(decode, items, workers=2, seconds=lambda _: 0.5))
    assert [outcomes[place] for place in range(len(items))] == [
        *("A", "decoder crashed", "decoder crashed"),
        *("B", "decoder hung", "decoder hung", *"CDEFGH"),
    ]
    assert capfd.readouterr() == ("", "")


class CrashesOnce:
    """As where the machine was short of memory."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __call__(self, item: int) -> int:
        if item == 2 and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item


def test_what_was_lost_is_tried_once_more(tmp_path: Path) -> None:
    assert sorted(in_processes(CrashesOnce(tmp_path / "flag"), [0, 1, 2, 3])) == [(i, i) for i in range(4)]


def test_an_error_comes_out_as_it_was_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_processes((1).__truediv__, [1, 0]))


def begun(item: tuple[Path, int]) -> bytes:
    (item[0] / str(item[1])).touch()
    return bytes(400_000)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has pipes of another size")
def test_a_process_begins_the_next_item_while_its_answer_waits(tmp_path: Path) -> None:
    results = in_processes(begun, [(tmp_path, number) for number in range(9)], workers=1)
    next(results)  # the second is under way, and the third is asked for
    wait_until(lambda: (tmp_path / "2").exists(), 30)
    results.close()


@pytest.mark.parametrize("items", [1, 2, 3, 4, 5, 7])
def test_each_item_is_done_once_however_few_there_are_for_each_process(items: int) -> None:
    assert sorted(in_processes(str, range(items), workers=3, few=1)) == [(item, str(item)) for item in range(items)]


class CrashesOn(set[int]):
    def __call__(self, item: int) -> int:
        if item in self:
            os.kill(os.getpid(), signal.SIGKILL)
        return item


def test_what_a_lost_process_was_asked_for_besides_is_done_by_another() -> None:
    items = range(12)
    lost = {place for place, of_item in in_processes(CrashesOn({0, 5, 11}), items, workers=2) if of_item != place}
    assert lost == {0, 5, 11}


def test_no_items_no_processes() -> None:
    assert list(in_processes(decode, [])) == []


def process_of(item: int) -> tuple[int, Path, list[str]]:
    return os.getpid(), Path.cwd(), sys.path


def test_the_next_task_has_the_same_processes_and_the_caller_s_folder_and_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {of_item[0] for _, of_item in in_processes(process_of, range(200), 2)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    again = [of_item for _, of_item in in_processes(process_of, range(200), 2)]
    assert {pid for pid, *_ in again} <= first
    assert all(of_item[1:] == (tmp_path, sys.path) for of_item in again)


def imported_by(source: Source) -> set[str]:
    """What a new process has imported after it has read and decoded a file of `source`."""
    processes._end_idle()
    reading, decode = source.reading, Decoder(source.reading.pictures, 8, hounsfield=False, keep_aspect=False)

    def read(file: str) -> set[str]:
        assert not reading.facts(file).unreadable
        assert isinstance(decode(file), Decoded)
        return {name.partition(".")[0] for name in sys.modules} | set(sys.modules)

    try:
        ((_, found),) = in_processes(read, [source.index().images["file"][0]])
    finally:
        processes._end_idle()
    assert not isinstance(found, str)
    return found


def test_a_process_imports_no_more_than_reading_needs(tmp_path: Path) -> None:
    """Its start costs as much as a hundred files, and pandas alone would cost more than all else."""
    root, phantoms = make_pictures(tmp_path / "in"), write_phantoms(tmp_path / "dx", "DX", 2, 1, size=16, workers=1)
    of_pictures = imported_by(ImageFolder(str(root), str(root / "labels.csv")))
    of_dicom = imported_by(DicomFolder(str(phantoms), str(phantoms / "labels.csv")))
    assert not {"pandas", "pydicom", "torch", "omegaconf"} & of_pictures
    assert not {"pandas", "torch", "omegaconf"} & of_dicom


def test_processes_without_work_end_and_are_reaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "IDLE_SECONDS", 0.2)
    started = {of_item[0] for _, of_item in in_processes(process_of, range(100), 2)}
    assert started <= children()
    wait_until(lambda: not started & children(), 60)


def test_processes_that_work_again_are_not_ended_for_their_rest_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "IDLE_SECONDS", 0.5)
    first = {of_item[0] for _, of_item in in_processes(process_of, range(100), 2)}
    monkeypatch.setattr(processes, "IDLE_SECONDS", 60)
    again = {of_item[0] for _, of_item in in_processes(process_of, range(100), 2)}
    time.sleep(1)
    assert again <= first & children()


@pytest.mark.parametrize(
    ("python", "words"), [("/bin/false", "its own message is above"), ("/no/python", "No such file or directory")]
)
def test_a_process_that_cannot_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch, python: str, words: str) -> None:
    processes._end_idle()
    monkeypatch.setattr(sys, "executable", python)
    with pytest.raises(MedxferError, match=f"could not be started.*{words}"):
        list(in_processes(decode, ["a"]))


def test_items_are_handed_out_as_results_are_taken() -> None:
    asked: list[int] = []

    class Items(list[int]):
        def __getitem__(self, place: int) -> int:  # type: ignore[override]
            asked.append(place)
            return super().__getitem__(place)

    results = in_processes(process_of, Items(range(10_000)), 2)
    for _ in range(20):
        next(results)
    results.close()
    assert len(set(asked)) <= 24


SCRIPT = """
import fcntl, os, sys, time
from medxfer.data.processes import in_processes
folder, what = sys.argv[1:]
print("run", flush=True)
held = {}
def task(item):
    if not held:
        held["file"] = open(f"{folder}/{os.getpid()}", "w")
        fcntl.flock(held["file"], fcntl.LOCK_EX)  # until this process ends
    if item >= 100:
        time.sleep({"waits": 0, "works": 0.05, "hangs": 1000}[what])
    return item
for done, _ in enumerate(in_processes(task, list(range(1000)), 2, lambda _: 3.0)):
    if what == "waits" and done > 100:
        time.sleep(1000)
"""


def alive(folder: Path) -> int:
    """How many of the processes that have written their number in `folder` hold their lock."""
    import fcntl

    count = 0
    for file in folder.iterdir():
        with file.open() as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                count += 1
    return count


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="fcntl")
@pytest.mark.parametrize("what", ["waits", "works", "hangs"])
def test_processes_end_with_the_one_that_started_them(tmp_path: Path, what: str) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    folder = tmp_path / "processes"
    folder.mkdir()
    command = [sys.executable, str(tmp_path / "script.py"), str(folder), what]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: alive(folder) == 2, 60)
    time.sleep(0.5)
    parent.kill()
    wait_until(lambda: alive(folder) == 0, 10)
    assert parent.communicate()[0] == "run\n"  # a script without a guard is not run again in the processes


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_is_the_commands_own_and_ends_them(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    folder = tmp_path / "processes"
    folder.mkdir()
    command = [sys.executable, str(tmp_path / "script.py"), str(folder), "works"]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell starts background jobs that ignore it
    parent = subprocess.Popen(command, **pipes, text=True, start_new_session=True, preexec_fn=heard)
    wait_until(lambda: alive(folder) == 2, 60)
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal sends it
    said, error = parent.communicate(timeout=60)
    wait_until(lambda: alive(folder) == 0, 10)
    assert said == "run\n"
    assert error.count("Traceback") == error.count("KeyboardInterrupt") == 1


HALF_READ = """
from medxfer.data.processes import in_processes
outcomes = in_processes(str, range(1000), workers=2)
next(outcomes)
"""


def test_a_task_that_is_half_read_when_python_ends_is_closed_without_a_word() -> None:
    found = subprocess.run([sys.executable, "-c", HALF_READ], capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


class PlantedReader(PictureReader):
    """The files 3.png and 5.png break what reads them."""

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[np.ndarray]:
        if path.name == "3.png":
            CRASHES["abort"]()
        if path.name == "5.png":
            HANGS["sleep"]()
        return super().pictures(path, hounsfield)


def test_a_store_is_built_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store_module, "SECONDS", 0.5)
    root = make_pictures(tmp_path / "in")
    planted = ImageFolder(str(root), str(root / "labels.csv"))
    planted.reader = PlantedReader()
    data = open_dataset(planted, tmp_path / "cache")
    store = open_store(data, 8, hounsfield=False)
    assert store.rejected == {"decoder crashed": 1, "decoder hung": 1}
    whole = open_dataset(ImageFolder(str(root), str(root / "labels.csv")), tmp_path / "whole")
    expected = open_store(whole, 8, hounsfield=False).gray[[0, 1, 2, 4, 6, 7, 8, 9]]
    assert (store.gray == expected).all()
    assert capfd.readouterr() == ("", "")


def test_an_error_while_a_store_is_built_ends_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(GrayFile, "write", full)
    root = make_pictures(tmp_path / "in")
    data = open_dataset(ImageFolder(str(root), str(root / "labels.csv")), tmp_path / "cache")
    before = children()
    with pytest.raises(MedxferError, match="No space left") as kept:
        open_store(data, 8, hounsfield=False)
    assert kept.tb is not None  # which holds what the loop held
    assert children() <= before
