from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medxfer.analysis.judge.operating import GRID, calibration, calibration_line, decide, precision_recall, roc
from medxfer.analysis.judge.phrases import margin_points, p_value, points
from medxfer.analysis.judge.scores import CellScores
from medxfer.analysis.page.drawing import Axis, Chart, Line, broken, chart_axes, environment, number
from medxfer.base.words import count, listing

draw = environment().get_template("drawing.svg.j2").module


def test_text_and_attributes_are_escaped() -> None:
    line = Line([0, 1], [0, 1], '"><b>')
    made = draw.chart(Chart("", [line], *chart_axes((0, 1), (0, 1)), ("<b>", "y"), "<b>"))
    assert "<b>" not in made
    assert "&lt;b&gt;</title>" in made
    ElementTree.fromstring(made)


def test_an_interval_may_stand_below_its_figure_and_is_not_broken_itself() -> None:
    assert broken("42 (6 to 89)") == "42 <wbr/>(6\u00a0to\u00a089)"
    assert broken("<b> (no)") == "&lt;b&gt; <wbr/>(no)"


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5))
def test_an_axis_holds_its_values_between_its_ends(values: list[float]) -> None:
    axis = Axis.around(values)
    slack = 1e-9 * (axis.high - axis.low)
    assert axis.low <= min(values) + slack
    assert axis.high >= max(values) - slack
    assert all(axis.start <= axis(value) <= axis.stop for value in values)
    assert axis.ticks()


@given(st.floats(-50, 50), st.floats(0, 50))
def test_rows_are_well_formed(estimate: float, half: float) -> None:
    axis = Axis.around([estimate - half, estimate + half, -1, 1])
    row = ElementTree.fromstring(draw.interval_row(axis, 1.0, "solid", estimate, estimate - half, estimate + half))
    assert row.attrib["aria-hidden"] == "true"
    ElementTree.fromstring(draw.dot_row(axis, [estimate], "hollow", estimate, estimate, estimate))
    ElementTree.fromstring(draw.axis_row(axis, 1.0))


def test_marks_differ_in_shape() -> None:
    assert len({draw.marker("50%", kind, 5) for kind in ("solid", "hollow", "diamond")}) == 3


def test_a_chart_has_a_title_for_screen_readers() -> None:
    line = Line([0, 1], [0, 1], "arm1", dashed=True, band=[(0, 0.5), (0.5, 1)], marks=True)
    chart = Chart("", [line], *chart_axes((0, 1), (0, 1)), ("x", "y"), "what it shows", diagonal=True)
    drawing = ElementTree.fromstring(draw.chart(chart))
    assert drawing.attrib["role"] == "img"
    assert drawing[0].text == "what it shows"


def predictions(scores: np.ndarray, labels: np.ndarray) -> CellScores:
    names = np.arange(len(labels)).astype(str)
    return CellScores(names, names, labels, scores)


def test_roc_of_a_perfect_and_of_a_blind_network() -> None:
    labels = np.tile([0, 1], 500)
    perfect = predictions(np.stack([1.0 - labels, labels], axis=1), labels)
    blind = predictions(np.full((1000, 2), 0.5), labels)
    assert roc([perfect]) == pytest.approx(np.ones(len(GRID)))
    assert roc([blind]) == pytest.approx(GRID)


def test_roc_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 3000)
    scores = rng.normal(size=(3000, 3)) + np.eye(3)[labels]
    areas = [np.mean(scores[labels == c, c][:, None] > scores[labels != c, c][None]) for c in range(3)]
    assert np.trapezoid(roc([predictions(scores, labels)]), GRID) == pytest.approx(np.mean(areas), abs=0.005)


def test_calibration_of_honest_scores() -> None:
    rng = np.random.default_rng(0)
    share = rng.random(50_000)
    labels = (rng.random(50_000) < share).astype(int)
    honest = predictions(np.stack([1 - share, share], axis=1), labels)
    said, seen = calibration([honest])
    assert len(said) == 10
    assert seen == pytest.approx(said, abs=0.02)
    assert calibration_line(honest) == pytest.approx({"slope": 1.0, "intercept": 0.0}, abs=0.04)


def test_calibration_line_of_scores_that_are_too_sure_or_shifted() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(size=50_000)
    labels = (rng.random(50_000) < 1 / (1 + np.exp(-logit))).astype(int)
    for said, expected in ((2 * logit, {"slope": 0.5}), (logit + 0.7, {"slope": 1.0, "intercept": -0.7})):
        score = 1 / (1 + np.exp(-said))
        line = calibration_line(predictions(np.stack([1 - score, score], axis=1), labels))
        assert {name: line[name] for name in expected} == pytest.approx(expected, abs=0.05)


def test_separated_classes_and_equal_scores_have_no_calibration_line() -> None:
    labels = np.tile([0, 1], 50)
    assert calibration_line(predictions(np.stack([0.9 - 0.8 * labels, 0.1 + 0.8 * labels], axis=1), labels)) is None
    assert calibration_line(predictions(np.full((100, 2), 0.5), labels)) is None


def test_calibration_does_not_depend_on_the_order_of_equal_scores() -> None:
    labels = np.repeat([0, 1], 500)
    said, seen = calibration([predictions(np.full((1000, 2), 0.5), labels)])
    assert (said.tolist(), seen.tolist()) == ([0.5], [0.5])


def test_decisions_count_images_at_the_threshold() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    score = np.array([0.9, 0.6, 0.3, 0.8, 0.3, 0.2, 0.1, 0.1])
    run = predictions(np.stack([1 - score, score], axis=1), labels)
    assert decide(run, 0.5) == pytest.approx(
        {"TP": 2, "FP": 1, "FN": 1, "TN": 4, "sensitivity": 2 / 3, "specificity": 0.8, "PPV": 2 / 3, "NPV": 0.8}
    )
    assert np.isnan(decide(run, 0.95)["PPV"])


def test_precision_at_each_sensitivity() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(20_000) < 0.1).astype(int)
    perfect = predictions(np.stack([1.0 - labels, labels], axis=1), labels)
    blind = rng.random(20_000)
    assert precision_recall([perfect]) == pytest.approx(np.ones(100))
    found = precision_recall([predictions(np.stack([1 - blind, blind], axis=1), labels)])
    assert found[20:] == pytest.approx(np.full(80, labels.mean()), abs=0.02)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (points(0.0123), "+1.2"),
        (points(-0.0123), "−1.2"),
        (points(0.0004), "+0.04"),
        (points(0.0), "0.0"),
        (points(-0.02, signed=False), "2.0"),
        (margin_points(0.01), "1 point"),
        (margin_points(0.005), "0.5 points"),
        (p_value(0.0001), "p < 0.001"),
        (p_value(0.0312, "adjusted p"), "adjusted p = 0.031"),
        (p_value(1.0), "p > 0.99"),
        (p_value(0.0498, alpha=1 - 0.95), "p = 0.0498"),  # alpha is 0.050000000000000044 then
        (listing(["a", "b", "c"]), "a, b and c"),
        (count(1, "seed"), "1 seed"),
        (count(1200, "patient"), "1,200 patients"),
        (number(-2.50), "−2.5"),
        (number(2.0, signed=True), "+2"),
    ],
)
def test_numbers_in_words(text: str, expected: str) -> None:
    assert text == expected
