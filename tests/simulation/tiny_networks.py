"""Small convolutional networks on real images of 14 × 14 pixels, hundreds at a time: is the level held?

Two convolutions and a linear layer, from random weights, by Adam (Kingma and Ba 2015). A step sees a random half of the
training images. The networks of a study and an arm see the same images, so that they are trained as one batch.
"""

import numpy as np
import torch
from gaussian import Figures, Floats
from heads import device
from real_images import SMALL, images
from real_studies import Drawn, by_own_network, errors, training_weights
from torch import Tensor
from torch.nn import functional as F

CHUNK = {"cpu": 4, "cuda": 15}
SEEDS = (2, 3)
STEPS, RATE, BATCH, NOISE = 40, 0.01, 0.5, 0.3
WIDTHS = (8, 16)
MIDDLE, LAST = (SMALL + 1) // 2, (SMALL + 3) // 4  # pixels a side after each convolution


def networks(groups: int, heads: int, generator: torch.Generator, on: torch.device) -> list[Tensor]:
    """Weights (groups, …) of `heads` networks each; He's start (2015)."""
    first, second = WIDTHS
    shapes = [(groups, 27, heads * first), (groups, heads, 9 * first, second), (groups, heads, second * LAST**2, 1)]
    fan = [27, 9 * first, 2 * second * LAST**2]
    drawn = [
        torch.randn(shape, generator=generator, device=on) * (2 / f) ** 0.5
        for shape, f in zip(shapes, fan, strict=True)
    ]
    return [one.requires_grad_() for one in drawn]


def logits(patches: Tensor, network: list[Tensor]) -> Tensor:
    """(groups, images, heads) of patches (groups, images, MIDDLE², 27)."""
    groups, count = patches.shape[:2]
    heads, (first, second) = network[1].shape[1], WIDTHS
    one = torch.relu(patches.flatten(1, 2) @ network[0]).view(groups, count, MIDDLE, MIDDLE, heads, first)
    one = one.permute(0, 4, 1, 5, 2, 3).reshape(-1, first, MIDDLE, MIDDLE)
    unfolded = F.unfold(one, 3, padding=1, stride=2).view(groups, heads, count, 9 * first, LAST**2)
    two = torch.relu(unfolded.permute(0, 1, 2, 4, 3).reshape(groups, heads, -1, 9 * first) @ network[1])
    return (two.view(groups, heads, count, LAST**2 * second) @ network[2])[..., 0].transpose(1, 2)


def train(pixels: Tensor, labels: Tensor, weight: Tensor, generator: torch.Generator) -> Tensor:
    """Logits (groups, images, heads) of pixels (groups, images, 3, SMALL, SMALL), labels (groups, images)."""
    groups, count = pixels.shape[:2]
    patches = F.unfold(pixels.flatten(0, 1), 3, padding=1, stride=2).transpose(1, 2).view(groups, count, -1, 27)
    network = networks(groups, weight.shape[-1], generator, pixels.device)
    optimizer = torch.optim.Adam(network, RATE)
    target = labels[..., None].expand_as(weight).to(weight.dtype)
    for _ in range(STEPS):
        optimizer.zero_grad()
        batch = weight * (torch.rand(weight.shape, generator=generator, device=weight.device) < BATCH) / BATCH
        loss = F.binary_cross_entropy_with_logits(logits(patches, network), target, batch, reduction="sum")
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return logits(patches, network)


def level(rng: np.random.Generator, n: int, data: str, null: str, patients: int, positive: int, folds: int) -> Figures:
    """False positives, as `real_studies.errors` gives them."""
    of, on = images(data), device()
    pixels = (of.pixels - of.pixels.mean((1, 3, 4), keepdims=True)) / of.pixels.std((1, 3, 4), keepdims=True)
    pixels = pixels.astype(np.float32)
    generator = torch.Generator(on).manual_seed(int(rng.integers(2**31)))

    def scores(rng: np.random.Generator, drawn: Drawn) -> Floats:
        x = pixels[drawn.view, drawn.image[:, None]]
        weight = training_weights(rng, drawn, folds, NOISE)
        labels = np.repeat(drawn.labels, 2, 0)
        flat = (part.reshape(-1, *part.shape[2:]) for part in (x, weight))
        parts = (torch.from_numpy(part).to(on) for part in (*flat, labels))
        x_on, weight_on, labels_on = parts
        made = train(x_on, labels_on, weight_on, generator)
        return by_own_network(made.view(len(drawn.count), 2, *made.shape[1:]).cpu().numpy(), drawn, folds)

    design = {"data": data, "null": null, "patients": patients, "positive": positive, "folds": folds}
    return errors(rng, n, min(CHUNK[on.type], n), SEEDS, scores, **design)
