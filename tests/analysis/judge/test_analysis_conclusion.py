from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medxfer.analysis.judge.conclusion import Conclusion, Figures, Statement, conclude, disagreement, needed, sentence
from medxfer.analysis.stats.forecasts import Forecast

FIGURES = Figures(
    estimate=0.004,
    se=0.01,
    df=20,
    low=-0.02,
    high=0.03,
    level=0.975,
    p=0.3,
    p_adjusted=0.6,
    p_equivalent=0.3,
    wins=0.6,
    trainings=5,
    patients=100,
    images=200,
    datasets=("phantom_dx",),
    backbones=("resnet18",),
)


def statement(**figures: float) -> Statement:
    """viridis against gray at a margin of 1 point, with these figures in place of FIGURES'."""
    return Statement("viridis", "gray", "balanced_accuracy", 0.01, 0.05, replace(FIGURES, **figures))


OPEN = statement()


@pytest.mark.parametrize(
    ("estimate", "low", "high", "p", "p_equivalent", "conclusion"),
    [
        (0.004, -0.020, 0.030, 0.600, 0.300, "cannot tell"),
        (0.030, 0.020, 0.040, 0.001, 1.000, "improves by at least the margin"),
        (0.020, 0.005, 0.040, 0.010, 0.900, "improves"),
        (-0.030, -0.040, -0.020, 0.001, 1.000, "harms by at least the margin"),
        (-0.020, -0.040, -0.005, 0.010, 0.900, "harms"),
        (0.004, 0.002, 0.006, 0.010, 0.001, "significant but negligible"),
        (0.001, -0.004, 0.006, 0.700, 0.010, "equivalent"),
        (-0.010, -0.030, 0.008, 0.200, 0.500, "a gain above the margin is excluded"),
    ],
)
def test_each_conclusion(
    estimate: float, low: float, high: float, p: float, p_equivalent: float, conclusion: str
) -> None:
    said = statement(estimate=estimate, low=low, high=high, p_adjusted=p, p_equivalent=p_equivalent)
    assert conclude(said) == conclusion
    text = sentence(said, conclude(said))
    assert "interval" in text
    assert "p" in text
    assert "viridis" in text
    assert "no effect" not in text


@given(estimate=st.floats(-0.2, 0.2), half=st.floats(1e-4, 0.3), p=st.floats(0.0501, 1.0), q=st.floats(0, 1))
def test_a_large_p_never_becomes_a_claim_of_a_gain_or_a_loss(estimate: float, half: float, p: float, q: float) -> None:
    said = statement(estimate=estimate, low=estimate - half, high=estimate + half, p_adjusted=p, p_equivalent=q)
    assert not conclude(said).startswith(("improves", "harms", "significant"))


def test_the_sentence_gives_estimate_interval_and_adjusted_p() -> None:
    assert sentence(OPEN, "cannot tell") == (
        "viridis against gray: a gain, a loss and no difference all remain possible "
        "(+0.4 points, simultaneous 95 % interval −2.0 to +3.0, adjusted p = 0.6)."
    )


@pytest.mark.parametrize("conclusion", ["one training", "incomplete"])
def test_one_training_speaks_of_itself_and_gives_no_p(conclusion: Conclusion) -> None:
    text = sentence(statement(trainings=1), conclusion)
    assert "one training" in text
    assert "patients alone" in text
    assert "p =" not in text


def test_an_interval_that_contradicts_p_is_pointed_out() -> None:
    assert "the verdict follows p" in disagreement(statement(low=-0.001, p_adjusted=0.04))
    assert "the verdict follows p" in disagreement(statement(low=0.001, p_adjusted=0.06))
    assert disagreement(OPEN) == ""
    assert disagreement(statement(low=0.001, p_adjusted=0.04)) == ""


def test_what_it_takes_is_rounded_to_what_can_be_known() -> None:
    assert "12 more seeds or 320 more test patients" in needed(Forecast(12, 312), 5, 100)
    assert "1 more seed are" not in needed(Forecast(2, None), 5, 100)
    assert "it takes both" in needed(Forecast(None, None), 5, 100)
