"""Studies of RQ2 on real images: heads on frozen features of the pretrained network and of random ones.

Each seed of a random arm has a random network of its own. Where the truth is to be that neither start is better, arms
are made exchangeable: each patient is seen through the one network in the first arm and through the other in the
second, by a coin, in training and in testing (`real_studies.draw`, "colours"). A head then has weights of its own for
each network, so that both arms learn as well as half of their patients let them, and differ patient by patient as much
as the two starting points do.
"""

from dataclasses import replace
from typing import NamedTuple

import heads
import numpy as np
import torch
from fold_figures import Ints
from gaussian import Floats
from real_images import VIEWS
from real_studies import Drawn, by_own_network, draw, training_weights
from starting_points import RANDOM, Seen, seen

FOLDS, FOLD_SEEDS, SPLIT_SEEDS = 5, 5, 10
STARTS = 2  # arms of each colormap: pretrained, random
LEARNER = heads.LEARNERS["stable"]


class Study(NamedTuple):
    """The scores of one study. Arms are (colormap, start): VIEWS, each pretrained and then random."""

    labels: Ints  # (images,)
    case: Ints  # (images,) the number of the patient
    fold: Ints  # (FOLD_SEEDS, images) that tests the image
    folded: Floats  # (arms, FOLD_SEEDS, images) by the network that did not see the image
    tested: Ints  # the images of one split's test part, a fifth of the patients
    split: Floats  # (arms, SPLIT_SEEDS, tested images)


def studies(rng: np.random.Generator, n: int, data: str, patients: int, null: bool) -> list[Study]:
    """`n` studies of patients drawn from a data set, each with all trainings that any way to an answer may need."""
    drawn = draw(rng, n, data, "colours" if null else "", patients, 0, FOLDS, FOLD_SEEDS)
    first = np.where(drawn.fold[:, :1] < 0, -1, drawn.fold[:, :1] != 0)
    one_split = replace(drawn, fold=first.repeat(SPLIT_SEEDS, 1))
    folded = _trained(rng, drawn, data, FOLDS)
    folded = np.concatenate([by_own_network(of, drawn, FOLDS) for of in folded], 1)
    split = np.concatenate([np.moveaxis(of, 3, 2) for of in _trained(rng, one_split, data, 1)], 1)
    out = []
    for i, m in enumerate(drawn.count):
        tested = np.flatnonzero(first[i, 0, :m] == 0)
        of = drawn.labels[i, :m], drawn.case[i, :m], drawn.fold[i, :, :m]
        out.append(Study(*of, folded[i, ..., :m], tested, split[i][..., tested]))
    return out


def _trained(rng: np.random.Generator, drawn: Drawn, data: str, folds: int) -> list[Floats]:
    """For each colormap the logits (n, 2, images, seeds · folds) of all networks on all images."""
    of, (n, seeds, images) = seen(data), drawn.fold.shape
    network = rng.integers(RANDOM, size=(n, STARTS, seeds))
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    labels, out = torch.from_numpy(drawn.labels), []
    for colormap in range(len(VIEWS)):
        x = torch.from_numpy(_features(of, drawn, network, colormap))
        weight = training_weights(rng, drawn, folds, LEARNER.noise).reshape(n, STARTS, images, seeds, folds)
        weight = torch.from_numpy(np.ascontiguousarray(np.moveaxis(weight, 3, 2)))
        logits = heads.train(x.flatten(1, 2), labels, weight.flatten(1, 2), LEARNER, generator)
        logits = logits.unflatten(1, (STARTS, seeds)).movedim(2, 3)  # (n, 2, images, seeds, folds)
        out.append(logits.flatten(3).numpy())
    return out


def _features(of: Seen, drawn: Drawn, network: Ints, colormap: int) -> Floats:
    """(n, 2, seeds, images, D) float32, with a constant; where arms mix the starts, each start has its own columns."""
    random = _with_constant(of.random[network[..., None], colormap, drawn.image[:, None, None]])
    pretrained = _with_constant(of.pretrained[colormap, drawn.image])[:, None, None]
    pretrained = np.broadcast_to(pretrained, random.shape)
    is_random = drawn.view[:, :, None, :, None] == 1
    if (drawn.view == drawn.view[..., :1]).all():
        return np.where(is_random, random, pretrained)
    return np.concatenate([np.where(is_random, 0, pretrained), np.where(is_random, random, 0)], -1)


def _with_constant(x: Floats) -> Floats:
    return np.concatenate([x, np.ones((*x.shape[:-1], 1), x.dtype)], -1)
