from dataclasses import replace

import pytest

from medxfer.analysis.judge.figures import Figures
from medxfer.analysis.judge.level import heterogeneity_note, level_note, simulated

FIGURES = Figures(
    estimate=0.02, se=0.01, df=8.0, low=0.0, high=0.04, level=0.95, p=0.05, p_adjusted=0.05, p_equivalent=1.0,
    wins=None, trainings=5, patients=100, images=100, datasets=("a",), backbones=("b",), contrasts=2,
    fewest_patients=40, from_trainings=0.9, seed_correlation=0.0, reference_ratio=1.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "error", "width"),
    [
        ({}, 0.0486, 1.09),
        ({"trainings": 3, "reference_ratio": 2.4, "from_trainings": 0.97}, 0.069, None),  # gray s1.5
        ({"trainings": 5, "contrasts": 16, "reference_ratio": 3.0, "from_trainings": 1.0}, 0.066, None),
        ({"trainings": 5, "contrasts": 20, "seed_correlation": 0.4}, 0.019, None),
        ({"trainings": 2, "seed_correlation": 0.7, "from_trainings": 0.95}, None, 2.33),
        ({"trainings": 2, "seed_correlation": 0.7, "from_trainings": 0.9}, None, 2.26),
    ],
)  # fmt: skip
def test_the_nearest_setting_of_colormaps_against_gray(changed: dict, error: float | None, width: float | None) -> None:
    found = simulated("RQ1", replace(FIGURES, **changed), 0.95)
    assert error is None or found.error == pytest.approx(error, abs=6e-4)
    assert width is None or found.width == pytest.approx(width, abs=6e-3)


def test_gray_that_varies_more_is_said_beside_the_answer() -> None:
    found = simulated("RQ1", replace(FIGURES, trainings=3, reference_ratio=2.25, from_trainings=0.99), 0.95)
    usual = simulated("RQ1", FIGURES, 0.95)
    assert level_note([usual, None]) == ""
    assert level_note([usual, found]) == (
        "In simulated studies like this one (2 contrasts, 3 seeds, correlated by 0, trainings 99 % of the variance, "
        "gray with 1.5 times the deviation of the other arms) 6.9 % of families erred, not 5 %: take an adjusted p "
        "just below 0.05 as undecided."
    )


def test_what_is_no_question_of_colormaps_has_a_reference_and_no_gray() -> None:
    figures = replace(FIGURES, trainings=3, reference_ratio=2.25, from_trainings=0.99)
    said = level_note([simulated("finetune", figures, 0.95)])
    assert "the reference with 1.5 times the deviation" in said
    assert "gray" not in said


@pytest.mark.parametrize(("seeds", "error"), [(2, 0.105), (3, 0.079), (5, 0.062)])
def test_weights_whose_seeds_correlate_are_said_beside_the_answer(seeds: int, error: float) -> None:
    """The weights that vary more are not known: the worst of three ratios counts."""
    figures = replace(FIGURES, trainings=seeds, contrasts=1, seed_correlation=0.85, from_trainings=0.99)
    found = simulated("RQ2", figures, 0.95)
    assert found.error == pytest.approx(error, abs=6e-4)
    assert f"{seeds} seeds, correlated by 0.9 within the same weights" in level_note([found])
    assert level_note([simulated("RQ2", replace(figures, seed_correlation=0.7), 0.95)]) == ""
    assert level_note([simulated("RQ2", replace(figures, trainings=10), 0.95)]) == ""


def test_intervals_that_are_too_wide_or_families_that_err_too_seldom_are_said_below() -> None:
    wide = simulated("RQ1", replace(FIGURES, trainings=2, seed_correlation=0.6), 0.95)
    seldom = simulated("RQ1", replace(FIGURES, contrasts=20, seed_correlation=0.3), 0.95)
    assert "intervals were 2.3 times as wide as with known variances" in wide.missed
    assert "1.9 % of families erred, not 5 %: intervals are too wide" in seldom.missed
    assert level_note([wide, seldom]) == ""


def test_blocks_share_as_much_of_a_seed_as_their_covariance_says() -> None:
    """Trainings' variance of one block 4, covariance 2: the mean of two has 3."""
    figures = replace(FIGURES, blocks=2, se=2.0, from_trainings=0.75, block_covariance=2.0)
    found = simulated("RQ1", figures, 0.95)
    assert found.setting == (
        "1 data set with 2 blocks that share 50 % of a seed's effect, 5 seeds, trainings 70 % of the variance"
    )
    assert found.missed == ""
    several = simulated("RQ1", replace(figures, datasets=("a", "b", "c"), block_covariance=-1.0), 0.95)
    assert several.setting.startswith("4 data sets, each with 2 blocks that share 0 %")
    gray = simulated("RQ1", replace(figures, reference_ratio=2.25, from_trainings=0.99), 0.95)
    assert gray.errs_too_often
    assert gray.table == "levels"


def test_one_training_and_other_levels_were_not_simulated() -> None:
    assert simulated("RQ1", replace(FIGURES, trainings=1, from_trainings=None), 0.95) is None
    assert simulated("RQ1", FIGURES, 0.99) is None


def test_cochrans_q_says_where_it_errs_too_often() -> None:
    assert heterogeneity_note(5, 6, 0.9) == (
        "In simulated studies like this one (6 data sets, 5 seeds, trainings 90 % of the variance) equal data sets had "
        "such a p below 0.05 in 6.8 %."
    )
    assert "6.7 %" in heterogeneity_note(6, 4, 1.0)
    assert heterogeneity_note(3, 4, 0.9) == ""
