"""Simulated studies whose truth is known: scores of trained networks, without training any.

A network's score of an image is

    separation · truth  +  patient  +  arm × patient  +  training × patient  +  image

The separation differs between trainings (`seed_noise`): that is what another seed does to the metric. The
patient's part is shared by all networks. The arm × patient part is how an arm sees that patient, whatever the
seed; half of its variance is shared by the blocks of a data set. Arms with the same separation are
exchangeable, so their true difference is 0 exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from medxfer.analysis import BlockScores

PATIENT, ARM_PATIENT, TRAINING_PATIENT, IMAGE = 0.6, 0.5, 0.4, 0.5  # standard deviations
VARIANCE = PATIENT**2 + ARM_PATIENT**2 + TRAINING_PATIENT**2 + IMAGE**2
SEPARATION = 1.5
THRESHOLD = 0.0  # scores are centred between the two classes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """One kind of study: `effects` are added to the arms' separations."""

    trainings: int
    patients: int = 300
    seed_noise: float = 0.1
    metric: str = "auroc"
    classes: int = 2
    images: int = 1  # of a patient, at most
    data_sets: int = 1
    combinations: int = 1
    resampled: bool = False  # training images drawn by the seed: half of its noise is shared by a data set's blocks
    effects: tuple[float, ...] = (0.0, 0.0)

    @property
    def difference(self) -> float:
        """The second arm less the first, over all trainings and patients (binary tasks)."""
        return self._mean(self.effects[1]) - self._mean(self.effects[0])

    def effect_of(self, difference: float) -> float:
        """The addition to the second arm's separation that makes the true difference this large."""
        at = norm.ppf(self._mean(self.effects[0]) + difference)
        return float(at * self._spread / self._part - SEPARATION)

    @property
    def _part(self) -> float:
        """How much of the separation lies between an image and what its score is compared with."""
        return 1.0 if self.metric == "auroc" else 0.5  # another image, or the threshold

    @property
    def _spread(self) -> float:
        images = 2 if self.metric == "auroc" else 1
        return float(np.sqrt(images * VARIANCE + (self._part * self.seed_noise) ** 2))

    def _mean(self, effect: float) -> float:
        return float(norm.cdf(self._part * (SEPARATION + effect) / self._spread))


def draw(truth: Truth, rng: np.random.Generator) -> list[BlockScores]:
    """One study: a block for each data set and combination."""
    blocks = []
    for data in range(truth.data_sets):
        patient = np.repeat(np.arange(truth.patients), rng.integers(1, truth.images + 1, truth.patients))
        labels = _labels(truth, patient, rng)
        easy = rng.normal(0, PATIENT, _shape(truth, 1, 1))
        seen = rng.normal(0, ARM_PATIENT / np.sqrt(2), _shape(truth, len(truth.effects), 1))
        split = rng.normal(0, 1, (len(truth.effects), truth.trainings))
        for _ in range(truth.combinations):
            blocks.append(BlockScores(data, _scores(truth, patient, labels, easy + seen, split, rng), labels, patient))
    return blocks


def _shape(truth: Truth, arms: int, trainings: int) -> tuple[int, ...]:
    return (arms, trainings, truth.patients) + ((truth.classes,) if truth.classes > 2 else ())


def _labels(truth: Truth, patient: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The patient's class, the classes equally often; of several images every fifth has a class of its
    own."""
    labels = rng.permutation(np.arange(truth.patients) % truth.classes)[patient]
    if truth.images > 1:
        other = rng.random(len(patient)) < 0.2
        labels[other] = rng.integers(0, truth.classes, other.sum())
    return labels


def _scores(
    truth: Truth,
    patient: NDArray[np.int64],
    labels: NDArray[np.int64],
    by_patient: Floats,
    split: Floats,
    rng: np.random.Generator,
) -> Floats:
    arms, trainings = split.shape
    own = rng.normal(0, 1, split.shape)
    seed = (split + own) / np.sqrt(2) if truth.resampled else own
    separation = SEPARATION + np.array(truth.effects)[:, None] + truth.seed_noise * seed
    by_patient = by_patient + rng.normal(0, ARM_PATIENT / np.sqrt(2), _shape(truth, arms, 1))
    by_patient = by_patient + rng.normal(0, TRAINING_PATIENT, _shape(truth, arms, trainings))
    noise = by_patient[:, :, patient]
    noise += rng.normal(0, IMAGE, noise.shape)
    if truth.classes == 2:
        return separation[..., None] * (labels - 0.5) + noise
    hit = labels[:, None] == np.arange(truth.classes)
    return separation[..., None, None] * hit + noise
