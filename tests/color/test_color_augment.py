"""The pose and exposure that are written out, against the libraries that have them."""

import kornia.geometry.transform as geometry
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from medxfer.color import Augment
from medxfer.color.augment import _grid

KEY = (0, 0, 0)
STILL = {"brightness": 0.0, "contrast": 0.0, "gamma": 0.0}
POSED = {"rotate": 0.0, "shift": 0.0, "scale": 0.0}


def _backwards(augment: Augment, shape: tuple[int, ...]) -> torch.Tensor:
    return augment._backwards(shape, torch.Generator().manual_seed(1))


@given(st.integers(1, 9), st.integers(2, 40), st.integers(2, 40), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_the_grid_is_torchs(n: int, height: int, width: int, seed: int) -> None:
    theta = torch.randn(n, 2, 3, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        _grid(theta, height, width), F.affine_grid(theta, [n, 1, height, width], align_corners=False), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 40)])
def test_a_turn_is_kornias(height: int, width: int) -> None:
    """Rotation alone, of images whose sides differ too: a turn in pixels, not in shares of the sides."""
    gray = torch.rand(3, 1, height, width)
    augment = Augment(rotate=90, shift=0, scale=0, **STILL)
    theta = _backwards(augment, tuple(gray.shape))
    degrees = torch.rad2deg(torch.atan2(-theta[:, 1, 0] * height / width, theta[:, 1, 1]))
    center = torch.tensor([[(width - 1) / 2, (height - 1) / 2]]).expand(3, -1)
    expected = geometry.rotate(gray, -degrees, center=center, align_corners=True)
    ours = F.grid_sample(gray, _grid(theta, height, width), align_corners=False)
    inner = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    torch.testing.assert_close(ours[inner], expected[inner], atol=1e-4, rtol=0)


def test_every_change_keeps_within_its_limit_and_uses_it() -> None:
    theta = _backwards(Augment(rotate=5, shift=0, scale=0), (4000, 1, 32, 32))
    degrees = torch.rad2deg(torch.atan2(theta[:, 0, 1], theta[:, 0, 0]))
    assert degrees.abs().max() <= 5.001
    assert degrees.min() < -4.9
    assert degrees.max() > 4.9
    shifted = _backwards(Augment(rotate=0, shift=0.03, scale=0), (4000, 1, 32, 32))[:, :, 2]
    assert 0.059 < shifted.abs().max() <= 0.06001  # of 2, the image's side in these coordinates
    sizes = 1 / _backwards(Augment(rotate=0, shift=0, scale=0.05), (4000, 1, 32, 32))[:, 0, 0]
    assert 0.95 <= sizes.min() < 0.951
    assert 1.049 < sizes.max() <= 1.0501


def test_brightness_is_added_then_contrast_multiplies_then_gamma_is_the_exponent() -> None:
    gray = torch.full((2000, 1, 1, 1), 0.5)
    assert _range(Augment(**POSED, brightness=0.1, contrast=0, gamma=0).exposure(gray, KEY)) == (0.40, 0.60)
    assert _range(Augment(**POSED, brightness=0, contrast=0.1, gamma=0).exposure(gray, KEY)) == (0.45, 0.55)
    low, high = _range(Augment(**POSED, brightness=0, contrast=0, gamma=0.1).exposure(gray, KEY))
    assert (low, high) == (round(0.5**1.1, 2), round(0.5**0.9, 2))


def _range(values: torch.Tensor) -> tuple[float, float]:
    return round(float(values.min()), 2), round(float(values.max()), 2)


def test_noise_has_the_standard_deviation_that_is_asked_for() -> None:
    gray = torch.full((8, 1, 64, 64), 0.5)
    noisy = Augment(**POSED, **STILL, noise=0.02).exposure(gray, KEY)
    assert abs(float((noisy - gray).std()) - 0.02) < 0.0005


def test_cutout_blacks_out_one_rectangle_up_to_its_area() -> None:
    gray = torch.ones(500, 1, 40, 60)
    out = Augment(**POSED, cutout=0.2).pose(gray, KEY)[:, 0]
    areas = (out == 0).float().mean(dim=(1, 2))
    assert 0.15 < areas.max() <= 0.21
    assert areas.min() < 0.01
    for image in out[areas > 0]:
        rows, columns = (image == 0).any(dim=1), (image == 0).any(dim=0)
        assert (image == 0).sum() == rows.sum() * columns.sum()  # no hole, no second one
