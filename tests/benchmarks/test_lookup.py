"""What the fused lookup costs next to copying its result, and next to other ways to the same colours.

`make bench` prints the ratios and adds them to results.csv; run it on a machine that does nothing else.
"""

from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from measure import ratios
from torch import Tensor

from medxfer.base.batch import GrayBatch
from medxfer.color import Augment, ColorTransform, Renderer
from medxfer.model.backbone import create_backbone

pytestmark = pytest.mark.benchmark

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
THREADS = 2


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


@pytest.mark.parametrize(("batch", "size"), [(64, 224), (16, 512)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16], ids=["uint8", "uint16"])
def test_lookup_beside_a_copy_of_its_result(batch: int, size: int, dtype: torch.dtype) -> None:
    gray = _images(batch, size, dtype)
    transform = ColorTransform("viridis", MEAN, STD)
    result = transform(gray)
    name = f"lookup, {batch} × {size} px, {str(dtype).removeprefix('torch.')}"
    ratios(name, {"copy": result.clone, "medxfer": lambda: transform(gray)}, "copy", {"medxfer": "at most 1.7"})
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_lookup_beside_other_ways_to_the_same_colours() -> None:
    kornia = pytest.importorskip("kornia")
    gray = _images(64, 224, torch.uint8)
    transform = ColorTransform("viridis", MEAN, STD)
    table = transform.table
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    channels_last = {"memory_format": torch.channels_last}
    apply = kornia.color.ApplyColorMap(kornia.color.ColorMap("viridis", num_colors=256))
    cmap = matplotlib.colormaps["viridis"]
    colors = torch.from_numpy(cmap(np.arange(256))[:, :3].astype(np.float32))

    def with_kornia() -> Tensor:
        return kornia.enhance.normalize(apply(gray.unsqueeze(1).float() / 255), mean[0, :, 0, 0], std[0, :, 0, 0])

    def with_matplotlib() -> Tensor:
        rgb = torch.from_numpy(cmap(gray.numpy())[..., :3].astype(np.float32)).permute(0, 3, 1, 2)
        return (rgb - mean) / std

    def step_by_step() -> Tensor:
        return ((colors[gray.long()].permute(0, 3, 1, 2).contiguous() - mean) / std).contiguous(**channels_last)

    assert torch.allclose(transform(gray), with_matplotlib(), atol=2e-6)
    assert torch.allclose(transform(gray), step_by_step(), atol=2e-6)
    peers = {
        "medxfer": lambda: transform(gray),
        "copy": transform(gray).clone,
        "one embedding of the table": lambda: F.embedding(gray.int(), table).permute(0, 3, 1, 2),
        "kornia": with_kornia,
        "matplotlib": with_matplotlib,
        "index, permute, normalise": step_by_step,
    }
    ratios("normalised viridis, 64 × 224 px, uint8", peers, "medxfer", {"kornia": "at least 5"})


def test_lookup_beside_a_training_step_at_64_px() -> None:
    gray = _images(64, 64, torch.uint8)
    transform = ColorTransform("viridis", MEAN, STD)
    pixels, label = transform(gray), torch.arange(64) % 2
    network = create_backbone("tf_efficientnet_lite0", 2, pretrained=False)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(pixels), label).backward()
        optimizer.step()

    calls = {"step of EfficientNet-Lite0": step, "medxfer": lambda: transform(gray)}
    ratios("lookup, 64 × 64 px, uint8", calls, "step of EfficientNet-Lite0", {"medxfer": "at most 0.03"})
    assert pixels.shape == (64, 3, 64, 64)


def test_what_rendering_costs() -> None:
    """For the record: augmentation, windows, a learned table."""
    none = torch.zeros(64, dtype=torch.int64)
    large = _images(64, 224, torch.uint8)
    hu = (_images(64, 224, torch.uint16).int() // 16 - 1024).to(torch.int16)
    transform = ColorTransform("viridis", MEAN, STD)
    display = Renderer(transform, None, Augment())
    ct = Renderer(ColorTransform("viridis", MEAN, STD), (40, 400), Augment())
    windows = Renderer(ColorTransform("windows:brain+subdural+bone", MEAN, STD), None, Augment())
    learned = ColorTransform("learned:viridis", MEAN, STD)
    calls = {
        "copy": transform(large).clone,
        "augmented": lambda: display(GrayBatch(large, none, none), key=(0, 0, 0)),
        "HU": lambda: ct(GrayBatch(hu, none, none)),
        "HU, augmented": lambda: ct(GrayBatch(hu, none, none), key=(0, 0, 0)),
        "three windows": lambda: windows(GrayBatch(hu, none, none)),
        "three windows, augmented": lambda: windows(GrayBatch(hu, none, none), key=(0, 0, 0)),
        "learned, and its gradient": lambda: learned(large).sum().backward(),
    }
    assert ratios("rendering, 64 × 224 px", calls, "copy", {}).keys() == calls.keys()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_lookup_beside_its_copy() -> None:
    """Bandwidth: the lookup moves its gray and its result, the copy the result twice."""
    gray = _images(256, 224, torch.uint8).cuda()
    transform = ColorTransform("viridis", MEAN, STD).cuda()
    result = transform(gray)
    calls = {"copy": result.clone, "medxfer": lambda: transform(gray)}
    time_ratio = ratios("lookup, 256 × 224 px, uint8", calls, "copy", {})["medxfer"]
    bandwidth = (gray.nbytes + result.nbytes) / (2 * result.nbytes) / time_ratio
    print(f"  {bandwidth:.2f} of the copy's bandwidth (goal: at least 0.7)")
    assert torch.equal(result.cpu(), ColorTransform("viridis", MEAN, STD)(gray.cpu()))
