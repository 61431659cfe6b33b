"""What the fused lookup costs next to copying its result, and next to other ways to the same colours.

Ratios within one run, calls interleaved, medians; `-s` shows all figures with the machine. Run alone:

    pytest -m benchmark -s tests/benchmarks/test_lookup.py
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator

import kornia
import matplotlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from medxfer.batch import GrayBatch
from medxfer.color import Augment, ColorTransform, Renderer

pytestmark = pytest.mark.benchmark

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROUNDS, THREADS = 15, 2


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


def _images(batch: int, size: int, dtype: torch.dtype) -> Tensor:
    """Smooth images with detector noise (B, H, W), as radiographs are; black outside a disc."""
    generator = torch.Generator().manual_seed(0)
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    body = (0.55 + 0.25 * torch.sin(3 * x) * torch.cos(4 * y)) * (x**2 + y**2 < 0.8)
    gray = body + 0.02 * torch.randn(batch, size, size, generator=generator)
    return (gray.clamp(0, 1) * torch.iinfo(dtype).max).int().to(dtype)


def _medians(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median milliseconds of each call, over rounds in which every call has its turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            result = call()
            times[name].append(1000 * (time.perf_counter() - start))
            del result
    return {name: statistics.median(t) for name, t in times.items()}


def _show(title: str, medians: dict[str, float], unit: str) -> None:
    cpu = platform.processor() or platform.machine()
    print(f"\n{title}: {os.cpu_count()} × {cpu}, {THREADS} threads, torch {torch.__version__}")
    for name, median in medians.items():
        print(f"  {name:<28} {median:8.2f} ms  {median / medians[unit]:6.2f} × {unit}")


@pytest.mark.parametrize(("batch", "size"), [(64, 224), (16, 512)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16], ids=["uint8", "uint16"])
def test_lookup_costs_at_most_1_7_copies(batch: int, size: int, dtype: torch.dtype) -> None:
    gray = _images(batch, size, dtype)
    transform = ColorTransform("viridis", MEAN, STD)
    result = transform(gray)
    medians = _medians({"copy": result.clone, "medxfer": lambda: transform(gray)})
    _show(f"{batch} × {size} × {size} {dtype}", medians, "copy")
    assert medians["medxfer"] <= 1.7 * medians["copy"]


def test_lookup_is_at_least_5_times_as_fast_as_kornia() -> None:
    gray = _images(64, 224, torch.uint8)
    transform = ColorTransform("viridis", MEAN, STD)
    table = transform.table
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    channels_last = {"memory_format": torch.channels_last}
    palette = kornia.color.ColorMap("viridis", num_colors=256)
    apply = kornia.color.ApplyColorMap(palette)
    cmap = matplotlib.colormaps["viridis"]
    colors = torch.from_numpy(cmap(np.arange(256))[:, :3].astype(np.float32))

    def with_kornia() -> Tensor:
        return kornia.enhance.normalize(apply(gray.unsqueeze(1).float() / 255), mean[0, :, 0, 0], std[0, :, 0, 0])

    def with_matplotlib() -> Tensor:
        rgb = torch.from_numpy(cmap(gray.numpy())[..., :3].astype(np.float32)).permute(0, 3, 1, 2)
        return (rgb - mean) / std

    def step_by_step() -> Tensor:
        return ((colors[gray.long()].permute(0, 3, 1, 2).contiguous() - mean) / std).contiguous(**channels_last)

    medians = _medians(
        {
            "copy": transform(gray).clone,
            "medxfer": lambda: transform(gray),
            "one embedding of the table": lambda: F.embedding(gray.int(), table).permute(0, 3, 1, 2),
            "kornia": with_kornia,
            "matplotlib": with_matplotlib,
            "index, permute, normalise": step_by_step,
        }
    )
    _show("64 × 224 × 224 uint8 to normalised viridis", medians, "copy")
    assert medians["kornia"] >= 5 * medians["medxfer"]


def test_what_rendering_costs() -> None:
    """For the record: the lookup at 64 px, augmentation, windows, a learned table."""
    none = torch.zeros(64, dtype=torch.int64)
    small, large = _images(64, 64, torch.uint8), _images(64, 224, torch.uint8)
    hu = (_images(64, 224, torch.uint16).int() // 16 - 1024).to(torch.int16)
    transform = ColorTransform("viridis", MEAN, STD)
    display = Renderer(transform, None, Augment())
    ct = Renderer(ColorTransform("viridis", MEAN, STD), (40, 400), Augment())
    windows = Renderer(ColorTransform("windows:brain+subdural+bone", MEAN, STD), None, Augment())
    learned = ColorTransform("learned:viridis", MEAN, STD)
    medians = _medians(
        {
            "copy": transform(large).clone,
            "64 px": lambda: transform(small),
            "augmented": lambda: display(GrayBatch(large, none, none), key=(0, 0, 0)),
            "HU": lambda: ct(GrayBatch(hu, none, none)),
            "HU, augmented": lambda: ct(GrayBatch(hu, none, none), key=(0, 0, 0)),
            "three windows": lambda: windows(GrayBatch(hu, none, none)),
            "three windows, augmented": lambda: windows(GrayBatch(hu, none, none), key=(0, 0, 0)),
            "learned, and its gradient": lambda: learned(large).sum().backward(),
        }
    )
    _show("rendering 64 × 224 × 224", medians, "copy")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_reaches_70_percent_of_its_copy_bandwidth() -> None:
    gray = _images(256, 224, torch.uint8).cuda()
    transform = ColorTransform("viridis", MEAN, STD).cuda()
    result = transform(gray)

    def bandwidth(call: Callable[[], object], moved: int) -> float:
        seconds = []
        for _ in range(ROUNDS):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            call()
            end.record()
            end.synchronize()
            seconds.append(start.elapsed_time(end) / 1000)
        return moved / statistics.median(seconds)

    copy = bandwidth(result.clone, 2 * result.nbytes)
    lookup = bandwidth(lambda: transform(gray), gray.nbytes + result.nbytes)
    print(f"\n{torch.cuda.get_device_name()}: copy {copy / 1e9:.0f} GB/s, lookup {lookup / 1e9:.0f} GB/s")
    assert lookup >= 0.7 * copy
