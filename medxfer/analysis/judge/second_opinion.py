"""The primary contrasts judged in two other ways, with other assumptions; where they disagree, that is said."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from medxfer.analysis.judge.contrasts import PRIMARY, Arm, Contrast
from medxfer.analysis.judge.evidence import gather
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.phrases import interval, p_value, points
from medxfer.analysis.judge.results import Cell
from medxfer.analysis.stats.bootstrap import bootstrap
from medxfer.study.declared import Declared

BOOTSTRAP = "crossed bootstrap"
MIXED_MODEL = "mixed model"


@dataclass(frozen=True)
class Opinion:
    """One contrast by another method; the interval is not simultaneous."""

    contrast: str
    method: str
    estimate: float
    low: float
    high: float
    p: float | None  # None: percentile intervals come without one
    wins: tuple[float, float] | None  # interval of P(a new training of one arm beats one of the other)
    agrees: bool  # with the verdict's method, on whether the difference is distinguished from zero

    @property
    def sentence(self) -> str:
        p = "" if self.p is None else f", {p_value(self.p)}"
        verdict = "agrees" if self.agrees else "disagrees"
        return (
            f"{self.contrast}: the {self.method} gives {points(self.estimate)} points "
            f"({interval(self.low, self.high)}{p}) and {verdict} with the verdict's method "
            "on whether that differs from zero."
        )


def second_opinions(judge: Judge, primary: Sequence[Finding]) -> list[Opinion]:
    """A crossed bootstrap and a mixed model for each primary contrast that several trainings speak on."""
    found = {finding.contrast: finding for finding in primary}
    contrasts = [c for c in judge.contrasts if c.family == PRIMARY and c.name in found]
    return [opinion for contrast in contrasts for opinion in _opinions(judge, contrast, found[contrast.name])]


def _opinions(judge: Judge, contrast: Contrast, finding: Finding) -> Iterator[Opinion]:
    figures = finding.figures
    if figures is None or figures.trainings == 1:
        return
    told = figures.p < 1 - judge.study.declared.level
    yield _bootstrap(judge, contrast, told)
    blocks = [
        [cell for cell in cells if cell.status == "done" and cell.arm in contrast.weights]
        for cells in judge.blocks.values()
    ]
    model = mixed_model(blocks, contrast.weights, judge.study.declared)
    if model is not None:
        estimate, low, high, p = model
        agrees = (p < 1 - judge.study.declared.level) == told
        yield Opinion(contrast.name, MIXED_MODEL, estimate, low, high, p, None, agrees)


def _bootstrap(judge: Judge, contrast: Contrast, told: bool) -> Opinion:
    declared = judge.study.declared
    gathered = gather(judge.blocks.values(), list(contrast.weights))
    assert gathered is not None  # the finding has figures
    b = bootstrap(
        gathered.blocks, list(contrast.weights.values()), declared.metric, declared.level, declared.threshold,
        gathered.resampled,
    )  # fmt: skip
    excludes = not b.low <= 0 <= b.high
    wins = (b.wins_low, b.wins_high)
    return Opinion(contrast.name, BOOTSTRAP, b.estimate, b.low, b.high, None, wins, excludes == told)


def mixed_model(
    blocks: Sequence[Sequence[Cell]], weights: Mapping[Arm, float], declared: Declared
) -> tuple[float, float, float, float] | None:
    """A linear mixed model of the trainings' metrics: arms and blocks fixed, the seed of a block random.

    It sees trainings only, not patients: its interval is for these test patients.

    Returns:
        (estimate, low, high, p), or None where the model cannot be fitted.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM  # slow to import, and rarely needed

    runs = [
        (cell.record["metrics"].get(f"test/{declared.metric}"), cell.arm == arm, block, cell.factors["seed"])
        for block, cells in enumerate(blocks)
        for cell in cells
        for arm in weights
        if weights[arm] > 0
    ]
    frame = pd.DataFrame(runs, columns=["value", "arm", "block", "seed"]).dropna()
    group = frame["block"].astype(str) + "/" + frame["seed"].astype(str)
    fixed = pd.get_dummies(frame["block"], prefix="block", dtype=float).assign(arm=frame["arm"].astype(float))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a seed effect of zero lies on the boundary, and is fine
            fit = MixedLM(frame["value"].astype(float), fixed, groups=group).fit(reml=True)
            low, high = fit.conf_int(alpha=1 - declared.level).loc["arm"]
    except (np.linalg.LinAlgError, ValueError):
        return None
    result = tuple(float(x) for x in (fit.params["arm"], low, high, fit.pvalues["arm"]))
    return result if np.isfinite(result).all() else None  # type: ignore[return-value]
