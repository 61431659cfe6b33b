"""Tables of scores as other programs write them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def score_table(
    arms: Mapping[str, float] = {"gray": 0.0, "color": 0.6},
    seeds: Sequence[int] = (0, 1, 2),
    patients: int = 60,
    images: int = 2,
    folds: int = 0,
    column: str = "arm",
) -> pd.DataFrame:
    """Arms by how much further apart they hold the two labels; patients are as difficult for every arm."""
    rng = np.random.default_rng(7)
    patient = np.repeat(np.arange(patients), images)
    label = patient % 2
    difficulty = np.repeat(rng.normal(size=patients), images) + 0.5 * rng.normal(size=len(patient))
    parts = []
    for seed in seeds:
        fold = rng.permutation(patients) % folds if folds else None
        for arm, effect in arms.items():
            signal = 1.6 + effect + 0.1 * rng.normal()
            latent = signal * (label - 0.5) + difficulty + 0.3 * rng.normal(size=len(patient))
            parts.append(
                pd.DataFrame(
                    {
                        column: arm, "seed": seed, "image": [f"SECRET-IMG-{i:03d}" for i in range(len(patient))],
                        "patient": [f"DOE^JOHN{p}" for p in patient], "label": label,
                        "score": 1 / (1 + np.exp(-latent)),
                        **({} if fold is None else {"fold": fold[patient]}),
                    }
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
