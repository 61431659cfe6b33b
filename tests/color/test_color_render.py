"""The renderer: one way from gray to pixels, paired draws, black padding, and nothing resized in colour."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.base.errors import MedxferError
from medxfer.color import Augment, ColorTransform, Renderer, channel_statistics

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IDENTITY = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
WINDOW = (40.0, 400.0)
WINDOWS = "windows:brain+subdural+bone"
KEY = (0, 3, 7)


def _batch(gray: torch.Tensor) -> GrayBatch:
    return GrayBatch(gray, torch.arange(len(gray)), torch.arange(len(gray)) + 100)


def _distance_to(table: torch.Tensor, colors: torch.Tensor) -> float:
    """How far the farthest of `colors` is from every colour of `table`."""
    exact = "donot_use_mm_for_euclid_dist"
    return float(torch.cdist(colors, table, compute_mode=exact).amin(dim=1).max())


@pytest.fixture
def uint8() -> GrayBatch:
    return _batch(torch.randint(1, 256, (4, 24, 32), dtype=torch.uint8))


@pytest.fixture
def hu() -> GrayBatch:
    return _batch(torch.randint(-1024, 2000, (4, 24, 32), dtype=torch.int16))


def _pose_only() -> Augment:
    return Augment(brightness=0, contrast=0, gamma=0)


def test_without_augmentation_it_is_the_lookup(uint8: GrayBatch) -> None:
    color = ColorTransform("viridis", MEAN, STD)
    out = Renderer(color, None, Augment())(uint8)
    assert isinstance(out, RenderedBatch)
    assert torch.equal(out.pixels, color(uint8.gray))
    assert out.label is uint8.label
    assert out.row is uint8.row


@pytest.mark.parametrize("name", ["none", "viridis", "single", WINDOWS, "learned:viridis"])
def test_hounsfield_units_fused_equals_step_by_step(name: str) -> None:
    every_hu = torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16).view(1, 256, 256)
    color = ColorTransform(name, MEAN, STD)
    renderer = Renderer(color, WINDOW, None)
    stepwise = color.lookup(renderer.windowing(every_hu))
    assert torch.equal(renderer(_batch(every_hu)).pixels, stepwise)


def test_without_colour_it_is_gray_in_the_unit_interval(uint8: GrayBatch, hu: GrayBatch) -> None:
    gray = Renderer(None, None, None)(uint8).pixels
    assert torch.equal(gray, uint8.gray.unsqueeze(1) / 255)
    windowed = Renderer(None, WINDOW, Augment())(hu, key=KEY).pixels
    assert windowed.shape == (4, 1, 24, 32)
    assert windowed.min() >= 0
    assert windowed.max() <= 1


@pytest.mark.parametrize("window", [None, WINDOW])
def test_draws_follow_the_key_alone(window: tuple[float, float] | None, uint8: GrayBatch, hu: GrayBatch) -> None:
    batch = uint8 if window is None else hu
    renderer = Renderer(ColorTransform("viridis", MEAN, STD), window, Augment(flip=0.5))
    first = renderer(batch, key=KEY).pixels
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - that it is not used is the point
    assert torch.equal(renderer(batch, key=KEY).pixels, first)
    for other in ((1, 3, 7), (0, 4, 7), (0, 3, 8)):
        assert not torch.equal(renderer(batch, key=other).pixels, first)
    assert not torch.equal(renderer(batch).pixels, first)


def test_global_generators_are_left_alone(uint8: GrayBatch) -> None:
    renderer = Renderer(ColorTransform("viridis", MEAN, STD), None, Augment(flip=0.5))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    renderer(uint8, key=KEY)
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_every_arm_sees_the_same_draws(uint8: GrayBatch) -> None:
    gray = Renderer(None, None, Augment())(uint8, key=KEY).pixels
    for name in ("none", "viridis", "single"):
        color = ColorTransform(name, MEAN, STD)
        assert torch.equal(Renderer(color, None, Augment())(uint8, key=KEY).pixels, color(gray))


def test_three_windows_see_the_draws_of_one(hu: GrayBatch) -> None:
    identity = ColorTransform("windows:40/400+80/200+600/2800", *IDENTITY)
    augment = Augment(rotate=0, shift=0, scale=0)  # windows pad with their own lowest black
    three = Renderer(identity, None, augment)(hu, key=KEY).pixels
    one = Renderer(ColorTransform("none", *IDENTITY), WINDOW, augment)(hu, key=KEY).pixels
    assert torch.equal(three[:, 0], one[:, 0])


def test_samples_draw_for_themselves() -> None:
    image = torch.randint(1, 256, (1, 24, 32), dtype=torch.uint8).expand(6, -1, -1)
    out = Renderer(None, None, Augment())(_batch(image), key=KEY).pixels
    assert all(not torch.equal(out[0], out[i]) for i in range(1, 6))


def test_padding_is_grays_black_and_then_a_colour_of_the_map() -> None:
    white = torch.full((8, 32, 32), 255, dtype=torch.uint8)
    far = Augment(rotate=0, scale=0, shift=0.9, brightness=0, contrast=0, gamma=0)
    color = ColorTransform("viridis", *IDENTITY)
    out = Renderer(color, None, far)(_batch(white), key=KEY).pixels
    black, bright = color.table[0].view(3, 1), color.table[-1].view(3, 1)
    colors = out.permute(1, 0, 2, 3).flatten(1)
    from_outside = (colors == black).all(dim=0)
    assert from_outside.float().mean() > 0.2
    # All colours come from the table: interpolated in gray, then looked up, never mixed in colour.
    assert _distance_to(color.table, colors.T) == 0
    assert (colors == bright).all(dim=0).any()


@pytest.mark.parametrize("name", ["viridis", WINDOWS])
def test_padding_of_hounsfield_units_is_black_in_every_window(name: str) -> None:
    bone = torch.full((8, 32, 32), 3000, dtype=torch.int16)
    far = Augment(rotate=0, scale=0, shift=0.9, brightness=0, contrast=0, gamma=0)
    color = ColorTransform(name, *IDENTITY)
    out = Renderer(color, WINDOW, far)(_batch(bone), key=KEY).pixels.permute(1, 0, 2, 3).flatten(1)
    assert (out == color.table[0].view(3, 1)).all(dim=0).float().mean() > 0.2
    assert (out == color.table[-1].view(3, 1)).all(dim=0).float().mean() > 0.1


def test_resizing_in_gray_is_not_resizing_in_colour() -> None:
    gray = torch.rand(1, 1, 16, 16)
    color = ColorTransform("viridis", *IDENTITY)
    in_gray = color(F.interpolate(gray, size=32, mode="bilinear"))
    in_color = F.interpolate(color(gray), size=32, mode="bilinear")
    assert (in_gray - in_color).abs().max() > 0.05
    points = in_color.permute(0, 2, 3, 1).reshape(-1, 3)
    assert _distance_to(color.table, points) > 0.02  # colours that the map does not have


def test_the_callers_gray_is_never_changed(uint8: GrayBatch, hu: GrayBatch) -> None:
    for batch, window in ((uint8, None), (hu, WINDOW)):
        before = batch.gray.clone()
        renderer = Renderer(ColorTransform("viridis", MEAN, STD), window, Augment(flip=0.5))
        renderer(batch)
        renderer(batch, key=KEY)
        assert torch.equal(batch.gray, before)


def test_no_change_asked_for_is_no_change(uint8: GrayBatch) -> None:
    nothing = Augment(rotate=0, shift=0, scale=0, brightness=0, contrast=0, gamma=0)
    renderer = Renderer(ColorTransform("viridis", MEAN, STD), None, nothing)
    assert torch.equal(renderer(uint8, key=KEY).pixels, renderer(uint8).pixels)


def test_by_default_nothing_is_flipped() -> None:
    left = torch.zeros(64, 32, 32, dtype=torch.uint8)
    left[:, 12:20, 2:10] = 255
    out = Renderer(None, None, _pose_only())(_batch(left), key=KEY).pixels
    assert (out[..., :16].sum(dim=(1, 2, 3)) > out[..., 16:].sum(dim=(1, 2, 3))).all()
    flipped = Renderer(None, None, Augment(flip=0.5))(_batch(left), key=KEY).pixels
    share = (flipped[..., :16].sum(dim=(1, 2, 3)) < flipped[..., 16:].sum(dim=(1, 2, 3))).float().mean()
    assert 0.25 < share < 0.75


def test_the_wrong_window_is_refused(uint8: GrayBatch, hu: GrayBatch) -> None:
    color = ColorTransform("viridis", MEAN, STD)
    with pytest.raises(MedxferError, match="choose a window"):
        Renderer(color, None, None)(hu)
    with pytest.raises(MedxferError, match="window=file"):
        Renderer(color, WINDOW, None)(uint8)
    with pytest.raises(MedxferError, match="display gray"):
        Renderer(ColorTransform(WINDOWS, MEAN, STD), None, None)(uint8)


@pytest.mark.parametrize("setting", [{"rotate": -1}, {"shift": 1.5}, {"flip": 2}, {"gamma": -0.1}])
def test_settings_that_cannot_be(setting: dict[str, float]) -> None:
    with pytest.raises(MedxferError, match=f"augment.{next(iter(setting))}="):
        Augment(**setting)


def test_a_learned_colour_keeps_its_gradient_through_augmentation(uint8: GrayBatch) -> None:
    color = ColorTransform("learned:viridis", MEAN, STD)
    Renderer(color, None, Augment())(uint8, key=KEY).pixels.sum().backward()
    assert color.learned.colors.grad.abs().sum() > 0


def test_channel_statistics(uint8: GrayBatch) -> None:
    renderer = Renderer(ColorTransform("viridis", *IDENTITY), None, Augment())
    other = _batch(torch.randint(0, 256, (2, 24, 32), dtype=torch.uint8))
    mean, std = channel_statistics(renderer, [uint8, other])
    colors = torch.cat([renderer(uint8).pixels, renderer(other).pixels]).double()
    torch.testing.assert_close(torch.tensor(mean).double(), colors.mean(dim=(0, 2, 3)), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.tensor(std).double(), colors.std(dim=(0, 2, 3), correction=0), atol=1e-6, rtol=0)
    ramp = _batch(torch.arange(256, dtype=torch.uint8).view(1, 16, 16))
    assert [round(m, 3) for m in channel_statistics(renderer, [ramp])[0]] == [0.327, 0.538, 0.431]
    with pytest.raises(MedxferError, match="no images"):
        channel_statistics(renderer, [])
    with pytest.raises(MedxferError, match="constant"):
        channel_statistics(renderer, [_batch(torch.zeros(1, 4, 4, dtype=torch.uint8))])


@pytest.mark.gpu
def test_the_gpu_draws_the_same(uint8: GrayBatch) -> None:
    renderer = Renderer(None, None, Augment(flip=0.5))
    expected = renderer(uint8, key=KEY).pixels
    on_gpu = GrayBatch(*(tensor.cuda() for tensor in uint8))
    torch.testing.assert_close(renderer.cuda()(on_gpu, key=KEY).pixels.cpu(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int16])
def test_what_a_store_holds_is_rendered_without_a_look_for_nan(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look waits for the device, and integers hold no NaN; gray that comes as float is looked at."""
    window = (40.0, 400.0) if dtype == torch.int16 else None
    renderer = Renderer(ColorTransform("viridis", MEAN, STD), window, Augment())
    isnan = torch.Tensor.isnan
    monkeypatch.setattr(torch.Tensor, "isnan", lambda *_: pytest.fail("looked for NaN"))
    gray = torch.arange(64).view(1, 8, 8).to(dtype)
    for key in (None, (0, 0, 0)):
        renderer(GrayBatch(gray, torch.zeros(1), torch.zeros(1)), key)
    monkeypatch.setattr(torch.Tensor, "isnan", isnan)
    broken = torch.full((1, 8, 8), torch.nan)
    with pytest.raises(MedxferError, match="NaN"):
        renderer(GrayBatch(broken, torch.zeros(1), torch.zeros(1)), (0, 0, 0))
