"""The settings that are simulated, by table: each is a function and the values of its arguments."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import designs
import fold_settings
import folded
import folded_looks
import gaussian
import heads
import looked
import scored
import tiny_networks

SEEDS = (2, 3, 4, 5, 7, 10)
REAL = ("heads", "networks")  # tables that need real images


@dataclass(frozen=True)
class Setting:
    table: str
    measure: Callable[..., dict[str, float]]
    values: Mapping[str, Any]
    most: int = 10_000  # repetitions; fewer where one takes long

    @property
    def name(self) -> str:
        """The key under which results are kept."""
        return " ".join(f"{key}={value}" for key, value in self.values.items())


def _levels() -> Iterator[dict[str, Any]]:
    for contrasts, seeds in product((1, 2, 5, 10, 20), SEEDS):
        if contrasts >= 10 and seeds in (4, 7):
            continue
        for correlation in (0.0, 0.3, 0.6) if contrasts == 2 else (0.0, 0.3):
            for share in (0.1, 0.5, 0.9, 0.99):
                yield _level(contrasts, seeds, correlation, "equal", share)
        for arms, share in product(("gray v1.5", "other v1.5", "gray s1.5", "other s1.5"), (0.5, 0.99)):
            if contrasts < 10 or arms.startswith("gray"):
                yield _level(contrasts, seeds, 0.0, arms, share)


def _level(contrasts: int, seeds: int, correlation: float, arms: str, share: float) -> dict[str, Any]:
    return {"contrasts": contrasts, "seeds": seeds, "correlation": correlation, "arms": arms, "share": share}


def _blocks() -> Iterator[dict[str, Any]]:
    pairs = ((1, 0.0), (2, 0.0), (2, 0.5), (3, 0.0), (3, 0.5), (3, 1.0))
    for seeds, (blocks, shared), sets, share in product((2, 3, 5, 10), pairs, (1, 2, 4), (0.3, 0.7, 0.99)):
        yield {"seeds": seeds, "blocks": blocks, "shared": shared, "sets": sets, "share": share, "taken": "shared"}


def _weights() -> Iterator[dict[str, Any]]:
    correlations = ((0.0, 0.0), (0.3, 0.0), (0.6, 0.0), (0.9, 0.0), (0.0, 0.5))
    for seeds, deviation, (within, between), share in product(
        (2, 3, 5, 10), (0.33, 1.0, 3.0), correlations, (0.1, 0.5, 0.9, 0.99)
    ):
        yield {
            "seeds": seeds, "random_deviation": deviation, "within": within, "between": between, "share": share
        }  # fmt: skip


def _scores() -> Iterator[dict[str, Any]]:
    sizes = ((40, 4), (40, 8), (40, 20), (100, 5), (100, 20), (300, 15), (300, 150))
    for seeds, (patients, positive), metric, noise in product(
        (2, 3, 5, 10), sizes, ("auroc", "balanced_accuracy"), (0.1, 0.6)
    ):
        yield {"metric": metric, "patients": patients, "positive": positive, "seeds": seeds, "noise": noise}


def _images() -> Iterator[dict[str, Any]]:
    for patients, (share, label), seeds in product(
        (60, 150, 300), ((0.2, "patient"), (0.05, "patient"), (0.5, "patient"), (0.2, "image")), (2, 3, 5)
    ):
        if patients < 300 or (share, label) == (0.2, "patient"):  # many images take long
            positive = max(round(share * patients), designs.RAREST)
            yield {"patients": patients, "positive": positive, "seeds": seeds, "label": label}


def _classes() -> Iterator[dict[str, Any]]:
    for patients, (classes, shares), seeds in product(
        (60, 150, 300), ((3, "equal"), (3, "rare"), (5, "rare")), (2, 3, 5)
    ):
        yield {"patients": patients, "classes": classes, "seeds": seeds, "shares": shares}


def _each(**values: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for row in product(*values.values()):
        yield dict(zip(values, row, strict=True))


def all_settings() -> dict[str, list[Setting]]:
    """The settings of every table, in the order in which they are run."""
    tables: dict[str, tuple[Callable[..., dict[str, float]], Iterator[dict[str, Any]], int]] = {
        "levels": (gaussian.level, _levels(), 10_000),
        "weights": (gaussian.weights_compared, _weights(), 10_000),
        "blocks": (gaussian.blocks, _blocks(), 10_000),
        "general": (
            gaussian.in_general,
            _each(sets=(6, 8, 12), contrasts=(1, 2, 5, 16), arms=("alike", "one differs")),
            10_000,
        ),
        "equivalence": (gaussian.equivalent, _each(seeds=(2, 3, 5, 10), share=(0.1, 0.5, 0.9, 0.99)), 10_000),
        "forecast": (
            gaussian.foretold,
            (
                {"seeds": now, "later": later, "share": share}
                for (now, later), share in product(((2, 10), (3, 10), (5, 10), (5, 20)), (0.1, 0.5, 0.9))
            ),
            10_000,
        ),
        "resample": (gaussian.resampled, _each(seeds=(3, 5, 10), fraction=(0.5, 0.8), draws=(0.3, 0.9)), 5_000),
        "scores": (scored.level, _scores(), 2_000),
        "images": (designs.several_images, _images(), 2_000),
        "classes": (designs.several_classes, _classes(), 2_000),
        "labels": (designs.several_labels, _each(patients=(60, 150, 300), labels=(3, 5), seeds=(2, 3, 5)), 2_000),
        "means": (
            scored.arm_mean,
            (
                {"patients": patients, "positive": positive, "seeds": seeds, "apart": apart}
                for (patients, positive), seeds, apart in product(
                    ((40, 8), (40, 20), (100, 10), (300, 60)), (2, 3, 5), (1.5, 3.0, 4.5)
                )
            ),
            1_000,
        ),
        "heterogeneity": (
            gaussian.differ,
            _each(seeds=(2, 3, 5), sets=(2, 4, 6), share=(0.1, 0.5, 0.9, 0.99)),
            2_000,
        ),
        "looks": (
            looked.declared,
            _each(looks=((3, 5, 10),), contrasts=(1, 2), share=(0.1, 0.4, 0.6, 0.9), effect=(0.0, 2.0)),
            10_000,
        ),
        "folds": (folded.level, fold_settings.levels(), 5_000),
        "fold power": (folded.power, fold_settings.powers(), 2_000),
        "fold looks": (folded_looks.declared, fold_settings.looks(), 2_000),
        "heads": (heads.level, fold_settings.heads(), 2_000),
        "networks": (tiny_networks.level, fold_settings.networks(), 500),
        "undeclared": (looked.undeclared, _each(looks=(1, 2, 3, 4, 5, 10), seeds=(3, 5)), 10_000),
    }
    return {
        table: [
            Setting(table, measure, values, most if values.get("contrasts", 1) < 10 else most // 2) for values in rows
        ]
        for table, (measure, rows, most) in tables.items()
    }
