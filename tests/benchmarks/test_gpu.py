"""On a CUDA device: the lookup, ResNet-50 at 224 px in bfloat16, small networks, and cells side by side.

MEDXFER_TRY_ON_CPU=1 runs it without one, at the sizes that MEDXFER_BENCH_* give.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import pytest
import torch
from images import phantoms
from measure import in_turns, ratios, record
from pipeline import DEVICE, MEAN, STD, Loop, forever
from scale import TRAINING_IMAGES, setting
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.color import Augment, ColorTransform, Renderer
from medxfer.data.store.dataset import open_dataset
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.open import open_store

GPU = torch.cuda.is_available()
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.gpu,
    pytest.mark.skipif(not (GPU or os.environ.get("MEDXFER_TRY_ON_CPU")), reason="no CUDA device"),
]

SIZE, BATCH = setting("SIZE", 224, 224), setting("BATCH", 256, 256)
STEPS, ROUNDS = setting("STEPS", 10, 20), setting("ROUNDS", 5, 7)
LARGE, SMALL = "resnet50", "tf_efficientnet_lite0"
NAME = f"{LARGE}, {BATCH} × {SIZE} px, bfloat16"
SMALL_NAME = f"{SMALL}, 32 × 64 px, float32"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> GrayStore:
    dataset = open_dataset(phantoms(TRAINING_IMAGES).source, tmp_path_factory.mktemp("store"))
    return open_store(dataset, SIZE, hounsfield=False)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "HU", "uint8, augmented"])
def test_the_bandwidth_of_rendering(kind: str) -> None:
    """The lookup moves its gray and its result, a copy of the result moves that twice."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (BATCH, SIZE, SIZE), generator=generator)
    dtype = {"uint16": torch.uint16, "HU": torch.int16}.get(kind, torch.uint8)
    gray, none = noise.to(dtype).to(DEVICE), torch.zeros(BATCH, dtype=torch.int64, device=DEVICE)
    window = (40.0, 400.0) if kind == "HU" else None
    renderer = Renderer(ColorTransform("viridis", MEAN, STD), window, Augment()).to(DEVICE)  # type: ignore[arg-type]
    key = (0, 0, 0) if "augmented" in kind else None

    def render() -> Tensor:
        return renderer(GrayBatch(gray, none, none), key).pixels

    result = render()
    seconds = in_turns({"copy": repeated(result.clone), "medxfer": repeated(render)}, ROUNDS + 2)
    moved = {"copy": 2 * result.nbytes, "medxfer": gray.nbytes + result.nbytes}
    shares = [
        (moved["medxfer"] / ours) / (moved["copy"] / copy)
        for ours, copy in zip(seconds["medxfer"][2:], seconds["copy"][2:], strict=True)
    ]
    name = f"lookup, {BATCH} × {SIZE} px, {kind}"
    goal = "" if key else "at least 0.7"
    assert record(name, "share of a copy's bandwidth", shares, "", goal) > 0
    record(name, "copy", [moved["copy"] * STEPS / each / 1e12 for each in seconds["copy"][2:]], "TB/s")


def test_training_on_images_beside_training_on_one_synthetic_batch(store: GrayStore) -> None:
    calls = Loop(LARGE, bf16=True).beside_synthetic({"map": forever(store, BATCH)}, STEPS)
    medians = ratios(NAME, calls, "synthetic", {"map": "at most 1.0526 (95 % of its throughput)"}, ROUNDS)
    assert medians["synthetic"] == 1.0


def test_how_busy_the_gpu_is(store: GrayStore) -> None:
    if not GPU:
        pytest.skip("a CPU has no events")
    loop, source = Loop(LARGE, bf16=True), forever(store, BATCH)
    loop.run(islice(source, STEPS))
    torch.cuda.synchronize()
    shares = []
    for _ in range(3):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            start.record()
            loop.run(islice(source, STEPS))
            end.record()
            torch.cuda.synchronize()
        busy = sum(event.device_time_total for event in profiled.events()) / 1000  # ms, of kernels and copies
        shares.append(busy / start.elapsed_time(end))
    print(profiled.key_averages().table(sort_by="self_device_time_total", row_limit=12))
    assert record(NAME, "share of time that the GPU is busy", shares, "", "at least 0.95") > 0


def test_what_repeating_bit_by_bit_costs() -> None:
    for name, network, batch, bf16 in ((NAME, LARGE, BATCH, True), (SMALL_NAME, SMALL, 32, False)):
        loop, step = Loop(network, bf16), synthetic(batch, SIZE if network == LARGE else 64)

        def run(repeatable: bool, loop: Loop = loop, step: RenderedBatch = step) -> None:
            with deterministic(repeatable):
                loop.run(iter([step] * STEPS))

        calls = {"as it comes": lambda run=run: run(False), "deterministic": lambda run=run: run(True)}
        medians = ratios(name, calls, "as it comes", {}, ROUNDS)
        assert medians["as it comes"] == 1.0


@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bfloat16"])
def test_small_networks_launched_otherwise(bf16: bool) -> None:
    """A step of a small network is launches: a CUDA graph launches it whole, a compiler makes fewer."""
    step = synthetic(32, 64)
    calls = {}
    with deterministic(True):
        for way in ("eager", "graphs", "compiled", "compiled, graphs"):
            if "graphs" in way and not GPU:
                continue
            loop = Loop(SMALL, bf16)
            if way == "graphs":
                loop.model = torch.cuda.make_graphed_callables(loop.model, (step.pixels.clone(),))
            elif way != "eager":
                loop.model.compile(mode="reduce-overhead" if "graphs" in way else "default")
            calls[way] = lambda loop=loop: loop.run(iter([step] * STEPS))
        medians = ratios(SMALL_NAME.replace("float32", "bfloat16" if bf16 else "float32"), calls, "eager", {}, ROUNDS)
    assert medians["eager"] == 1.0


def test_tensor_float_32(store: GrayStore) -> None:
    """What torch's own choice, TF32 in convolutions, gives beside float32."""
    for network, batch, size in ((LARGE, BATCH // 4, SIZE), (SMALL, 32, 64)):
        loop, step = Loop(network), synthetic(batch, size)

        def run(allowed: bool, loop: Loop = loop, step: RenderedBatch = step) -> None:
            before, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, allowed
            loop.run(iter([step] * STEPS))
            torch.backends.cudnn.allow_tf32 = before

        calls = {"float32": lambda run=run: run(False), "TF32": lambda run=run: run(True)}
        assert ratios(f"{network}, {batch} × {size} px", calls, "float32", {}, 3)["float32"] == 1.0


def repeated(call: Callable[[], object]) -> Callable[[], None]:
    def calls() -> None:
        for _ in range(STEPS):
            call()

    return calls


def synthetic(batch: int, size: int) -> RenderedBatch:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(batch, 3, size, size, generator=generator).to(DEVICE, memory_format=torch.channels_last)
    label = torch.arange(batch, device=DEVICE) % 2
    return RenderedBatch(pixels, label, label)


@contextmanager
def deterministic(repeatable: bool) -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(repeatable)
    torch.utils.deterministic.fill_uninitialized_memory = False  # as in a cell
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
