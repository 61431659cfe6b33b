"""A contrast in numbers, and how far a difference in a metric can go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medxfer.analysis.judge.reached import AtLook
from medxfer.analysis.stats.forecasts import Expected


@dataclass(frozen=True)
class Mean:
    """A metric's mean over trainings, with an interval over trainings and patients at the declared level."""

    mean: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """In points: '71.2 (68.0 to 74.1)'."""
        mean, low, high = (f"{100 * value:.1f}".replace("-", "−") for value in (self.mean, self.low, self.high))
        return f"{mean} ({low} to {high})"


@dataclass(frozen=True)
class Beside:
    """The same contrast in another metric, by itself (not simultaneous); its p is not adjusted and decides nothing."""

    metric: str
    estimate: float
    low: float
    high: float
    p: float
    level: float = 0.95


@dataclass(frozen=True)
class Figures:
    """A contrast in numbers. Effects are fractions (0.01 is a point), signed so that more is better."""

    estimate: float
    se: float
    df: float
    low: float
    high: float
    level: float  # of low and high alone; a family's intervals hold together at the declared level
    p: float
    p_adjusted: float  # step-down Dunnett, over the family; as p until a family is adjusted
    p_equivalent: float  # two one-sided tests at the margin, Holm over the family; 1 until then
    wins: float | None  # P(a new training of one arm beats one of the other); None for sums of more arms
    trainings: int  # an arm; with one, nothing is known of others, and no p is said
    patients: int
    images: int
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    beside: tuple[Beside, ...] = ()
    contrasts: int = 1  # whose intervals hold together
    clipped: bool = False  # an end of the interval was cut off at what the metric can be
    fewest_patients: int = 0  # of the rarest class, on the data set with the fewest
    rarest: str = ""  # that class
    rarest_in: str = ""  # that data set, where there are several
    unused: int = 0  # finished trainings without a partner of the same seed
    from_trainings: float | None = None  # share of the variance; the rest is from patients
    from_shared_training: float | None = None  # of the variance: what folds add to the patients' share
    df_trainings: float | None = None
    df_patients: float | None = None
    seed_correlation: float | None = None  # between arms over seeds, mean of data sets
    variance_ratio: float | None = None  # largest over smallest variance of an arm over seeds, of all data sets
    reference_ratio: float | None = None  # variance over seeds of the arm compared with, over the mean of others'
    blocks: int = 1  # of a data set: backbones, windows, image sizes
    block_covariance: float | None = None  # of trainings over blocks that share seeds, mean of data sets
    expected: tuple[Expected, ...] = ()  # half-widths with more seeds or patients, where they are narrower
    look: AtLook | None = None  # with declared looks, that which these figures are of

    @property
    def simultaneous(self) -> bool:
        """Whether low and high hold together with the intervals of other contrasts."""
        return self.contrasts > 1


def words_of(means: Mapping[str, Mean], names: Iterable[str]) -> list[str]:
    """The means of these names in points; empty where one is not known."""
    return [means[name].words if name in means else "" for name in names]


def clip(estimate: float, half: float, weights: Mapping[Any, float], metric: str) -> tuple[float, float, bool]:
    """(low, high, whether an end was cut off): a difference cannot exceed what the metric can be."""
    most = largest_difference(weights, metric)
    low, high = max(estimate - half, -most), min(estimate + half, most)
    return low, high, high - low < 2 * half * (1 - 1e-9)


def largest_difference(weights: Mapping[Any, float], metric: str) -> float:
    """What a contrast can be at most."""
    return sum(max(weight, 0.0) for weight in weights.values()) * span(metric)


def span(metric: str) -> float:
    """Between the worst and the best value of a metric; of Brier scores, summed over classes, at most 2."""
    return 2.0 if metric == "brier" else 1.0
