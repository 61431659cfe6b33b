"""On a CUDA device: ResNet-50, 224 px, bfloat16, batches of 256; and small cells side by side."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from images import phantoms
from measure import compare, in_turns, ratios, record
from pipeline import Loop, batches, forever
from torch.profiler import ProfilerActivity, profile

from medxfer.data.store.build import GrayStore, open_store
from medxfer.data.store.dataset import open_dataset

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

NETWORK, SIZE, BATCH, STEPS = "resnet50", 224, 256, 20
NAME = f"{NETWORK}, {BATCH} × {SIZE} px, bfloat16"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> GrayStore:
    dataset = open_dataset(phantoms(2048).source, tmp_path_factory.mktemp("store"))
    return open_store(dataset, SIZE, hounsfield=False)


def test_training_on_images_beside_training_on_one_synthetic_batch(store: GrayStore) -> None:
    calls = Loop(NETWORK, bf16=True).beside_synthetic({"map": forever(store, BATCH)}, STEPS)
    medians = ratios(NAME, calls, "synthetic", {"map": "at most 1.0526 (95 % of its throughput)"}, 7)
    assert medians["synthetic"] == 1.0


def test_images_a_second(store: GrayStore) -> None:
    epoch, images = batches(store, BATCH), len(store)
    seconds = in_turns({"epoch": lambda: [None for _ in epoch()]}, 8)["epoch"][1:]
    record(f"input alone, {BATCH} × {SIZE} px", "images a second", [images / each for each in seconds], "images/s")
    assert len(seconds) == 7


def test_how_busy_the_gpu_is(store: GrayStore) -> None:
    loop, source = Loop(NETWORK, bf16=True), forever(store, BATCH)
    loop.run(islice(source, STEPS))
    torch.cuda.synchronize()
    shares = []
    for _ in range(7):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            start.record()
            loop.run(islice(source, STEPS))
            end.record()
            torch.cuda.synchronize()
        busy = sum(event.device_time_total for event in profiled.events()) / 1000  # ms, of kernels and copies
        shares.append(busy / start.elapsed_time(end))
    assert record(NAME, "share of time that the GPU is busy", shares, "", "at least 0.95") > 0


def test_small_cells_side_by_side(tmp_path: Path) -> None:
    """Four cells of a 0.36 M-parameter network: one process after another's turn, and two processes at once."""
    images, numbers = phantoms(1000), iter(range(1000))

    def command(seeds: str) -> subprocess.Popen:
        return subprocess.Popen(
            [
                sys.executable, "-m", "medxfer.train", "-m", *images.overrides, "backbone=test_efficientnet",
                "pretrained=false", f"seed={seeds}", "trainer.max_epochs=4", "logger=none",
                f"store.root={tmp_path / 'store'}", f"study.root={tmp_path / str(next(numbers))}",
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def one_after_another() -> None:
        assert command("0,1,2,3").wait() == 0

    def at_once() -> None:
        both = [command("0,1"), command("2,3")]
        assert [each.wait() for each in both] == [0, 0]

    one_after_another()  # decodes
    calls = {"one after another": one_after_another, "two at once": at_once}
    compare("four small cells", in_turns(calls, 7), "one after another", {})
