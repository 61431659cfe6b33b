"""ColorTransform: matplotlib's colours, normalised, channels_last; and what it refuses."""

import copy

import matplotlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from medxfer.base.errors import MedxferError
from medxfer.base.window import parse_window
from medxfer.color import ColorTransform, colormap_table, take_single_channel
from medxfer.color.lookup import level_index
from medxfer.color.maps.matplotlib_maps import matplotlib_names
from medxfer.color.single import fold_stem, single_normalisation
from medxfer.color.transform import Windowing

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
IDENTITY = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
WINDOWS = "windows:40/80+80/200+600/2800"
NAMES = ["none", "viridis", "shuffled:viridis@0", "dicom:hot_iron", "single", "learned:viridis"]


def _every_uint8() -> Tensor:
    return torch.arange(256, dtype=torch.uint8).view(1, 16, 16)


def _every_uint16() -> Tensor:
    return torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(1, 256, 256)


def _every_hu() -> Tensor:
    return _every_uint16().view(torch.int16)


def _matplotlib(name: str, gray: np.ndarray) -> np.ndarray:
    cmap = matplotlib.colormaps[name]
    cmap = cmap if cmap.N == 256 else cmap.resampled(256)
    return np.moveaxis(cmap(gray)[..., :3].astype(np.float32), -1, 1)


@pytest.mark.parametrize("name", matplotlib_names())
def test_exact_over_matplotlib(name: str) -> None:
    gray = _every_uint8()
    expected = _matplotlib(name, gray.numpy())
    assert np.array_equal(ColorTransform(name, *IDENTITY)(gray).numpy(), expected)
    normalised = (expected - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    np.testing.assert_allclose(ColorTransform(name, MEAN, STD)(gray).numpy(), normalised, rtol=0, atol=2e-6)


@given(st.lists(st.floats(-0.5, 1.5, width=32), min_size=1, max_size=20))
def test_float_index_rule_is_matplotlibs(values: list[float]) -> None:
    gray = np.array(values, dtype=np.float32).reshape(1, 1, -1)
    out = ColorTransform("viridis", *IDENTITY)(torch.from_numpy(gray))
    assert np.array_equal(out.numpy(), _matplotlib("viridis", gray))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_float_endpoints_and_every_edge(dtype: torch.dtype) -> None:
    edges = torch.arange(257, dtype=torch.float64) / 256
    gray = torch.cat([edges, edges.nextafter(torch.tensor(0.0)), torch.tensor([-torch.inf, torch.inf])]).to(dtype)
    expected = (gray.double() * 256).floor().clamp(0, 255)
    assert torch.equal(level_index(gray, 256).double(), expected)


@pytest.mark.parametrize("levels", [2, 128, 256, 1024, 4096, 65536])
def test_integers_are_their_fraction_of_the_largest(levels: int) -> None:
    for gray, largest in ((_every_uint8(), 255), (_every_uint16(), 65535)):
        exact = np.minimum(gray.numpy().astype(np.int64) * levels // largest, levels - 1)
        assert np.array_equal(level_index(gray, levels).numpy(), exact)
        as_float = gray.double() / largest  # the float rule agrees
        assert np.array_equal(level_index(as_float, levels).numpy(), exact)


def test_uint8_at_256_levels_is_the_value() -> None:
    assert torch.equal(level_index(_every_uint8(), 256), _every_uint8())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [_every_uint8, _every_uint16, lambda: torch.rand(3, 8, 8)])
def test_shape_memory_and_innocence(name: str, make) -> None:  # type: ignore[no-untyped-def]
    transform, gray = ColorTransform(name, MEAN, STD), make()
    before = gray.clone()
    out = transform(gray)
    assert out.shape == (len(gray), transform.in_channels, *gray.shape[1:])
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(gray, before)
    assert torch.equal(transform(gray.unsqueeze(1)), out)


@pytest.mark.parametrize("name", [*NAMES, WINDOWS])
def test_nothing_depends_on_the_rest_of_the_batch(name: str) -> None:
    transform = ColorTransform(name, MEAN, STD)
    gray = torch.randint(0, 256, (4, 5, 7), dtype=torch.uint8)
    gray = gray.to(torch.int16) if transform.takes_hu else gray
    whole = transform(gray)
    for i in range(4):  # an odd number of pixels, and at odd offsets: no pairs
        assert torch.equal(transform(gray[i : i + 1]), whole[i : i + 1])
    assert torch.equal(transform(gray.transpose(1, 2)), whole.transpose(2, 3))


def test_single_is_one_channel_of_none() -> None:
    none, single = (
        ColorTransform("none", [0.5] * 3, [0.5] * 3),
        ColorTransform("single", [0.5] * 3, [0.5] * 3),
    )
    assert (single.in_channels, none.in_channels) == (1, 3)
    assert torch.equal(single(_every_uint8()), none(_every_uint8())[:, :1])


@pytest.mark.parametrize("bias", [None, torch.randn(8)])
def test_the_folded_stem_is_the_same_function(bias: Tensor | None) -> None:
    gray, weight = torch.rand(2, 12, 12), torch.randn(8, 3, 3, 3)
    three, one = ColorTransform("none", MEAN, STD)(gray), ColorTransform("single", MEAN, STD)(gray)
    folded, shift = fold_stem(weight, bias, MEAN, STD)
    expected, got = F.conv2d(three, weight, bias), F.conv2d(one, folded, shift)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=2e-5)


def test_with_equal_channels_the_border_is_the_same_too() -> None:
    gray, weight = torch.rand(2, 12, 12), torch.randn(8, 3, 3, 3)
    three, one = (ColorTransform(name, [0.5] * 3, [0.5] * 3)(gray) for name in ("none", "single"))
    folded, shift = fold_stem(weight, None, [0.5] * 3, [0.5] * 3)
    assert single_normalisation([0.5] * 3, [0.5] * 3) == (0.5, 0.5)
    assert not shift.any()
    torch.testing.assert_close(folded, weight.sum(dim=1, keepdim=True))
    torch.testing.assert_close(
        F.conv2d(one, folded, padding=1), F.conv2d(three, weight, padding=1), rtol=1e-5, atol=2e-5
    )


@pytest.mark.parametrize(("mean", "std"), [(MEAN, STD), ([0.5] * 3, [0.5] * 3)])
def test_a_network_made_to_take_one_channel_is_the_same_function(mean: list[float], std: list[float]) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3))
    gray = torch.rand(2, 16, 16)
    expected = network.eval()(ColorTransform("none", mean, std)(gray))
    take_single_channel(network, mean, std)
    torch.testing.assert_close(network(ColorTransform("single", mean, std)(gray)), expected, rtol=1e-5, atol=2e-5)
    assert (network[0].bias is None) == (len(set(mean)) == 1)
    with pytest.raises(MedxferError, match="three channels"):
        take_single_channel(network, mean, std)
    with pytest.raises(MedxferError, match="three channels"):
        take_single_channel(nn.Linear(3, 1), mean, std)


def test_windows_channels_are_none_through_each_window() -> None:
    transform, hu = ColorTransform(WINDOWS, MEAN, STD), _every_hu()
    none = ColorTransform("none", MEAN, STD)
    assert transform.takes_hu
    for channel, text in enumerate(("brain", "subdural", "bone")):
        window = parse_window(text)
        alone = none(Windowing([window])(hu))
        assert torch.equal(transform(hu)[:, channel], alone[:, channel])
    assert torch.equal(transform(hu.float()), transform(hu))
    assert transform(hu).is_contiguous(memory_format=torch.channels_last)


def test_window_is_dicoms_linear() -> None:
    hu = torch.tensor([[[-161.0, -160.0, -159.0, 39.0, 39.5, 40.0, 239.0, 240.0]]])
    x, c, w = hu.double(), 40.0, 400.0
    formula = ((x - (c - 0.5)) / (w - 1) + 0.5).where(x > c - 0.5 - (w - 1) / 2, 0.0)
    formula = formula.where(x <= c - 0.5 + (w - 1) / 2, 1.0)
    torch.testing.assert_close(Windowing([(c, w)])(hu)[:, 0], formula.float(), rtol=0, atol=1e-7)


def test_wrong_kinds_of_gray_are_refused() -> None:
    with pytest.raises(MedxferError, match="Hounsfield units, and these are display gray"):
        ColorTransform(WINDOWS, MEAN, STD)(_every_uint8())
    with pytest.raises(MedxferError, match="choose a window"):
        ColorTransform("viridis", MEAN, STD)(_every_hu())
    with pytest.raises(TypeError, match="int64"):
        ColorTransform("viridis", MEAN, STD)(torch.zeros(1, 2, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match="shape"):
        ColorTransform("viridis", MEAN, STD)(torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize("name", [*NAMES, WINDOWS])
def test_nan_is_refused(name: str) -> None:
    gray = torch.zeros(2, 4, 4)
    gray[1, 2, 3] = torch.nan
    with pytest.raises(MedxferError, match="NaN"):
        ColorTransform(name, MEAN, STD)(gray)


@pytest.mark.parametrize(("mean", "std"), [((0.5,), (0.5,)), (MEAN, (0.2, 0.0, 0.2))])
def test_normalisations_that_cannot_be(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(MedxferError, match="std above 0"):
        ColorTransform("none", mean, std)


@pytest.mark.parametrize("name", [*NAMES, WINDOWS])
def test_tables_follow_to(name: str) -> None:
    transform = ColorTransform(name, MEAN, STD)
    assert all(buffer.device.type == "meta" for buffer in copy.deepcopy(transform).to("meta").buffers())
    gray = torch.rand(1, 4, 4) * 100
    assert transform.to(torch.bfloat16)(gray).dtype == torch.bfloat16


def test_only_a_learned_table_is_state() -> None:
    assert not ColorTransform("viridis", MEAN, STD).state_dict()
    assert list(ColorTransform("learned:viridis", MEAN, STD).state_dict()) == ["learned.colors"]


def test_levels_reach_the_table() -> None:
    fine = ColorTransform("viridis", *IDENTITY, levels=4096)
    gray = torch.linspace(0, 1, 4096).view(1, 64, 64)
    assert len(torch.unique(fine(gray).permute(0, 2, 3, 1).reshape(-1, 3), dim=0)) > 3000
    table = colormap_table("viridis", 4096)
    assert torch.equal(fine(_every_uint16())[0].flatten(1).T, table.repeat_interleave(16, dim=0))


def test_gray_crosses_to_the_device_in_a_twelfth_of_the_bytes() -> None:
    gray = _every_uint8()
    rgb = ColorTransform("viridis", MEAN, STD)(gray)
    assert 12 * gray.nbytes == rgb.nbytes


def test_compiles_to_the_same() -> None:
    transform = ColorTransform("viridis", MEAN, STD)
    compiled = torch.compile(transform, backend="eager", fullgraph=True)
    assert torch.equal(compiled(_every_uint8()), transform(_every_uint8()))


@pytest.mark.gpu
@pytest.mark.parametrize("name", [*NAMES, WINDOWS])
def test_the_gpu_agrees(name: str) -> None:
    transform = ColorTransform(name, MEAN, STD)
    gray = _every_hu() if transform.takes_hu else _every_uint16()
    for x in (gray, gray.float() if transform.takes_hu else gray.float() / 65535):
        expected = transform.cpu()(x)
        torch.testing.assert_close(transform.cuda()(x.cuda()).cpu(), expected, rtol=0, atol=1e-6)
