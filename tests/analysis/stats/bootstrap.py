"""The crossed bootstrap, an oracle of the jackknife: trainings and patients drawn again, without a formula.

Trainings and patients are crossed, so both are drawn (Owen 2007, Ann. Appl. Stat. 1:386): with many of each its
standard error is on the wide side, while few trainings, drawn from themselves, differ too little, by (R − 1)/R. The
metrics are computed by their definitions, and share no code with the package.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from medxfer.analysis import BlockScores


def bootstrap(
    blocks: Sequence[BlockScores], contrast: Sequence[float], same_seeds: bool = False, draws: int = 2_000
) -> tuple[float, float]:
    """(estimate, standard error) of a contrast of AUROC in a binary task; each image is a patient.

    In each draw, every data set's patients and every block's trainings are drawn with replacement: a training with its
    partners in the other arms and, where `same_seeds`, in the other blocks of its data set.
    """
    rng, by_data = np.random.default_rng(0), []
    for data in dict.fromkeys(block.data for block in blocks):
        same_data = [block for block in blocks if block.data == data]
        weights, share, by_block = draw(rng, len(same_data[0].labels), draws), None, []
        for block in same_data:
            arms, trainings, images = block.scores.shape
            if share is None or not same_seeds:
                share = draw(rng, trainings, draws) / trainings
            values = weighed(block.scores.reshape(-1, images), block.labels, "auroc", weights)
            by_block.append(np.einsum("bar,a,br->b", values.reshape(-1, arms, trainings), contrast, share))
        by_data.append(np.mean(by_block, axis=0))
    effect = np.mean(by_data, axis=0)
    return float(effect[0]), float(effect[1:].std())


def draw(rng: np.random.Generator, count: int, draws: int) -> np.ndarray:
    """(1 + draws, count): how often each is in the sample; first the sample itself."""
    return np.vstack([np.ones(count), rng.multinomial(count, np.full(count, 1 / count), draws)])


def weighed(scores: np.ndarray, labels: np.ndarray, metric: str, weights: np.ndarray) -> np.ndarray:
    """(draws, trainings): the metric with each image as often as `weights` (draws, images) says."""
    return np.mean(list(_parts(scores, labels, metric, weights)), axis=0)


def _parts(scores: np.ndarray, labels: np.ndarray, metric: str, w: np.ndarray) -> Iterator[np.ndarray]:
    if labels.ndim == 2:
        for k in range(labels.shape[1]):
            yield weighed(scores[..., k], labels[:, k], metric, w)
        return
    classes = 2 if scores.ndim == 2 else scores.shape[2]
    if metric == "auroc":
        for k in [1] if scores.ndim == 2 else range(classes):
            yield _auroc(scores if scores.ndim == 2 else scores[..., k], labels == k, w)
        return
    hits = (scores.argmax(2) if scores.ndim == 3 else scores > 0.5) == labels
    if metric == "brier":
        distance = (scores - (labels if scores.ndim == 2 else np.eye(classes)[labels])) ** 2
        yield _mean(-distance.reshape(*hits.shape, -1).sum(2), w)
    elif metric == "accuracy":
        yield _mean(hits, w)
    else:
        for k in range(classes):
            yield _mean(hits, w * (labels == k))


def _mean(values: np.ndarray, w: np.ndarray) -> np.ndarray:
    return (w @ values.T) / w.sum(1, keepdims=True)


def _auroc(scores: np.ndarray, positive: np.ndarray, w: np.ndarray) -> np.ndarray:
    ones, zeros = w[:, positive], w[:, ~positive]
    won = []
    for s in scores:
        gap = s[positive][:, None] - s[~positive]
        won.append((ones @ ((gap > 0) + (gap == 0) / 2) * zeros).sum(1))
    return np.stack(won, axis=1) / (ones.sum(1) * zeros.sum(1))[:, None]
