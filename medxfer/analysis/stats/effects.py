"""Contrasts of arms from influences: estimates, the chance in trainings and in patients, one alone or several."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medxfer.analysis.stats.critical import (
    ONE,
    Largest,
    half_width,
    largest,
    limited_df,
    one_contrast,
    p_value,
    step_down,
)
from medxfer.analysis.stats.variance import (
    Floats,
    Seeds,
    Term,
    difference_terms,
    floored_over_blocks,
    own_terms,
    patients_terms,
    seed_effects,
    total_of,
    trainings_terms,
)

Estimate = Callable[[Floats, Floats], Term]  # theta (arms, seeds), weights (arms,) → the trainings' variance, (1,)

own: Estimate = own_terms  # the contrast's own mean square
differences: Estimate = difference_terms  # theta's rows are differences between weights at each colormap


def pooled(groups: NDArray[np.int64]) -> Estimate:
    """The trainings' variance, moderated over the arms of a group; see `trainings_terms`."""
    return lambda theta, weights: trainings_terms(theta, weights, groups)


@dataclass(frozen=True)
class Sample:
    """What one data set says of one contrast; its blocks (backbones, windows, …) share patients and seeds."""

    data: Hashable
    theta: Floats  # (arms, seeds, blocks); arms without weight tell how trainings vary
    weights: Floats  # (arms,)
    influence: Floats  # (seeds, patients) of the contrast, the mean over blocks
    estimate: Estimate = own
    owed: float = 0.0  # see `shared_training`


@dataclass(frozen=True)
class Part:
    """One data set's share of an effect, already weighed: estimates and variances of the parts sum to the effect's."""

    data: Hashable
    estimate: float
    trainings: Term | None  # None with one training an arm
    patients: Term
    patient_part: float  # of trainings.variance: each training's own errors on these patients
    influence: Floats  # (patients,): mean over seeds
    seeds: int
    together: Seeds | None  # how the trainings of the arms with weight and their like vary
    block_covariance: float | None  # over blocks, of the trainings' contrast; None with one block
    shared_training: float = 0.0  # of patients.variance: because tested patients also train the other folds' networks


@dataclass(frozen=True)
class Effect:
    """A contrast combined over data sets, which weigh the same."""

    parts: tuple[Part, ...]

    @cached_property
    def estimate(self) -> float:
        return sum(part.estimate for part in self.parts)

    @cached_property
    def trainings(self) -> Term | None:
        terms = [part.trainings for part in self.parts if part.trainings is not None]
        return total_of(terms) if terms else None

    @cached_property
    def patients(self) -> Term:
        return total_of([part.patients for part in self.parts])

    @property
    def terms(self) -> list[Term]:
        return [term for term in (self.trainings, self.patients) if term is not None]

    @property
    def variance(self) -> float:
        return sum(float(term.variance) for term in self.terms)

    @property
    def shared_training(self) -> float:
        """Of the patients' variance, what folds add; see the module of that name."""
        return sum(part.shared_training for part in self.parts)

    @property
    def seeds(self) -> int:
        """An arm, on the data set with the fewest."""
        return min(part.seeds for part in self.parts)

    @property
    def count(self) -> int:
        """Test patients of all data sets."""
        return sum(len(part.influence) for part in self.parts)

    def df(self, alpha: float) -> float:
        """Degrees of freedom of one interval of level 1 − alpha."""
        return float(limited_df(self.terms, alpha))

    def half_width(self, alpha: float, family: Largest = ONE) -> float:
        """Half of an interval of level 1 − alpha, simultaneous in a family."""
        return half_width(self.terms, family, alpha)[0]

    def p(self, distance: float, family: Largest = ONE) -> float:
        """Two-sided p of an estimate this far from the hypothesis."""
        return p_value(self.terms, family, distance)


def effect(samples: Sequence[Sample]) -> Effect:
    """Combine a contrast's samples, one a data set."""
    return Effect(tuple(_part(sample, 1 / len(samples)) for sample in samples))


def _part(sample: Sample, share: float) -> Part:
    seeds, blocks = sample.theta.shape[1:]
    patients, part = patients_terms(sample.influence, sample.owed)
    own = float((sample.influence**2).sum(-1).mean())
    trainings, together, covariance = None, None, None
    if seeds > 1:
        term, between = floored_over_blocks(sample.theta, lambda theta: sample.estimate(theta, sample.weights))
        trainings = Term(share**2 * term.variance[0], term.df[0])
        together = seed_effects(sample.theta.mean(-1))
        covariance = float(between[0]) if blocks > 1 else None
    return Part(
        data=sample.data,
        estimate=share * float(sample.weights @ sample.theta.mean((1, 2))),
        trainings=trainings,
        patients=Term(share**2 * patients.variance, patients.df),
        patient_part=float(share**2 * part / seeds),
        influence=share * sample.influence.mean(0),
        seeds=seeds,
        together=together,
        block_covariance=covariance,
        shared_training=share**2 * sample.owed * own,
    )


@dataclass(frozen=True)
class Family:
    """Contrasts that are answered together. Those that could not be weighed (None) count as well.

    `weights` (contrasts, arms) stand for the correlation of trainings, and wholly for that of a missing effect.
    """

    effects: Sequence[Effect | None]
    weights: Floats

    @cached_property
    def correlation(self) -> Floats:
        """(K, K), of the estimates."""
        length = np.sqrt((self.weights**2).sum(1))
        design = self.weights @ self.weights.T / np.outer(length, length)
        out = design.copy()
        for i, one in enumerate(self.effects):
            for j, other in enumerate(self.effects):
                if one is not None and other is not None and i != j and one.variance > 0 and other.variance > 0:
                    shared = _covariance(one, other, float(design[i, j]))
                    out[i, j] = shared / np.sqrt(one.variance * other.variance)
        return np.clip(out, -1, 1)

    @cached_property
    def largest(self) -> Largest:
        return largest(self.correlation)

    def alone(self, alpha: float) -> float:
        """The level of error of one interval alone, of those that err together with `alpha`."""
        return one_contrast(self.largest.z(alpha))

    def adjusted_p(self) -> list[float]:
        """Of no difference, by step-down Dunnett; 1 for effects that are missing."""
        unknown = [Term(np.array(1.0), np.array(1.0))]
        return step_down(
            [0.0 if e is None else e.estimate for e in self.effects],
            [unknown if e is None else e.terms for e in self.effects],
            self.correlation,
        )


def _covariance(one: Effect, other: Effect, design: float) -> float:
    """Of two estimates: patients' by their influences, trainings' as the contrasts' weights say."""
    total, by_data = 0.0, {part.data: part for part in other.parts}
    for a in one.parts:
        b = by_data.get(a.data)
        if b is None or len(a.influence) != len(b.influence):
            continue
        lengths = float(np.sqrt((a.influence @ a.influence) * (b.influence @ b.influence)))
        if lengths > 0:
            size = np.sqrt(float(a.patients.variance) * float(b.patients.variance))
            total += float(a.influence @ b.influence) / lengths * size
        if a.trainings is not None and b.trainings is not None:
            total += design * float(np.sqrt(float(a.trainings.variance) * float(b.trainings.variance)))
    return total


def mean_interval(estimate: float, variance: float, quantile: float, patients: float) -> tuple[float, float]:
    """An interval for one arm's metric inside [0, 1] (Wilson 1927, with the effective number of trials).

    The variance at m is taken as V m(1 − m)/(e(1 − e)). If e is 0 or 1, or there is no variance, the effective number
    is `patients`.
    """
    e = min(max(estimate, 0.0), 1.0)
    size = e * (1 - e) / variance if variance > 0 and 0 < e < 1 else float(patients)
    ratio = quantile**2 / size
    centre = (e + ratio / 2) / (1 + ratio)
    half = float(np.sqrt(ratio * e * (1 - e) + ratio**2 / 4)) / (1 + ratio)
    return max(min(centre - half, e), 0.0), min(max(centre + half, e), 1.0)  # rounding leaves e inside
