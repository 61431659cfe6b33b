"""The settings that are simulated, by table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from measures import Numbers, equivalence, error, family, foretold, others
from studies import Truth

Measure = Callable[[Truth, np.random.Generator], Numbers]
MARGIN = 0.02
REAL = 0.02  # a true difference


@dataclass(frozen=True)
class Setting:
    table: str
    truth: Truth
    measure: Measure

    @property
    def name(self) -> str:
        """What sets it apart, readable: the key under which results are kept."""
        t = self.truth
        words = [
            f"{t.trainings} trainings",
            f"{t.patients} patients",
            f"{t.images} images at most" if t.images > 1 else "1 image",
            t.metric,
            f"{t.classes} classes",
            f"seed noise {t.seed_noise:g}",
            f"{t.data_sets} data sets" if t.data_sets > 1 else "1 data set",
            f"{t.combinations} backbones" if t.combinations > 1 else "1 backbone",
            "resampled" if t.resampled else "",
            f"{len(t.effects)} arms" if len(t.effects) > 2 else "",
            f"difference {t.difference:.3g}" if any(t.effects) else "",
        ]
        return ", ".join(word for word in words if word)


def _with_difference(truth: Truth, difference: float) -> Truth:
    return replace(truth, effects=(0.0, truth.effect_of(difference)))


NULL = [
    *(Truth(0, 80, noise) for noise in (0.0, 0.1, 0.3, 1.0)),
    *(Truth(0, 300, noise) for noise in (0.0, 0.1)),
    *(Truth(0, 2500, noise, "balanced_accuracy") for noise in (0.0, 0.3)),
    Truth(0, 80, 0.1, "accuracy"),
    Truth(0, 80, 0.1, images=6),
    Truth(0, 300, 0.1, "balanced_accuracy", images=6),
    Truth(0, 150, 0.1, classes=4),
    Truth(0, 80, 0.1, "balanced_accuracy", classes=4),
    Truth(0, 150, 0.3, "balanced_accuracy", classes=4, images=4),
    Truth(0, 80, 0.1, data_sets=2),
    Truth(0, 150, 0.3, "balanced_accuracy", data_sets=4),
    Truth(0, 300, 0.1, "balanced_accuracy", combinations=3),
    Truth(0, 150, 0.1, "balanced_accuracy", data_sets=2, combinations=2),
    Truth(0, 150, 0.3, "balanced_accuracy", combinations=3, resampled=True),
]
UNEQUAL = [Truth(0, 300, 0.1), Truth(0, 80, 0.3), Truth(0, 300, 0.3, "accuracy", images=4)]
LARGE = [Truth(0, 2500, 0.02, "accuracy")]
FAMILIES = [(Truth(0, 150, noise, "balanced_accuracy"), arms) for noise, arms in ((0.1, 3), (0.3, 3), (0.1, 7))]


def _over(trainings: tuple[int, ...], truths: list[Truth]) -> list[Truth]:
    return [replace(truth, trainings=r) for truth in truths for r in trainings]


def all_settings() -> Mapping[str, list[Setting]]:
    """The settings of every table, in the order in which they are run."""
    tables: dict[str, tuple[Measure, list[Truth]]] = {
        "false positives": (error, _over((2, 3, 5, 10), NULL)),
        "coverage": (error, [_with_difference(t, REAL) for t in _over((3, 5, 10), UNEQUAL)]),
        "equivalence": (partial(equivalence, margin=MARGIN), _over((2, 3, 5, 10), LARGE)),
        "families": (
            family,
            [replace(t, effects=(0.0,) * arms) for truth, arms in FAMILIES for t in _over((2, 3, 5), [truth])],
        ),
        "other tests": (
            others,
            [
                *_over((3, 5, 10), [Truth(0, 500, 0.1, data_sets=2, combinations=3)]),
                Truth(5, 2000, 0.1, data_sets=2, combinations=3),
            ],
        ),
        "forecast": (
            partial(foretold, margin=MARGIN),
            [
                *_over((3, 5), [Truth(0, 500, 0.1, "accuracy"), Truth(0, 2000, 0.1, "accuracy")]),
                *(_with_difference(t, REAL) for t in _over((3, 5), [Truth(0, 2000, 0.1, "accuracy")])),
            ],
        ),
    }
    return {table: [Setting(table, truth, measure) for truth in truths] for table, (measure, truths) in tables.items()}
