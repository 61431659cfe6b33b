"""The jackknife and the formulas against drawing patients and trainings again."""

import numpy as np
import pytest
from bootstrap import bootstrap, draw, weighed

from medxfer.analysis import BlockScores, compare, compare_blocks
from medxfer.analysis.stats.influence import METRICS, check_cases, leave_one_patient_out


def study(trainings: int = 8, images: int = 120, seed: int = 0) -> BlockScores:
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 2
    seen = labels + rng.normal(0, 0.8, images) + rng.normal(0, 0.6, (2, 1, images))
    latent = seen + rng.normal(0, 0.6, (2, trainings, images))
    return BlockScores("x", 1 / (1 + np.exp(0.5 - latent)), labels)


def results_of(task: str, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two trainings, with ties, and labels."""
    rng = np.random.default_rng(4)
    scores = np.round(rng.random((2, images) if task == "binary" else (2, images, 3)), 1)
    shape = (images, 3) if task == "multilabel" else images
    return scores, rng.integers(0, 3 if task == "multiclass" else 2, shape)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_weights_equal_images_drawn_again(metric: str, task: str) -> None:
    patients = np.repeat(np.arange(20), 2)
    scores, labels = results_of(task, 40)
    drawn = np.random.default_rng(5).multinomial(20, np.full(20, 1 / 20), 6)[:, patients]
    for weights, values in zip(drawn, weighed(scores, labels, metric, drawn), strict=True):
        again = np.repeat(np.arange(40), weights)
        full, _ = leave_one_patient_out(check_cases(scores[:, again], labels[again]), metric)
        np.testing.assert_allclose(values, full)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_the_jackknife_varies_as_patients_drawn_again_do(metric: str, task: str) -> None:
    patients = np.repeat(np.arange(150), 2)
    scores, labels = results_of(task, 300)
    _, without = leave_one_patient_out(check_cases(scores, labels, patients), metric)
    drawn = weighed(scores, labels, metric, draw(np.random.default_rng(6), 150, 2_000)[1:, patients])
    np.testing.assert_allclose(without.std(axis=1) * np.sqrt(149), drawn.std(axis=0), rtol=0.1)


def test_it_agrees_with_the_formula_where_there_is_plenty() -> None:
    block = study(trainings=20, images=300)
    formula = compare(block.scores, block.labels, [-1, 1])
    estimate, se = bootstrap([block], [-1, 1])
    assert estimate == pytest.approx(formula.estimate)
    assert se == pytest.approx(formula.se, rel=0.25)


def test_blocks_of_one_data_set_share_their_patients() -> None:
    block = study()
    other = BlockScores("y", block.scores, block.labels)
    same, apart = bootstrap([block, block], [-1, 1]), bootstrap([block, other], [-1, 1])
    assert same[0] == pytest.approx(apart[0])
    assert same[1] > 1.1 * apart[1]
    together = bootstrap([block, block], [-1, 1], same_seeds=True)
    assert together[1] == pytest.approx(bootstrap([block], [-1, 1])[1])
    assert compare_blocks([block, block], [-1, 1]).se == pytest.approx(together[1], rel=0.25)
    assert compare_blocks([block, other], [-1, 1]).se == pytest.approx(apart[1], rel=0.25)
