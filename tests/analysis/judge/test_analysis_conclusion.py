from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medxfer.analysis.judge.conclusion import (
    Conclusion,
    Figures,
    Statement,
    conclude,
    disagreement,
    sentence,
    statement,
)
from medxfer.analysis.judge.contrasts import declare
from medxfer.analysis.judge.phrases import p_value, points, size
from medxfer.study.declared import Declared, Rules

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
    contrasts=2,
)


def of_viridis(**figures: float) -> Statement:
    """viridis against gray at a margin of 1 point, with these figures in place of FIGURES'."""
    return Statement("viridis", "gray", "balanced_accuracy", 0.01, 0.05, replace(FIGURES, **figures))


OPEN = of_viridis()


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
    said = of_viridis(estimate=estimate, low=low, high=high, p_adjusted=p, p_equivalent=p_equivalent)
    assert conclude(said) == conclusion
    text = sentence(said, conclude(said))
    assert "interval" in text
    assert "p" in text
    assert "viridis" in text
    assert "no effect" not in text


@given(estimate=st.floats(-0.2, 0.2), half=st.floats(1e-4, 0.3), p=st.floats(0.0501, 1.0), q=st.floats(0, 1))
def test_a_large_p_never_becomes_a_claim_of_a_gain_or_a_loss(estimate: float, half: float, p: float, q: float) -> None:
    said = of_viridis(estimate=estimate, low=estimate - half, high=estimate + half, p_adjusted=p, p_equivalent=q)
    assert not conclude(said).startswith(("improves", "harms", "significant"))


def test_the_sentence_gives_estimate_interval_and_adjusted_p() -> None:
    assert sentence(OPEN, "cannot tell") == (
        "viridis against gray: a gain, a loss and no difference all remain possible "
        "(+0.4 points, simultaneous 95 % interval −2.0 to +3.0, adjusted p = 0.6)."
    )


@pytest.mark.parametrize("conclusion", ["one training", "incomplete"])
def test_one_training_speaks_of_itself_and_gives_no_p(conclusion: Conclusion) -> None:
    text = sentence(of_viridis(trainings=1), conclusion)
    assert "one training" in text
    assert "patients alone" in text
    assert "p =" not in text


def test_an_interval_that_contradicts_p_is_pointed_out() -> None:
    assert "the verdict follows p" in disagreement(of_viridis(low=-0.001, p_adjusted=0.04))
    assert "the verdict follows p" in disagreement(of_viridis(low=0.001, p_adjusted=0.06))
    assert disagreement(OPEN) == ""
    assert disagreement(of_viridis(low=0.001, p_adjusted=0.04)) == ""


def said_of(name: str, conclusion: Conclusion = "improves") -> str:
    """The sentence of one contrast of a grid with a control and weights of one's own."""
    colormaps, starts = ("none", "viridis", "shuffled:viridis@0"), (True, False, "file:own.pth")
    arms = [(colormap, start) for colormap in colormaps for start in starts]
    (contrast,) = (c for c in declare(arms, Rules(True, "none")) if c.name == name)
    figures = replace(FIGURES, estimate=0.03, low=0.01, high=0.05)
    return sentence(
        statement(contrast, Declared(metric="auroc", rq1={}, rq2={}), figures, {True: "ImageNet-1k"}), conclusion
    )


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("viridis − none, pretrained", "AUROC is 3.0 points higher with viridis than with gray;"),
        (
            "viridis − shuffled:viridis@0, pretrained",
            "AUROC is 3.0 points higher with viridis than with shuffled:viridis@0;",
        ),
        (
            "viridis − none, random weights",
            "AUROC is 3.0 points higher with viridis than with gray, starting from random weights;",
        ),
        (
            "viridis − none, averaged over weights",
            "AUROC is 3.0 points higher with viridis than with gray, averaged over both starts;",
        ),
        (
            "viridis − none, gain with pretrained − with random",
            "The gain of viridis in AUROC is 3.0 points higher with ImageNet-1k weights than with random weights;",
        ),
        (
            "pretrained − random, viridis",
            "AUROC is 3.0 points higher with ImageNet-1k weights than with random weights, on images in viridis;",
        ),
        (
            "file:own.pth − pretrained, none",
            "AUROC is 3.0 points higher with file:own.pth weights than with ImageNet-1k weights;",
        ),
    ],
)
def test_every_family_says_what_is_compared_with_what(name: str, start: str) -> None:
    assert said_of(name).startswith(start)


def test_an_interaction_never_reads_as_a_plain_gain() -> None:
    name = "viridis − none, gain with pretrained − with random"
    for conclusion in ("cannot tell", "equivalent", "significant but negligible", "one training", "incomplete"):
        text = said_of(name, conclusion)
        assert "gray" not in text
        assert "gain" in text
        assert "random weights" in text


def test_a_loss_is_not_called_less_than_a_gain() -> None:
    said = of_viridis(estimate=-0.015, low=-0.03, high=0.005, p_adjusted=0.2, p_equivalent=0.7)
    text = sentence(said, conclude(said))
    assert "a gain of 1 point or more with viridis over gray is excluded; a loss is not (−1.5 points" in text.lower()
    assert "surely" not in text
    assert "loss" not in sentence(replace(said, figures=replace(said.figures, low=-0.009)), conclude(said))


def test_equivalence_and_its_interval_are_compared_too() -> None:
    apart = of_viridis(estimate=0.002, low=-0.009, high=0.013, p_equivalent=0.04)
    assert "reaches beyond the margin" in disagreement(apart)
    assert "follows these tests" in disagreement(of_viridis(low=-0.009, high=0.009, p_equivalent=0.06))
    assert disagreement(of_viridis(low=-0.009, high=0.009, p_equivalent=0.04)) == ""


@given(p=st.floats(0, 1), alpha=st.sampled_from([0.01, 0.05, 0.1]))
def test_a_p_value_is_shown_on_the_side_of_the_level_where_it_lies(p: float, alpha: float) -> None:
    shown = float(p_value(p, alpha=alpha).split()[-1])
    if p >= 0.001:
        assert (shown < alpha, shown > alpha) == (p < alpha, p > alpha)


def test_p_values() -> None:
    assert [p_value(p) for p in (0.0496, 0.0504, 0.05, 0.04, 0.049996)] == [
        "p = 0.0496", "p = 0.0504", "p = 0.05", "p = 0.04", "p = 0.049996",
    ]  # fmt: skip


def test_an_end_of_an_interval_is_shown_on_its_side_of_zero() -> None:
    assert points(0.00001) == "+0.001"
    assert points(-0.00004) == "−0.004"
    assert points(0.0) == points(1e-12) == "0.0"
    assert size(0.06, 0.022, 0.098) == "+6.0 points, 2.2 to 9.8"
    assert size(0.004, -0.02, 0.03) == "+0.4 points, −2.0 to +3.0"


def test_the_colormap_gray_is_told_from_gray_images() -> None:
    """matplotlib has a colormap of that name, an arm that stands beside images without a colormap."""
    arms = [("none", True), ("gray", True)]
    declared = Declared(rq1={}, rq2={})
    said = statement(declare(arms, Rules(True, "none"))[0], declared, FIGURES)
    assert sentence(said, "cannot tell").startswith("gray (the colormap) against gray: ")
