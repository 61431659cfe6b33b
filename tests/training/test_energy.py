"""Joules are what a counter passed, over its end too; where nothing counts there are none."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from medxfer.training import energy
from medxfer.training.energy import Energy, energy_of
from medxfer.training.spent import Spent

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


def zone(folder: Path, name: str, microjoules: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in {"name": name, "energy_uj": microjoules, "max_energy_range_uj": 5_000_000}.items():
        (folder / file).write_text(f"{content}\n")
    return folder


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    return tmp_path


def used(found: Energy | None) -> float | None:
    return found.joules()


def test_packages_are_summed_once_each_and_wrap(powercap):
    first = zone(powercap / "intel-rapl:0", "package-0", 1_000_000)
    second = zone(powercap / "intel-rapl:1", "package-1", 4_500_000)
    cores = zone(powercap / "intel-rapl:0:0", "core", 0)
    board = zone(powercap / "intel-rapl:2", "psys", 0)
    found = energy_of(CPU)
    (first / "energy_uj").write_text("3000000")
    (second / "energy_uj").write_text("250000")  # .5 J to its end and .25 J after it
    for part in (cores, board):  # of the same energy
        (part / "energy_uj").write_text("4000000")
    assert used(found) == pytest.approx(2.75)
    (second / "energy_uj").write_text("1250000")
    assert used(found) == pytest.approx(3.75)
    assert found.source == "CPU packages (RAPL)"


def test_readings_between_batches_keep_a_counter_from_passing_its_end_unseen(powercap, monkeypatch):
    counter = zone(powercap / "intel-rapl:0", "package-0", 0) / "energy_uj"
    monkeypatch.setattr(energy, "EVERY", -1.0)
    spent = Spent()
    spent.begin(CPU)
    for value, hook in ((4_000_000, "train"), (3_000_000, "validation"), (2_000_000, "test")):
        counter.write_text(str(value))
        getattr(spent, f"on_{hook}_batch_end")(None)
    record = spent.record(resumed=False)
    assert record["energy_j"] == pytest.approx(4 + 4 + 4)
    assert record["energy_of"] == "CPU packages (RAPL)"


@pytest.mark.parametrize("content", [None, "", "no number"])
def test_a_counter_that_cannot_be_read_gives_nothing(powercap, content):
    counter = zone(powercap / "intel-rapl:0", "package-0", 1) / "energy_uj"
    counter.unlink()
    if content is not None:
        counter.write_text(content)
    assert energy_of(CPU) is None


def test_a_counter_that_fails_on_the_way_gives_nothing_ever_after(powercap):
    counter = zone(powercap / "intel-rapl:0", "package-0", 1) / "energy_uj"
    found = energy_of(CPU)
    counter.unlink()
    assert used(found) is None
    counter.write_text("2")
    assert used(found) is None


def test_no_counter_no_joules(powercap):
    assert energy_of(CPU) is None
    spent = Spent()
    spent.begin(CPU)
    record = spent.record(resumed=True)
    assert record["resumed"]
    assert not {"energy_j", "energy_of", "cuda_bytes"} & set(record)


class NVMLError(Exception):
    pass


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A card of which NVML counts `mj` millijoules, by the name that it has for torch's device."""
    told = SimpleNamespace(mj=7_000_000, fails=False)

    def total(handle: bytes) -> int:
        assert handle == b"GPU-12-34"
        if told.fails:
            raise NVMLError("not supported")
        return told.mj

    module = SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None, nvmlDeviceGetHandleByUUID=lambda name: name,
        nvmlDeviceGetTotalEnergyConsumption=total,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="12-34"))
    return told


def test_a_gpu_is_counted_by_nvml(card):
    found = energy_of(CUDA)
    card.mj += 2500
    assert used(found) == pytest.approx(2.5)
    assert found.source == "GPU (NVML)"
    card.mj = 0  # its driver was loaded anew
    assert used(found) is None


def test_a_gpu_that_does_not_tell_gives_nothing(card, monkeypatch):
    card.fails = True
    assert energy_of(CUDA) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)  # not installed
    assert energy_of(CUDA) is None
