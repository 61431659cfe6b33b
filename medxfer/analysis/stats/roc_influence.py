"""Sensitivity at a false positive rate, and what each test patient contributes to it.

The influence on an empirical ROC curve R at rate t (Hsieh and Turnbull 1996, Annals of Statistics 24:25) is that of a
positive image, (1{above} − R(t)) / positives, and that of a negative one, −R′(t) (1{above} − t) / negatives. Its
integral over t is that of AUROC (DeLong 1988).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medxfer.analysis.stats.variance import Booleans, Floats

WIDEST = 0.15  # of the rates at each side over which a slope is taken


def passed(scores: Floats, truth: Booleans) -> tuple[Floats, Floats]:
    """Positives and negatives above each threshold, from none to all; equal scores are passed together."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    return np.append(0.0, np.cumsum(truth[order])[last]), np.append(0.0, np.cumsum(~truth[order])[last])


@dataclass(frozen=True)
class Roc:
    """One training's curve for one class against the rest; it needs two patients with and two without the class."""

    scores: Floats  # (images,)
    truth: Booleans  # (images,)
    case: NDArray[np.int64]  # (images,) number of the image's patient
    patients: int

    @cached_property
    def _points(self) -> tuple[Floats, Floats]:
        hits, false = passed(self.scores, self.truth)
        return false / false[-1], hits / hits[-1]

    @cached_property
    def _rate(self) -> Floats:
        """(images,): the false positive rate at each image's score, half of equal scores counted."""
        negative = np.sort(self.scores[~self.truth])
        below = np.searchsorted(negative, self.scores, "left") + np.searchsorted(negative, self.scores, "right")
        return np.asarray(1 - below / 2 / len(negative))

    @cached_property
    def _share(self) -> tuple[Floats, Floats]:
        """(images,): what an image of each class weighs, with the jackknife's factor for few patients."""
        out = []
        for of in (self.truth, ~self.truth):
            m = len(np.unique(self.case[of]))
            out.append(of / of.sum() * np.sqrt(m / (m - 1)))
        return out[0], out[1]

    @property
    def negatives(self) -> int:
        """Patients with an image without the class."""
        return len(np.unique(self.case[~self.truth]))

    def sensitivity(self, rates: Floats | float) -> Floats:
        """At false positive rates; linear between the curve's points."""
        return np.asarray(np.interp(rates, *self._points))

    @property
    def fewest(self) -> int:
        """Patients of the class that has fewer."""
        return min(self.negatives, len(np.unique(self.case[self.truth])))

    def influence(self, rate: float) -> Floats:
        """(patients,): products summed over patients are variances and covariances of sensitivities at `rate`."""
        side = min(WIDEST, (~self.truth).sum() ** (-1 / 3) / 2)
        low, high = max(rate - side, 0.0), min(rate + side, 1.0)
        slope = float(np.diff(self.sensitivity(np.array([low, high])))[0]) / (high - low)
        above = np.clip((rate - self._rate) * (~self.truth).sum() + 0.5, 0.0, 1.0)  # a half at the threshold itself
        hit, false = (above - above[of].mean() for of in (self.truth, ~self.truth))
        positive, negative = self._share
        return np.bincount(self.case, hit * positive - slope * false * negative, self.patients).astype(np.float64)


@dataclass(frozen=True)
class FoldedRoc:
    """The curve of a training of folds: the mean of its folds' curves by their weights, which sum to 1."""

    weights: tuple[float, ...]
    folds: tuple[Roc, ...]

    @property
    def negatives(self) -> int:
        """Patients with an image without the class."""
        return sum(roc.negatives for roc in self.folds)

    @property
    def fewest(self) -> int:
        """Patients of the class that has fewer, in the fold with the fewest."""
        return min((roc.fewest for roc in self.folds), default=0)

    def sensitivity(self, rates: Floats | float) -> Floats:
        """NaN where no fold has both classes."""
        if not self.folds:
            return np.full(np.shape(rates), np.nan)
        return np.asarray(sum(w * roc.sensitivity(rates) for w, roc in zip(self.weights, self.folds, strict=True)))

    def influence(self, rate: float) -> Floats:
        return np.asarray(sum(w * roc.influence(rate) for w, roc in zip(self.weights, self.folds, strict=True)))
