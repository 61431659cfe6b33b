"""Small folders of pictures for the tests."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def make_pictures(root: Path, n: int = 10, broken: int = 0, dtype: type = np.uint8) -> Path:
    """`n` random pictures of 20 × 16 pixels, two of each patient, with labels; the first `broken` are none."""
    rng = np.random.default_rng(0)
    root.mkdir(exist_ok=True)
    for i in range(n):
        high = np.iinfo(dtype).max
        Image.fromarray(rng.integers(0, high, (20, 16), dtype=dtype)).save(root / f"{i}.png")
        if i < broken:
            (root / f"{i}.png").write_bytes(b"not a picture")
    rows = [(f"{i}.png", "ab"[i % 2], f"P{i // 2}") for i in range(n)]
    pd.DataFrame(rows, columns=["path", "label", "patient_id"]).to_csv(root / "labels.csv", index=False)
    return root


def make_elsewhere(root: Path, n: int = 24, classes: tuple[str, str] = ("a", "b"), ids: str = "H") -> Path:
    """`n` random pictures of another hospital, two of each patient, with labels."""
    rng = np.random.default_rng(7)
    root.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.fromarray(rng.integers(0, 255, (20, 16), dtype=np.uint8)).save(root / f"{i}.png")
    rows = [(f"{i}.png", classes[i // 2 % 2], f"{ids}{i // 2}") for i in range(n)]
    pd.DataFrame(rows, columns=["path", "label", "patient_id"]).to_csv(root / "labels.csv", index=False)
    return root
