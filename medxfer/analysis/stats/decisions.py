"""From comparisons to decisions: equivalence, and several contrasts at once."""

from collections.abc import Sequence

import numpy as np

from medxfer.analysis.stats.influence import NotComparable
from medxfer.analysis.stats.mrmc import Comparison


def equivalence_p(comparison: Comparison, margin: float) -> float:
    """p of the two one-sided tests (Schuirmann 1987): below α, the difference lies within ±`margin`.

    Equivalently, the interval of level 1 − 2α does.

    Raises:
        NotComparable: `margin` is not above 0.
    """
    if not margin > 0:
        raise NotComparable(f"an equivalence margin is above 0, not {margin:g}")
    beyond = abs(comparison.estimate) - margin  # the nearer of the two limits decides
    one_sided = comparison.uncertainty.p(beyond) / 2
    return 1 - one_sided if beyond > 0 else one_sided


def simultaneous_level(level: float, contrasts: int) -> float:
    """The level at which `contrasts` intervals all hold together with at least probability `level` (Bonferroni)."""
    return 1 - (1 - level) / max(contrasts, 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given (Holm 1979): those below α hold the family's error at α."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return [float(a) for a in adjusted]
