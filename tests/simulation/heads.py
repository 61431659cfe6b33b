"""Linear heads on frozen features of real images, trained by the thousand: is the level held?

Logistic regressions by full-batch gradient descent (Nesterov 1983), all heads of a study and arm as the columns of one
matrix, on a GPU where there is one. A stable head is penalised and stops early; an unstable one fits its images, which
it weighs at random.
"""

from typing import NamedTuple

import numpy as np
import torch
from fold_figures import SEEDS
from gaussian import Figures, Floats
from real_images import images
from real_studies import Drawn, by_own_network, errors, training_weights
from torch import Tensor

CHUNK = 50


class Learner(NamedTuple):
    steps: int
    penalty: float
    noise: float  # deviation of the images' random weights
    start: float  # deviation of the random start's logits


LEARNERS = {"stable": Learner(30, 0.05, 0.3, 0.1), "unstable": Learner(150, 1e-4, 1.0, 1.0)}


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(x: Tensor, labels: Tensor, weight: Tensor, learner: Learner, generator: torch.Generator) -> Tensor:
    """Logits (n, arms, images, heads) of x (n, arms, images, D), labels (n, images), weights like the logits."""
    target = labels[:, None, :, None].to(x.dtype)
    start = torch.randn(*x.shape[:2], x.shape[3], weight.shape[3], generator=generator, device=x.device)
    w = start * learner.start * x.shape[3] ** -0.5
    rate = 1 / (0.25 * (weight * x.square().sum(-1, keepdim=True)).sum(2, keepdim=True) + learner.penalty)
    x_t, ahead = x.transpose(-1, -2), w
    for step in range(learner.steps):
        slope = x_t @ (weight * (torch.sigmoid(x @ ahead) - target)) + learner.penalty * ahead
        new = ahead - rate * slope
        ahead = new + step / (step + 3) * (new - w)
        w = new
    return x @ w


def level(
    rng: np.random.Generator, n: int, data: str, null: str, patients: int, positive: int, folds: int, learner: str
) -> Figures:
    """False positives, as `real_studies.errors` gives them."""
    of, kind, on = images(data), LEARNERS[learner], device()
    features = np.concatenate([of.features, np.ones((*of.features.shape[:2], 1))], -1).astype(np.float32)
    generator = torch.Generator(on).manual_seed(int(rng.integers(2**31)))

    def scores(rng: np.random.Generator, drawn: Drawn) -> Floats:
        x = features[drawn.view, drawn.image[:, None]]
        weight = training_weights(rng, drawn, folds, kind.noise)
        parts = (torch.from_numpy(part).to(on) for part in (x, drawn.labels, weight))
        return by_own_network(train(*parts, kind, generator).cpu().numpy(), drawn, folds)

    design = {"data": data, "null": null, "patients": patients, "positive": positive, "folds": folds}
    return errors(rng, n, CHUNK, SEEDS, scores, **design)
