"""The crossed bootstrap: against refitting on the drawn images, and as a second opinion."""

import numpy as np
import pytest

from medxfer.analysis.stats.bootstrap import _weighed, bootstrap
from medxfer.analysis.stats.case_metrics import METRICS, NotComparable, check_cases
from medxfer.analysis.stats.jackknife import leave_one_patient_out
from medxfer.analysis.stats.mrmc import Block, compare, compare_blocks


def study(trainings: int = 8, images: int = 120, gain: float = 0.0, seed: int = 0) -> Block:
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 2
    seen = labels + rng.normal(0, 0.8, images) + rng.normal(0, 0.6, (2, 1, images))
    latent = seen + rng.normal(0, 0.6, (2, trainings, images))
    latent[1] += gain * (labels - 0.5)
    return Block("x", 1 / (1 + np.exp(0.5 - latent)), labels)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_weights_equal_images_drawn_again(metric: str, task: str) -> None:
    rng = np.random.default_rng(4)
    images, patients = 40, np.repeat(np.arange(20), 2)
    scores = np.round(rng.random((2, images) if task == "binary" else (2, images, 3)), 1)
    shape = (images, 3) if task == "multilabel" else images
    labels = rng.integers(0, 3 if task == "multiclass" else 2, shape)
    drawn = rng.multinomial(20, np.full(20, 1 / 20), 6).astype(float)
    weighed = _weighed(check_cases(scores, labels, patients), metric, 0.5, drawn)
    for draw, values in zip(drawn, weighed, strict=True):
        again = np.repeat(np.arange(images), draw[patients].astype(int))
        full, _ = leave_one_patient_out(check_cases(scores[:, again], labels[again]), metric)
        np.testing.assert_allclose(values, full)


def test_it_agrees_with_the_formula_where_there_is_plenty() -> None:
    block = study(trainings=20, images=300)
    formula = compare(block.scores, block.labels, [-1, 1])
    second = bootstrap([block], [-1, 1])
    assert second.estimate == pytest.approx(formula.estimate)
    assert second.se == pytest.approx(formula.se, rel=0.25)
    assert second.low < second.estimate < second.high


def test_wins_count_pairs_of_trainings() -> None:
    block = study(trainings=4, gain=0.3)
    full, _ = leave_one_patient_out(check_cases(block.scores.reshape(8, -1), block.labels), "auroc")
    pairs = full[4:, None] - full[None, :4]
    result = bootstrap([block], [-1, 1], draws=200)
    assert result.wins == pytest.approx(np.mean((pairs > 0) + (pairs == 0) / 2))
    assert 0 <= result.wins_low <= result.wins <= result.wins_high <= 1
    assert bootstrap([study(gain=3.0)], [-1, 1], draws=200).wins == 1


def test_the_same_seed_gives_the_same_and_swapped_arms_the_negative() -> None:
    block = study()
    first, again = bootstrap([block], [-1, 1], draws=100), bootstrap([block], [-1, 1], draws=100)
    assert first == again
    swapped = bootstrap([block], [1, -1], draws=100)
    assert (swapped.low, swapped.high) == pytest.approx((-first.high, -first.low))
    assert swapped.wins == pytest.approx(1 - first.wins)
    assert bootstrap([block], [-1, 1], draws=100, seed=1) != first


def test_blocks_of_one_data_set_share_their_patients() -> None:
    block = study()
    other = Block("y", block.scores, block.labels)
    same, apart = bootstrap([block, block], [-1, 1]), bootstrap([block, other], [-1, 1])
    assert same.estimate == pytest.approx(apart.estimate)
    assert same.se > 1.1 * apart.se
    together = bootstrap([block, block], [-1, 1], resampled=True)
    assert together.se == pytest.approx(bootstrap([block], [-1, 1]).se)
    assert compare_blocks([block, block], [-1, 1]).se == pytest.approx(same.se, rel=0.25)


def test_refusals() -> None:
    block = study()
    with pytest.raises(NotComparable, match="same test patients"):
        bootstrap([block, study(images=130)], [1, -1])
    with pytest.raises(NotComparable, match="too few patients"):
        bootstrap([Block("x", block.scores, np.zeros(120, int))], [1, -1])
    with pytest.raises(NotComparable, match="too few patients"):
        bootstrap([Block("x", block.scores, block.labels, block.labels)], [1, -1], draws=50)
    with pytest.raises(NotComparable, match="no block"):
        bootstrap([], [1, -1])
