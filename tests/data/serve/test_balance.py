"""Classes of unequal size: weights and chances from the labels alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medxfer.base.errors import MedxferError
from medxfer.data.serve.balance import check_balance, class_weights, image_chances
from medxfer.data.serve.module import SeededOrder

labels = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)


@given(labels)
def test_every_class_has_the_same_weight_in_the_sum(y):
    weights = np.array(class_weights(y, 5))[y]
    sums = [weights[y == c].sum() for c in np.unique(y)]
    assert np.allclose(sums, len(y) / 5)


@given(labels)
def test_every_class_has_the_same_chance(y):
    chances = image_chances(y)
    assert np.isclose(chances.sum(), 1)
    assert np.allclose([chances[y == c].sum() for c in np.unique(y)], 1 / len(np.unique(y)))


def test_a_labels_positives_weigh_as_much_as_its_negatives():
    y = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    assert class_weights(y, 2) == pytest.approx([3, 1 / 3])


def test_several_labels_an_image_cannot_be_drawn_by_one():
    check_balance("weights", "multilabel")
    check_balance("sampling", "binary")
    with pytest.raises(MedxferError, match="use balance=weights"):
        check_balance("sampling", "multilabel")


def test_the_balanced_order_follows_from_seed_and_epoch_alone():
    y = np.array([0] * 90 + [1] * 10)
    rows = np.arange(100) + 7
    one, same, other = (SeededOrder(rows, seed, image_chances(y)) for seed in (0, 0, 1))
    first = list(one)
    assert first == list(same) != list(other)
    one.set_epoch(1)
    assert list(one) != first
    drawn = []
    for epoch in range(50):
        one.set_epoch(epoch)
        drawn += list(one)
    assert len(drawn) == 5000
    assert set(drawn) <= set(rows)
    assert 0.47 < np.mean(y[np.array(drawn) - 7]) < 0.53
