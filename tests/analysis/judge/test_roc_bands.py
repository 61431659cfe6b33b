from pathlib import Path

import numpy as np
import pytest
from synthetic_study import write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.contrasts import PRIMARY
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.operating import GRID
from medxfer.analysis.judge.roc_bands import RocBand, roc_bands


def bands(folder: Path) -> dict[str, list[RocBand]]:
    judge = Judge(read_study(folder))
    return {c.name: roc_bands(judge, c) for c in judge.contrasts if c.family == PRIMARY}


def outside(band: RocBand) -> np.ndarray:
    better, other = (np.interp(band.rates, GRID, of) for of in (band.better, band.other))
    return np.abs(better - other) > band.half


def test_a_large_difference_leaves_the_band_and_none_stays(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", seeds=4, patients=200, effect=lambda f: -1.5 * (f["colormap"] == "viridis"), seed_noise=0.05
    )
    found = bands(folder)
    (viridis,), (inferno,), (weights,) = found.values()
    assert viridis.trainings == 4
    assert outside(viridis)[viridis.rates < 0.5].mean() > 0.8
    assert outside(inferno).mean() < 0.15
    assert outside(weights).mean() < 0.15
    assert (np.diff(viridis.better) >= 0).all()


def test_the_mean_difference_over_rates_is_that_of_auroc(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=3, patients=200, backbones=("a", "b"), declared={"metric": "auroc"})
    judge = Judge(read_study(folder))
    findings = {finding.contrast: finding for finding in judge.family("RQ1", PRIMARY)}
    for name, (band,) in bands(folder).items():
        if name in findings:
            figures = findings[name].figures
            assert np.trapezoid(band.better - band.other, GRID) == pytest.approx(figures.estimate, abs=0.004)


def test_each_data_set_has_its_band_over_the_classes(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, data=("x", "y"), classes=3)
    for of_contrast in bands(folder).values():
        assert [band.data for band in of_contrast] == ["x", "y"]
        assert all(np.isfinite(band.half).all() for band in of_contrast)


def test_few_negatives_have_a_band_only_where_some_lie_above(tmp_path: Path) -> None:
    ((band,), *_) = bands(write_study(tmp_path / "s", seeds=2, patients=20)).values()
    assert band.rates.min() == pytest.approx(0.3)


def test_what_cannot_be_paired_has_none(tmp_path: Path) -> None:
    missing = [{"colormap": "viridis", "seed": 0}, {"colormap": "none", "seed": 1}]
    found = bands(write_study(tmp_path / "s", seeds=2, missing=missing))
    assert next(iter(found.values())) == []
