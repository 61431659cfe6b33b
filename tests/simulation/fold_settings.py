"""The settings of the simulations with folds."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from designs import RAREST

FEATURES = {"stable": 10, "unstable": 60}  # of the ridge regressions
POWERS = (  # patients, features, their signal, and what the other arm's has more: 10 points or, at 300 patients, 8
    (100, 10, 0.9, 0.5), (100, 10, 0.45, 0.22), (100, 60, 0.6, 0.25),
    (300, 10, 0.9, 0.4), (300, 10, 0.45, 0.18), (300, 60, 0.6, 0.2),
)  # fmt: skip
WAYS = ((1, 10), (5, 2), (10, 1))  # folds and seeds of ten trainings an arm
HEADS = {  # data set -> patients of positive ones
    "breastmnist": ((40, 5), (40, 12), (100, 10), (100, 30), (300, 30), (300, 90)),
    "cxr_kermany": ((40, 5), (40, 20), (100, 10), (100, 50), (300, 30), (300, 150)),
    "cxr_nih": ((40, 0), (100, 0)),
}


def levels() -> Iterator[dict[str, Any]]:
    for patients, share, folds, features in product((40, 100, 300), (0.1, 0.3, 0.5), (5, 10), FEATURES.values()):
        positive = max(round(share * patients), RAREST)
        yield {"patients": patients, "positive": positive, "folds": folds, "features": features, "images": "one"}
    for patients, share, folds in product((40, 100), (0.1, 0.3), (5, 10)):
        positive = max(round(share * patients), RAREST)
        yield {"patients": patients, "positive": positive, "folds": folds, "features": 10, "images": "several"}


def powers() -> Iterator[dict[str, Any]]:
    for patients, features, signal, more in POWERS:
        for share, gain, (folds, seeds) in product((0.2, 0.5), (0.0, more), WAYS):
            yield {
                "patients": patients, "positive": round(share * patients), "folds": folds, "seeds": seeds,
                "features": features, "signal": signal, "gain": gain,
            }  # fmt: skip


def heads() -> Iterator[dict[str, Any]]:
    for (null, folds), (data, sizes), learner in product(
        (("colours", 5), ("colours", 10), ("labels", 5)), HEADS.items(), ("stable", "unstable")
    ):
        for patients, positive in sizes:
            yield {
                "data": data, "null": null, "patients": patients, "positive": positive, "folds": folds,
                "learner": learner,
            }  # fmt: skip


def networks() -> Iterator[dict[str, Any]]:
    sizes = [("breastmnist", 40, 12), ("breastmnist", 100, 30), ("cxr_kermany", 40, 20), ("cxr_kermany", 100, 50)]
    for null, (data, patients, positive) in product(("colours", "labels"), [*sizes, ("cxr_nih", 40, 0)]):
        yield {"data": data, "null": null, "patients": patients, "positive": positive, "folds": 5}


def looks() -> Iterator[dict[str, Any]]:
    for patients, features, gain in product((40, 100, 300), FEATURES.values(), (0.0, 0.3)):
        if patients < 300 or features == FEATURES["stable"]:  # others take long
            yield {
                "looks": (3, 5, 10), "patients": patients, "positive": patients // 2, "folds": 5, "features": features,
                "gain": gain,
            }  # fmt: skip
