"""A series' score: mean and highest probability of its slices, by hand and for any slices."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medxfer.base.errors import MedxferError
from medxfer.base.series import BySeries

SERIES = np.array(["b", "a", "b", "c", "a"])
BINARY = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.3, 0.7], [0.6, 0.4]], np.float32)


@pytest.mark.parametrize(
    ("score", "positive"), [("mean", [0.3, 0.6, 0.7]), ("max", [0.5, 0.8, 0.7])], ids=["mean", "max"]
)
def test_two_classes(score: str, positive: list[float]) -> None:
    first, scores = BySeries(score, "binary", SERIES).pool(np.arange(5), BINARY)
    assert first.tolist() == [0, 1, 3]  # the first slice of b, a and c
    np.testing.assert_allclose(scores[:, 1], positive, atol=1e-6)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert scores.dtype == np.float32


def test_of_some_rows_alone() -> None:
    """As a split has them: rows of the store, of which other series are in other parts."""
    first, scores = BySeries("mean", "binary", SERIES).pool(np.array([1, 3, 4]), BINARY[[1, 3, 4]])
    assert first.tolist() == [0, 1]
    np.testing.assert_allclose(scores[:, 1], [0.6, 0.7], atol=1e-6)


def test_several_labels_each_have_their_highest() -> None:
    scores = np.array([[0.9, 0.1, 0.2], [0.2, 0.3, 0.8]], np.float32)
    found = BySeries("max", "multilabel", np.array([7, 7])).pool(np.arange(2), scores)[1]
    np.testing.assert_allclose(found, [[0.9, 0.3, 0.8]])


def test_several_classes_have_a_mean_and_no_highest() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.1, 0.1, 0.8]], np.float32)
    found = BySeries("mean", "multiclass", np.array([7, 7])).pool(np.arange(2), scores)[1]
    np.testing.assert_allclose(found, [[0.5, 0.1, 0.4]], atol=1e-6)
    with pytest.raises(MedxferError, match=r"data\.score=max: .*use data\.score=mean"):
        BySeries("max", "multiclass", np.array([7, 7]))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1, width=32)), min_size=1, max_size=40),
    st.sampled_from(["mean", "max"]),
)
def test_it_is_what_grouping_gives_and_does_not_depend_on_the_order(
    slices: list[tuple[int, float]], score: str
) -> None:
    series, positive = np.array([one for one, _ in slices]), np.array([p for _, p in slices], np.float32)
    scores = np.stack([1 - positive, positive], axis=1)
    rows = np.arange(len(slices))
    first, found = BySeries(score, "binary", series).pool(rows, scores)
    of = pd.Series(positive.astype(float)).groupby(series, sort=False)
    np.testing.assert_allclose(found[:, 1], of.mean() if score == "mean" else of.max(), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert series[first].tolist() == list(dict.fromkeys(series.tolist()))
    turned = BySeries(score, "binary", series).pool(rows[::-1], scores[::-1])
    by_name = dict(zip(series[rows[::-1]][turned[0]].tolist(), turned[1][:, 1], strict=True))
    np.testing.assert_allclose([by_name[name] for name in series[first].tolist()], found[:, 1], atol=1e-6)


def test_series_of_one_image_score_as_the_image() -> None:
    for score in ("mean", "max"):
        found = BySeries(score, "binary", np.arange(5)).pool(np.arange(5), BINARY)[1]
        np.testing.assert_allclose(found, BINARY, atol=1e-6)
