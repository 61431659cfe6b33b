"""A learned table: starts where it says, has gradients, and learns what no fixed ramp can show."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medxfer.color import ColorTransform, colormap_table
from medxfer.color.transform import LearnedTable

HALF = ([0.5] * 3, [0.5] * 3)
IDENTITY = ([0.0] * 3, [1.0] * 3)


@pytest.mark.parametrize("start", ["none", "viridis", "viridis:luminance"])
def test_starts_as_the_map_it_is_named_after(start: str) -> None:
    gray = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    learned, fixed = ColorTransform(f"learned:{start}", *HALF), ColorTransform(start, *HALF)
    torch.testing.assert_close(learned(gray), fixed(gray), rtol=0, atol=2e-6)


def test_all_kinds_of_gray_agree() -> None:
    table = LearnedTable(colormap_table("viridis"), *IDENTITY)
    values = torch.arange(65536, dtype=torch.int32)
    uint16 = values.to(torch.uint16).view(1, 256, 256)
    torch.testing.assert_close(table(uint16), table(values.double().div(65535).view(1, 256, 256)), atol=1e-5, rtol=0)
    torch.testing.assert_close(table(torch.tensor([[[0.0, 1.0, 2.0]]]))[0, 0, 1:], table.colors[[-1, -1]])


def test_gradients_to_colours_and_to_gray() -> None:
    table = LearnedTable(colormap_table("viridis", 8), *HALF).double()
    gray = (torch.rand(1, 3, 4, dtype=torch.float64) * 0.9 + 0.013).requires_grad_()
    uint8 = torch.randint(0, 256, (1, 3, 4), dtype=torch.uint8)

    def forward(colors: Tensor, gray: Tensor) -> Tensor:
        return torch.func.functional_call(table, {"colors": colors}, (gray,))

    colors = table.colors.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(forward, (colors, gray))
    assert torch.autograd.gradcheck(lambda c: forward(c, uint8), (colors,))
    assert torch.autograd.gradcheck(lambda c: c.diff(n=2, dim=0).square().sum(), (colors,))


def test_smoothness_is_zero_for_a_straight_line_and_grows_with_noise() -> None:
    straight, fixed = ColorTransform("learned:none", *HALF), ColorTransform("viridis", *HALF)
    assert straight.smoothness() < 1e-8
    assert fixed.smoothness() == 0
    with torch.no_grad():
        straight.learned.colors.add_(0.01 * torch.randn(256, 3))
    assert straight.smoothness() > 0.1


def test_learns_a_map_that_is_not_monotone() -> None:
    """No monotone ramp lets a frozen linear network tell middle gray from dark or bright."""
    generator = torch.Generator().manual_seed(0)
    gray = torch.rand(512, 1, 1, generator=generator)
    label = ((gray.flatten() > 1 / 3) & (gray.flatten() < 2 / 3)).float()
    network = nn.Linear(3, 1)
    with torch.no_grad():
        network.weight.fill_(1.0)
        network.bias.zero_()
    network.requires_grad_(False)
    color = ColorTransform("learned:none", *HALF)

    def logits() -> Tensor:
        return network(color(gray).flatten(1)).squeeze(1)

    def balanced_accuracy() -> float:
        hit = (logits() > 0) == (label > 0)
        return float((hit[label > 0].float().mean() + hit[label == 0].float().mean()) / 2)

    before = balanced_accuracy()
    optimizer = torch.optim.Adam(color.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (F.binary_cross_entropy_with_logits(logits(), label) + 0.01 * color.smoothness()).backward()
        optimizer.step()
    assert before < 0.65
    assert balanced_accuracy() > before + 0.25
    start = colormap_table("none")
    assert (color.learned.colors - start).abs().max() > 0.1
