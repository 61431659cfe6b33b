"""What each change of augmentation does to pixels."""

import pytest
import torch

from medxfer.color import Augment

KEY = (0, 0, 0)
STILL = {"brightness": 0.0, "contrast": 0.0, "gamma": 0.0}
POSED = {"rotate": 0.0, "shift": 0.0, "scale": 0.0}


def _centres(gray: torch.Tensor) -> torch.Tensor:
    """(B, 2): where the light of images (B, 1, H, W) is, x and y in pixels."""
    weight = gray[:, 0] / gray.sum(dim=(1, 2, 3)).view(-1, 1, 1)
    _, height, width = weight.shape
    x = (weight.sum(dim=1) * torch.arange(width)).sum(dim=1)
    return torch.stack([x, (weight.sum(dim=2) * torch.arange(height)).sum(dim=1)], dim=1)


def _spot(n: int, height: int, width: int, x: int, y: int) -> torch.Tensor:
    """n images that are black but for a disc around (x, y)."""
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.exp(-((across - x) ** 2 + (down - y) ** 2) / 18.0).expand(n, 1, -1, -1)


def test_without_any_setting_nothing_moves() -> None:
    gray = torch.rand(3, 1, 24, 40)
    assert torch.equal(Augment(**POSED, **STILL).pose(gray, KEY), gray)


@pytest.mark.parametrize(("height", "width"), [(96, 96), (80, 120)])
def test_turns_go_both_ways_up_to_the_limit_around_the_middle_in_pixels(height: int, width: int) -> None:
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    spot = _spot(600, height, width, width // 2 + 25, height // 2)
    offset = _centres(Augment(rotate=10, shift=0, scale=0).pose(spot, KEY)) - middle
    degrees = torch.rad2deg(torch.atan2(offset[:, 1], offset[:, 0]))
    before = _centres(spot)[0] - middle
    torch.testing.assert_close(offset.norm(dim=1), before.norm().expand(600), atol=0.05, rtol=0)
    turned = degrees - torch.rad2deg(torch.atan2(before[1], before[0]))
    assert -10.1 < turned.min() < -9.8
    assert 9.8 < turned.max() < 10.1


def test_shifts_go_both_ways_up_to_their_share_of_each_side() -> None:
    moved = _centres(Augment(rotate=0, shift=0.1, scale=0).pose(_spot(600, 80, 120, 60, 40), KEY)) - torch.tensor(
        [60.0, 40.0]
    )
    for axis, side in ((0, 120), (1, 80)):
        assert -0.1 * side - 0.1 < moved[:, axis].min() < -0.098 * side
        assert 0.098 * side < moved[:, axis].max() < 0.1 * side + 0.1


def test_sizes_change_both_ways_up_to_the_limit() -> None:
    spot = _spot(600, 97, 97, 78, 48)
    distance = _centres(Augment(rotate=0, shift=0, scale=0.05).pose(spot, KEY))[:, 0] - 48
    assert 0.949 < distance.min() / 30 < 0.952
    assert 1.048 < distance.max() / 30 < 1.051


def test_flips_are_left_to_right_and_as_often_as_asked() -> None:
    gray = torch.rand(1, 1, 8, 8).expand(2000, -1, -1, -1)
    flipped = Augment(**POSED, flip=0.3).pose(gray, KEY)
    mirrored = (flipped == gray.flip(-1)).all(dim=(1, 2, 3))
    assert ((flipped == gray).all(dim=(1, 2, 3)) | mirrored).all()
    assert 0.26 < mirrored.float().mean() < 0.34


def test_brightness_is_added_then_contrast_multiplies_then_gamma_is_the_exponent() -> None:
    gray = torch.full((2000, 1, 1, 1), 0.5)
    assert _range(Augment(**POSED, brightness=0.1, contrast=0, gamma=0).exposure(gray, KEY)) == (0.40, 0.60)
    assert _range(Augment(**POSED, brightness=0, contrast=0.1, gamma=0).exposure(gray, KEY)) == (0.45, 0.55)
    low, high = _range(Augment(**POSED, brightness=0, contrast=0, gamma=0.1).exposure(gray, KEY))
    assert (low, high) == (round(0.5**1.1, 2), round(0.5**0.9, 2))


def _range(values: torch.Tensor) -> tuple[float, float]:
    return round(float(values.min()), 2), round(float(values.max()), 2)
